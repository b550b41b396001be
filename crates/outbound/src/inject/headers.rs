//! Header fields: those of one connection out, the injected ones in.

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use model::route::same_header;
use model::snapshot::{BoundHeader, HeaderFill};
use model::template::Facts;

use super::InjectError;

/// Fields that belong to one connection (RFC 9110 section 7.6.1), whether or not `Connection` names them.
/// `Trailer` is not among them: it announces what comes at the end of the message, which is passed on.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Takes out of a request what belongs to one connection: the fields of RFC 9110 section 7.6.1, aliases of them and of
/// `Content-Length`, and all that `Connection` names. `TE: trailers` stays, as the one word of `TE` that can be
/// passed on.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let trailers = headers.get_all(TE).iter().flat_map(tokens).any(|token| token.eq_ignore_ascii_case(b"trailers"));
    strip_answer(headers);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        // Whoever sends TE says so in Connection (RFC 9110 section 10.1.4).
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
}

/// The same for answers, and for the trailers of either side: `TE` says nothing there and goes wholly.
pub fn strip_answer(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers.get_all(CONNECTION).iter().flat_map(tokens).filter_map(name).collect();
    for name in named {
        headers.remove(name);
    }
    let belongs: Vec<HeaderName> = headers.keys().filter(|name| belongs_to_connection(name)).cloned().collect();
    for name in belongs {
        headers.remove(name);
    }
}

/// Aliases too: behind a server that takes `Transfer_Encoding` for `Transfer-Encoding` a body would end elsewhere.
fn belongs_to_connection(name: &HeaderName) -> bool {
    let is = |other: &HeaderName| same_header(name.as_str(), other.as_str());
    HOP_BY_HOP.iter().any(is) || (is(&CONTENT_LENGTH) && *name != CONTENT_LENGTH)
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn name(token: &[u8]) -> Option<HeaderName> {
    // TE is looked at by itself.
    HeaderName::from_bytes(token).ok().filter(|name| *name != TE)
}

/// Removes every header whose name is `name` to some server: the same but for case, `-`, `_` and `.`.
/// For trailers too.
pub fn remove_aliases(headers: &mut HeaderMap, name: &str) {
    while let Some(alias) = headers.keys().find(|key| same_header(key.as_str(), name)).cloned() {
        headers.remove(alias);
    }
}

/// Removes what the client sent under the name, or an alias, of a header to be injected: what is left to do for
/// trailers, which [`inject_headers`] does not see.
pub fn remove_injected(headers: &mut HeaderMap, injected: &[BoundHeader]) {
    for bound in injected {
        remove_aliases(headers, bound.name.as_str());
    }
}

/// Sets a header in the place of all that mean the same, marked sensitive so that no debug output shows it.
pub fn set_injected(headers: &mut HeaderMap, name: &HeaderName, mut value: HeaderValue) {
    remove_aliases(headers, name.as_str());
    value.set_sensitive(true);
    headers.insert(name, value);
}

/// Sets all headers of a route, in the place of whatever the client sent under their names or aliases of them.
///
/// # Errors
/// [`InjectError::Header`] where a filled value may not stand in a header; `headers` are not to be sent then.
pub fn inject_headers(headers: &mut HeaderMap, injected: &[BoundHeader], facts: &Facts<'_>) -> Result<(), InjectError> {
    // All out before the first goes in: two injected names may be aliases of each other.
    remove_injected(headers, injected);
    for bound in injected {
        let mut value = match &bound.value {
            HeaderFill::Ready(value) => value.clone(),
            HeaderFill::Fill(template) => {
                let mut filled = Vec::new();
                template.fill(facts, &mut filled);
                HeaderValue::from_maybe_shared(Bytes::from(filled))
                    .map_err(|_| InjectError::Header(bound.name.clone()))?
            }
        };
        value.set_sensitive(true);
        headers.insert(&bound.name, value);
    }
    Ok(())
}
