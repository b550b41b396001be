//! Phase 2: refuse what is ambiguous, take out what belongs to one connection, and find out who is calling.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{EXPECT, HOST, TRANSFER_ENCODING, VIA};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use model::name::EnvironmentName;
use model::route::same_header;
use model::snapshot::{Caller, Snapshot};
use model::time::Timestamp;
use outbound::inject::{Announced, announced};

use crate::answer::{self, Refusal};
use crate::client_key::{self, Found};

/// The header by which a client with several environments chooses one.
const KEYROLL_ENVIRONMENT: HeaderName = HeaderName::from_static("keyroll-environment");
/// Headers that must not be overlooked because of how they are spelled.
const OURS: [&str; 2] = ["keyroll-environment", client_key::KEYROLL_KEY];
/// The methods that everybody knows. A server that knows them in any spelling would see what was not checked.
const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

/// A request whose framing is unambiguous and whose client is known. Its headers hold no key of ours any more.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) caller: Arc<Caller>,
    /// The host that the client called, in lower case and without port.
    pub(crate) host: String,
    /// The environment that the client asked for.
    pub(crate) environment: Option<EnvironmentName>,
    /// What the client said about the body, `Connection` notwithstanding.
    pub(crate) announced: Announced,
}

/// Admits a request, or says why not. What is wrong with the framing is said to anybody, all else to clients alone.
pub(crate) fn admit(parts: &mut Parts, snapshot: &Snapshot, peer: IpAddr, now: Timestamp) -> Result<Admitted, Refusal> {
    let host = host(&parts.headers)?;
    check_method(&parts.method)?;
    check_target(parts, &host)?;
    check_framing(&parts.headers)?;
    check_names(&parts.headers)?;
    check_loop(&parts.headers)?;
    check_url(parts)?;
    let caller = caller(&mut parts.headers, snapshot, now)?;
    check_peer(&caller, peer)?;
    let environment = environment(&parts.headers)?;
    let announced = announced(&parts.headers);
    clean(&mut parts.headers);
    Ok(Admitted { caller, host: host.host().to_ascii_lowercase(), environment, announced })
}

fn invalid(detail: &'static str) -> Refusal {
    Refusal::new(answer::REQUEST_INVALID, detail).closing()
}

/// Exactly one `Host`: with two, whoever stands before us may have checked the other one.
fn host(headers: &HeaderMap) -> Result<Authority, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(invalid("The request must have exactly one Host header."));
    };
    let host = Authority::try_from(host.as_bytes()).ok().filter(|host| !host.as_str().contains('@'));
    host.ok_or_else(|| invalid("The Host header is not a host with an optional port."))
}

/// Methods are compared by case (RFC 9110 section 9.1); not by all servers.
fn check_method(method: &Method) -> Result<(), Refusal> {
    let respelled = |known: &Method| known != method && known.as_str().eq_ignore_ascii_case(method.as_str());
    match METHODS.iter().any(respelled) {
        true => Err(invalid("Write the method in capitals.")),
        false => Ok(()),
    }
}

fn check_target(parts: &Parts, host: &Authority) -> Result<(), Refusal> {
    if parts.method == Method::TRACE || parts.method == Method::CONNECT {
        // TRACE would show the injected headers, CONNECT would be a tunnel past every check.
        return Err(Refusal::new(answer::METHOD_NOT_ALLOWED, "TRACE and CONNECT are never passed on.")
            .with(http::header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
            .closing());
    }
    if !parts.uri.path().starts_with('/') {
        return Err(invalid("The request target must be a path; OPTIONS * is not passed on."));
    }
    let Some(authority) = parts.uri.authority() else { return Ok(()) };
    let default = match parts.uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => 80,
        Some(scheme) if *scheme == Scheme::HTTPS => 443,
        _ => return Err(invalid("The request target must be a path.")),
    };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default);
    let same = authority.host().eq_ignore_ascii_case(host.host()) && port(authority) == port(host);
    if same && !authority.as_str().contains('@') {
        return Ok(());
    }
    Err(invalid("The host of the request target is not the one of the Host header."))
}

/// The server already took `Content-Length` away where it stands beside `Transfer-Encoding`, and will close the
/// connection after such a request. Codings other than `chunked` it would pass over.
fn check_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(invalid("The only Transfer-Encoding of a request can be chunked, once.")),
    }
}

/// A header of ours under an alias would be removed and not obeyed: whoever asks for `staging` with
/// `Keyroll_Environment` would be served in the default environment.
fn check_names(headers: &HeaderMap) -> Result<(), Refusal> {
    let alias = |name: &HeaderName| OURS.iter().any(|ours| name != ours && same_header(name.as_str(), ours));
    match headers.keys().any(alias) {
        true => Err(Refusal::new(answer::REQUEST_INVALID, "Write Keyroll-Key and Keyroll-Environment with hyphens.")),
        false => Ok(()),
    }
}

/// A request line ends up in logs, a URL also in histories and `Referer` headers.
fn check_url(parts: &Parts) -> Result<(), Refusal> {
    let url = parts.uri.path_and_query().map(|url| url.as_str().as_bytes()).unwrap_or_default();
    if !client_key::holds(url) && !client_key::holds(parts.method.as_str().as_bytes()) {
        return Ok(());
    }
    let detail = "The method, path or query holds a client key, where logs would keep it. Send it as Keyroll-Key, and replace \
                  it: it may be in a log already.";
    Err(Refusal::new(answer::REQUEST_INVALID, detail))
}

/// Looked at before `Connection` can take `Via` out.
fn check_loop(headers: &HeaderMap) -> Result<(), Refusal> {
    let hops = headers.get_all(VIA).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let ours = |hop: &[u8]| {
        let mut words = hop.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.nth(1).is_some_and(|name| name.eq_ignore_ascii_case(answer::NAME.as_bytes()))
    };
    if hops.into_iter().any(ours) {
        return Err(Refusal::new(
            answer::LOOP,
            "Via names this gateway: an upstream leads back here. Check the route's upstream.",
        ));
    }
    Ok(())
}

/// Who is calling. One answer for unknown, disabled, expired and revoked keys, so that nobody learns which it was.
///
/// The look-up compares digests, not keys, in a hash map, and needs no constant time: whoever could tell from its
/// timing how far a digest agreed would have to find keys with chosen digests, and would learn nothing about the
/// 256 random bits of a live one.
fn caller(headers: &mut HeaderMap, snapshot: &Snapshot, now: Timestamp) -> Result<Arc<Caller>, Refusal> {
    let ambiguous = |_| {
        let detail = "Send one client key, in one header, once.";
        Refusal::new(answer::KEY_AMBIGUOUS, detail)
    };
    let live = |caller: &&Arc<Caller>| {
        let client = &caller.client;
        !client.disabled && client.expires_at.is_none_or(|end| end > now)
    };
    let caller = match client_key::take(headers).map_err(ambiguous)? {
        Found::Missing => {
            let detail =
                "Send a client key (krk_…) as Keyroll-Key, as a bearer token, or where your SDK puts an API key.";
            return Err(Refusal::new(answer::KEY_MISSING, detail));
        }
        Found::Malformed => None,
        Found::Key(digest) => snapshot.keys.get(&digest).filter(live),
    };
    caller.cloned().ok_or_else(|| {
        let detail = "The client key is not valid. Ask for a new one where you got it.";
        Refusal::new(answer::KEY_INVALID, detail)
    })
}

fn check_peer(caller: &Caller, peer: IpAddr) -> Result<(), Refusal> {
    let allowed = &caller.client.allowed_ips;
    if allowed.is_empty() || allowed.iter().any(|net| net.contains(&peer)) {
        return Ok(());
    }
    Err(Refusal::new(answer::NOT_ALLOWED, "The client may not call from this address."))
}

fn environment(headers: &HeaderMap) -> Result<Option<EnvironmentName>, Refusal> {
    let mut wanted = headers.get_all(KEYROLL_ENVIRONMENT).iter();
    let (Some(only), None) = (wanted.next(), wanted.next()) else {
        return match headers.contains_key(KEYROLL_ENVIRONMENT) {
            true => Err(Refusal::new(answer::REQUEST_INVALID, "Send Keyroll-Environment at most once.")),
            false => Ok(None),
        };
    };
    // A word that cannot be a name is an environment that the client does not have.
    let name = only.to_str().ok().and_then(|text| text.parse().ok());
    name.map(Some).ok_or_else(|| Refusal::new(answer::NOT_ALLOWED, "The client is not served in that environment."))
}

/// Takes out what is between the client and us alone, and what `Connection` names: before anything is injected, so
/// that a client which lists `Authorization` there does not remove what is injected later.
fn clean(headers: &mut HeaderMap) {
    outbound::inject::strip_hop_by_hop(headers);
    // The server answers `100-continue` itself, once the body is wanted.
    headers.remove(EXPECT);
    let ours: Vec<HeaderName> = headers.keys().filter(|name| is_ours(name.as_str())).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

/// Whether a header is meant for the gateway: `Keyroll-*`, under any alias.
pub(crate) fn is_ours(name: &str) -> bool {
    name.get(..8).is_some_and(|prefix| same_header(prefix, "keyroll-"))
}
