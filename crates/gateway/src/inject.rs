//! Phase 4: the request as the upstream gets it: the client's headers cleaned, the route's values set.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::VIA;
use http::request::Parts;
use http::{HeaderValue, Method, Request};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use model::snapshot::{Bound, Injection};
use model::template::Facts;
use model::time::Timestamp;
use outbound::inject::{Announced, InjectError, announced, inject_body, inject_headers, inject_target, set_injected};
use outbound::{BodyError, OutBody};

use crate::admit::Admitted;
use crate::answer::{self, Refusal};
use crate::body::RequestBody;
use crate::request::Shared;
use crate::request_id::X_REQUEST_ID;
use crate::signed_body::{AT_HAND, signed_body};
use crate::tunnel::Wanted;

/// The longest body into which members are put where the route sets no limit of its own; it is held in memory.
const DEFAULT_JSON_BODY: u64 = 1024 * 1024;
/// The longest one whatever the route allows.
const MAX_JSON_BODY: u64 = 8 * 1024 * 1024;

/// How much of a streamed body is kept to be sent again, in bytes.
const REPLAY: u64 = 64 * 1024;

/// What a request is made of beside head and body, whichever binding carries it.
pub(crate) struct Call<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) admitted: &'a Admitted,
    /// The other protocol that is asked for.
    pub(crate) wanted: Option<&'a Wanted>,
    /// The path behind the upstream's own.
    pub(crate) path: &'a str,
    pub(crate) id: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) timestamp: String,
}

impl Call<'_> {
    fn facts<'a>(&'a self, bound: &'a Bound) -> Facts<'a> {
        Facts {
            request_id: self.id,
            environment: bound.environment.as_str(),
            route: bound.route.as_str(),
            client: self.admitted.caller.client.name.as_str(),
            timestamp: &self.timestamp,
        }
    }
}

/// A client's body that was sent, as far as it can be sent once more.
pub(crate) enum Kept {
    /// As the client sent it: members are put in anew.
    Members(Bytes),
    /// As it was sent.
    Whole(OutBody),
}

/// Builds the request to the upstream. Where one secret of it cannot be used, nothing is sent, and what was not read of
/// the body stays where it was. With `keep`, the body is kept for [`inject_again`] where it can be.
pub(crate) async fn inject(
    call: &Call<'_>,
    mut parts: Parts,
    body: &mut Option<Incoming>,
    bound: &Arc<Bound>,
    keep: bool,
) -> Result<(Request<OutBody>, Option<Kept>), Refusal> {
    let (admitted, version) = (call.admitted, parts.version);
    let injection = usable(bound, call.now)?;
    check_length(bound, body.as_ref())?;
    let facts = call.facts(bound);
    head(call, &mut parts, bound, injection, &facts)?;
    if takes_members(&parts, injection, admitted.announced)? {
        let limit = bound.max_request_body.unwrap_or(DEFAULT_JSON_BODY).min(MAX_JSON_BODY);
        let whole = collect(body, limit, bound.idle.as_std()).await?;
        admitted.signed.map_or(Ok(()), |hash| hash.check(&whole))?;
        let filled = OutBody::full(inject_body(&whole, &injection.body, &facts).map_err(refused)?);
        return Ok((Request::from_parts(parts, filled), keep.then_some(Kept::Members(whole))));
    }
    let body = if let Some(hash) = admitted.signed {
        signed_body(body, hash, bound, version).await?
    } else {
        let body = body.take().map(|body| RequestBody::new(body, Arc::clone(bound), version));
        match body {
            None => OutBody::empty(),
            // What may be sent twice is kept as long as it is short, should a kept connection turn out to be dead.
            Some(body) if parts.method.is_idempotent() || (keep && is_short(&body)) => {
                OutBody::recorded(body, usize::try_from(REPLAY).unwrap_or(usize::MAX))
            }
            Some(body) => OutBody::stream(body),
        }
    };
    let kept = if keep { body.again().map(Kept::Whole) } else { None };
    Ok((Request::from_parts(parts, body), kept))
}

/// Builds the request once more, for another binding; nothing where its body is no longer at hand or the binding cannot
/// be used.
pub(crate) fn inject_again(call: &Call<'_>, mut parts: Parts, kept: &Kept, bound: &Bound) -> Option<Request<OutBody>> {
    let injection = usable(bound, call.now).ok()?;
    let facts = call.facts(bound);
    head(call, &mut parts, bound, injection, &facts).ok()?;
    let body = match kept {
        Kept::Members(whole) => OutBody::full(inject_body(whole, &injection.body, &facts).ok()?),
        Kept::Whole(body) => body.again()?,
    };
    Some(Request::from_parts(parts, body))
}

/// Whether a request can be sent a second time, whatever becomes of the first: known before anything of it is sent.
pub(crate) fn is_replayable(call: &Call<'_>, parts: &Parts, body: Option<&Incoming>, bound: &Bound) -> bool {
    let Some(body) = body.filter(|body| !body.is_end_stream()) else { return true };
    let takes = |injection| matches!(takes_members(parts, injection, call.admitted.announced), Ok(true));
    if bound.injection.as_ref().is_ok_and(takes) {
        return true;
    }
    let limit = if call.admitted.signed.is_some() { AT_HAND } else { REPLAY };
    body.size_hint().exact().is_some_and(|length| length <= limit)
}

fn is_short(body: &RequestBody) -> bool {
    body.size_hint().exact().is_some_and(|length| length <= REPLAY)
}

/// Whether a binding can be used now.
pub(crate) fn usable(bound: &Bound, now: Timestamp) -> Result<&Injection, Refusal> {
    check_expiry(bound, now)?;
    bound.injection.as_ref().map_err(|reason| {
        let kind = match reason.code() {
            "secret-not-found" => answer::SECRET_NOT_FOUND,
            "secret-not-allowed" => answer::SECRET_NOT_ALLOWED,
            _ => answer::SECRET_UNUSABLE,
        };
        Refusal::new(kind, format!("Nothing was sent: {reason}."))
    })
}

/// The head as the upstream gets it.
fn head(
    call: &Call<'_>,
    parts: &mut Parts,
    bound: &Bound,
    injection: &Injection,
    facts: &Facts<'_>,
) -> Result<(), Refusal> {
    parts.uri =
        inject_target(&bound.upstream, call.path, parts.uri.query(), &injection.query, facts).map_err(refused)?;
    headers(parts, bound, injection, facts)
}

fn check_expiry(bound: &Bound, now: Timestamp) -> Result<(), Refusal> {
    match &bound.expires {
        Some((end, name)) if *end <= now => {
            let detail = format!("Nothing was sent: the secret {name} expired at {end} and is strict about it.");
            Err(Refusal::new(answer::SECRET_EXPIRED, detail))
        }
        _ => Ok(()),
    }
}

/// A length that the client announces need not be waited for.
fn check_length(bound: &Bound, body: Option<&Incoming>) -> Result<(), Refusal> {
    let length = body.map_or(0, |body| body.size_hint().lower());
    match bound.max_request_body {
        Some(limit) if length > limit => Err(answer::of_body(BodyError::TooLarge)),
        _ => Ok(()),
    }
}

fn headers(parts: &mut Parts, bound: &Bound, injection: &Injection, facts: &Facts<'_>) -> Result<(), Refusal> {
    let headers = &mut parts.headers;
    for name in &bound.remove_headers {
        outbound::inject::remove_aliases(headers, name.as_str());
    }
    if outbound::guard::is_needed(bound) {
        outbound::guard::ask_plainly(headers);
    }
    headers.append(VIA, HeaderValue::from_static("1.1 keyroll"));
    if let Ok(id) = HeaderValue::try_from(facts.request_id) {
        set_injected(headers, &X_REQUEST_ID, id);
    }
    inject_headers(headers, &injection.headers, facts).map_err(refused)
}

/// Members are put into JSON bodies of the methods that carry one; every other request goes without them. What an
/// upstream could take for such a body and we cannot fill does not go at all.
fn takes_members(parts: &Parts, injection: &Injection, said: Announced) -> Result<bool, Refusal> {
    let is = |method: &Method| parts.method.as_str().eq_ignore_ascii_case(method.as_str());
    if injection.body.is_empty() || ![Method::POST, Method::PUT, Method::PATCH].iter().any(is) {
        return Ok(false);
    }
    match said.max(announced(&parts.headers)) {
        Announced::Other => Ok(false),
        Announced::Json => Ok(true),
        Announced::Unreadable => {
            let detail = "Nothing was sent: this route adds members to JSON bodies. Send the body without \
                          Content-Encoding, and say once in Content-Type that it is JSON.";
            Err(Refusal::new(answer::BODY_NOT_READABLE, detail))
        }
    }
}

/// The whole body, not longer than `limit` and without a pause longer than `idle`.
async fn collect(body: &mut Option<Incoming>, limit: u64, idle: Duration) -> Result<Bytes, Refusal> {
    let too_large = || answer::of_body(BodyError::TooLarge);
    let Some(body) = body else { return Ok(Bytes::new()) };
    if body.size_hint().lower() > limit {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(idle, body.frame()).await;
        let frame = frame.map_err(|_| answer::of_body(BodyError::TimedOut))?;
        let Some(frame) = frame else { return Ok(whole.freeze()) };
        let frame = frame.map_err(|error| answer::of_body(crate::body::fault(&error)))?;
        if let Some(data) = frame.data_ref() {
            let length = u64::try_from(whole.len().saturating_add(data.len())).unwrap_or(u64::MAX);
            if length > limit {
                return Err(too_large());
            }
            whole.extend_from_slice(data);
        }
    }
}

fn refused(error: InjectError) -> Refusal {
    let detail = format!("Nothing was sent: {error}.");
    match error {
        InjectError::Header(_) => Refusal::new(answer::SECRET_UNUSABLE, detail),
        InjectError::Target => Refusal::new(answer::REQUEST_INVALID, detail),
        InjectError::NotJson | InjectError::NoSuchPlace(_) => Refusal::new(answer::BODY_NOT_JSON, detail),
    }
}
