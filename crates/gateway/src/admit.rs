//! Phase 2: refuse what is ambiguous, take out what belongs to one connection, and find out who is calling.

use std::sync::Arc;

use http::header::{EXPECT, HOST, RETRY_AFTER, TRANSFER_ENCODING, VIA};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use ipnet::IpNet;
use model::name::EnvironmentName;
use model::route::same_header;
use model::snapshot::{Caller, Snapshot};
use model::time::{Entropy, Timestamp};
use outbound::inject::{Announced, announced};

use crate::answer::{self, Refusal};
use crate::certificate::Shown;
use crate::client_key::{self, Digest, Found};
use crate::failures::Failures;
use crate::limit::whole_seconds;
use crate::origin::{Origin, is_forwarding};
use crate::seen::Seen;
use crate::signature;
use crate::signed_body::BodyHash;
use crate::tunnel::Wanted;

/// The header by which a client with several environments chooses one.
pub(crate) const KEYROLL_ENVIRONMENT: HeaderName = HeaderName::from_static("keyroll-environment");
/// Headers that must not be overlooked because of how they are spelled.
const OURS: [&str; 6] = [
    "keyroll-environment",
    client_key::KEYROLL_KEY,
    signature::KEYROLL_KEY_ID,
    signature::KEYROLL_TIMESTAMP,
    signature::KEYROLL_CONTENT_SHA256,
    signature::KEYROLL_SIGNATURE,
];
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

/// What admission keeps from one request to the next.
#[derive(Debug)]
pub(crate) struct Admission {
    /// `gateway.trusted_proxies`.
    pub(crate) trusted_proxies: Vec<IpNet>,
    failures: Failures,
    seen: Seen,
}

impl Admission {
    pub(crate) fn new(trusted_proxies: Vec<IpNet>, entropy: &dyn Entropy) -> Self {
        Self { trusted_proxies, failures: Failures::new(entropy), seen: Seen::new() }
    }
}

/// What a request is admitted by.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) admission: &'a Admission,
    pub(crate) origin: Origin<'a>,
    pub(crate) now: Timestamp,
}

/// A request whose framing is unambiguous and whose client is known. Its headers hold no key of ours any more.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) caller: Arc<Caller>,
    /// Of which key; nothing where the client signs instead of sending one.
    pub(crate) key: Option<Digest>,
    /// The host that the client called, in lower case and without port.
    pub(crate) host: String,
    /// The environment that the client asked for.
    pub(crate) environment: Option<EnvironmentName>,
    /// What the client said about the body, `Connection` notwithstanding.
    pub(crate) announced: Announced,
    /// The other protocol that the client asked for.
    pub(crate) wanted: Option<Wanted>,
    /// The certificate that the client showed on its connection.
    pub(crate) shown: Shown,
    /// The body that the client signed, where it signs its requests.
    pub(crate) signed: Option<BodyHash>,
}

/// Who is calling, and by what.
struct Known {
    caller: Arc<Caller>,
    key: Option<Digest>,
    signed: Option<BodyHash>,
}

/// Admits a request, or says why not. What is wrong with the framing is said to anybody, all else to clients alone.
pub(crate) fn admit(parts: &mut Parts, entry: Entry<'_>) -> Result<Admitted, Refusal> {
    name_host(parts)?;
    let host = host(&parts.headers)?;
    check_method(&parts.method)?;
    check_target(parts, &host)?;
    check_framing(&parts.headers)?;
    check_names(&parts.headers)?;
    check_loop(&parts.headers)?;
    check_url(parts)?;
    let Known { caller, key, signed } = caller(parts, entry)?;
    check_origin(&caller, entry.origin, &parts.headers)?;
    let environment = environment(&parts.headers)?;
    let announced = announced(&parts.headers);
    let wanted = Wanted::of(parts);
    let shown = Shown::with(parts);
    clean(&mut parts.headers);
    if entry.origin.is_proxied() {
        // Our own proxies wrote them, for us: a third party is not told who calls inside the network.
        remove(&mut parts.headers, is_forwarding);
    }
    let host = host.host().to_ascii_lowercase();
    Ok(Admitted { caller, key, host, environment, announced, wanted, shown, signed })
}

fn invalid(detail: &'static str) -> Refusal {
    Refusal::new(answer::REQUEST_INVALID, detail).closing()
}

/// HTTP/2 names the host in the target. A `Host` beside it is held against that like any other's.
fn name_host(parts: &mut Parts) -> Result<(), Refusal> {
    if parts.version != Version::HTTP_2 || parts.headers.contains_key(HOST) {
        return Ok(());
    }
    let authority = parts.uri.authority().map(|authority| HeaderValue::try_from(authority.as_str()));
    if let Some(authority) = authority {
        let authority = authority.map_err(|_| invalid("The request's :authority is not a host."))?;
        parts.headers.insert(HOST, authority);
    }
    Ok(())
}

/// Exactly one `Host`: with two, whoever stands before us may have checked the other one.
fn host(headers: &HeaderMap) -> Result<Authority, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(invalid("The request must have exactly one Host header."));
    };
    // What stands where a port would is taken for one without a look.
    let is_port = |host: &Authority| {
        let rest = host.as_str().get(host.host().len()..).unwrap_or_default();
        rest.is_empty() || rest == ":" || host.port_u16().is_some()
    };
    let host = Authority::try_from(host.as_bytes()).ok().filter(|host| !host.as_str().contains('@'));
    host.filter(is_port).ok_or_else(|| invalid("The Host header is not a host with an optional port."))
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
        true => Err(Refusal::new(answer::REQUEST_INVALID, "Write the names of Keyroll's headers with hyphens.")),
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

/// Who is calling, and the body that was signed. One answer for unknown, disabled, expired and revoked keys and for
/// signatures of theirs, so that nobody learns which it was.
///
/// The look-up compares digests, not keys, in a hash map, and needs no constant time: whoever could tell from its
/// timing how far a digest agreed would have to find keys with chosen digests, and would learn nothing about the
/// 256 random bits of a live one.
fn caller(parts: &mut Parts, entry: Entry<'_>) -> Result<Known, Refusal> {
    let Entry { snapshot, admission, now, .. } = entry;
    let ambiguous = || Refusal::new(answer::KEY_AMBIGUOUS, "Send one client key, in one header, once.");
    let invalid = "The client key is not valid. Ask for a new one where you got it.";
    let digest = match client_key::take(&mut parts.headers).map_err(|_| ambiguous())? {
        Found::Key(digest) => digest,
        Found::Malformed => return Err(failed(parts, entry, invalid)),
        Found::Missing if signature::is_signed(&parts.headers) => {
            if parts.headers.values().any(client_key::carries) {
                return Err(ambiguous());
            }
            let signed = signature::verify(parts, snapshot, &admission.seen, now);
            return match signed {
                Ok((caller, body)) => Ok(Known { caller, key: None, signed: Some(body) }),
                Err(wrong) => Err(failed(parts, entry, wrong.detail())),
            };
        }
        Found::Missing => {
            let detail =
                "Send a client key (krk_…) as Keyroll-Key, as a bearer token, or where your SDK puts an API key.";
            return Err(Refusal::new(answer::KEY_MISSING, detail));
        }
    };
    match snapshot.keys.get(&digest).filter(|caller| caller.client.is_live(now)) {
        Some(caller) if caller.client.signing.is_some() => {
            // Told to the holder of the key alone, and never counted against its address.
            let detail = "This client signs its requests and never sends its key: sign with the signing key (krs_…) \
                          that was shown beside it, and send Keyroll-Key-Id, Keyroll-Timestamp, \
                          Keyroll-Content-Sha256 and Keyroll-Signature.";
            Err(Refusal::new(answer::KEY_INVALID, detail))
        }
        Some(caller) => Ok(Known { caller: Arc::clone(caller), key: Some(digest), signed: None }),
        None => Err(failed(parts, entry, invalid)),
    }
}

/// A key or signature that is wrong: said, or not even that where too many came from the same address.
fn failed(parts: &Parts, entry: Entry<'_>, detail: &'static str) -> Refusal {
    // Where it cannot be known who it was, whoever passed it on answers for it.
    let address = entry.origin.address(&parts.headers).unwrap_or(entry.origin.peer);
    let Err(wait) = entry.admission.failures.count(address) else {
        return Refusal::new(answer::KEY_INVALID, detail);
    };
    let seconds = whole_seconds(wait).max(1);
    let detail = format!("Too many wrong client keys came from this address; try again in {seconds} s.");
    Refusal::new(answer::RATE_LIMITED, detail).with(RETRY_AFTER, HeaderValue::from(seconds))
}

fn check_origin(caller: &Caller, origin: Origin<'_>, headers: &HeaderMap) -> Result<(), Refusal> {
    let allowed = &caller.client.allowed_ips;
    if allowed.is_empty() {
        return Ok(());
    }
    let address = origin.address(headers).map_err(|_| {
        let detail = "The client may call from certain addresses only, and X-Forwarded-For, which a trusted proxy \
                      passed on, does not say from which it does.";
        Refusal::new(answer::REQUEST_INVALID, detail)
    })?;
    if allowed.iter().any(|net| net.contains(&address)) {
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
    remove(headers, is_ours);
}

fn remove(headers: &mut HeaderMap, which: impl Fn(&str) -> bool) {
    let names: Vec<HeaderName> = headers.keys().filter(|name| which(name.as_str())).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Whether a header is meant for the gateway: `Keyroll-*`, under any alias.
pub(crate) fn is_ours(name: &str) -> bool {
    name.get(..8).is_some_and(|prefix| same_header(prefix, "keyroll-"))
}
