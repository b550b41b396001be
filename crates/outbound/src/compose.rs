//! The request to an upstream that is no client's: put together as the gateway does it, for tests of routes and for probes.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, EXPECT, IF_RANGE, RANGE, VIA};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use model::route::same_header;
use model::snapshot::{Bound, Unusable};
use model::template::Facts;

use crate::inject::{
    Announced, InjectError, announced, inject_body, inject_headers, inject_target, remove_aliases, strip_hop_by_hop,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request as a client would have made it.
#[derive(Debug)]
pub struct Given {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query, without its `?`.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Bytes>,
}

/// Why a request is not sent. Holds no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// Nothing may be sent through this route and environment.
    #[error("a secret of the route cannot be used: {0}")]
    Unusable(Unusable),
    /// It cannot be filled.
    #[error(transparent)]
    Inject(#[from] InjectError),
    /// It is not clear whether the body is JSON, and members are to be put into it if it is.
    #[error(
        "the route adds members to JSON bodies: send it without Content-Encoding, and say once in Content-Type that it is \
         JSON"
    )]
    Unreadable,
}

/// Makes the request to the upstream in the way that the gateway does.
///
/// # Errors
/// [`ComposeError`]: nothing is to be sent.
pub fn compose(bound: &Bound, given: &Given, facts: &Facts<'_>) -> Result<Request<Bytes>, ComposeError> {
    let injection = bound.injection.as_ref().map_err(|reason| ComposeError::Unusable(reason.clone()))?;
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = given.method.clone();
    *request.uri_mut() = inject_target(&bound.upstream, &given.path, given.query.as_deref(), &injection.query, facts)?;
    // Asked before anything is taken away, and again at the end: an upstream may go by either.
    let said = announced(&given.headers);
    let mut headers = given.headers.clone();
    strip_hop_by_hop(&mut headers);
    headers.remove(EXPECT);
    let ours = |name: &&HeaderName| name.as_str().get(..8).is_some_and(|prefix| same_header(prefix, "keyroll-"));
    for name in headers.keys().filter(ours).cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
    for name in &bound.remove_headers {
        remove_aliases(&mut headers, name.as_str());
    }
    // What comes back is to be read here, so that values can be hidden in it; and read as a whole, since a value could
    // be put together from ranges.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.remove(RANGE);
    headers.remove(IF_RANGE);
    headers.append(VIA, HeaderValue::from_static("1.1 keyroll"));
    if let Ok(id) = HeaderValue::from_str(facts.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    inject_headers(&mut headers, &injection.headers, facts)?;
    let takes_members = [Method::POST, Method::PUT, Method::PATCH].contains(&given.method)
        && !injection.body.is_empty()
        && match said.max(announced(&headers)) {
            Announced::Other => false,
            Announced::Json => true,
            Announced::Unreadable => return Err(ComposeError::Unreadable),
        };
    let body = given.body.clone().unwrap_or_default();
    *request.body_mut() = if takes_members { inject_body(&body, &injection.body, facts)? } else { body };
    *request.headers_mut() = headers;
    Ok(request)
}
