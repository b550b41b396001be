//! One request, through its phases in their order.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use http::header::EXPECT;
use http::request::Parts;
use http::{Request, Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use ipnet::IpNet;
use model::snapshot::Snapshot;
use model::time::{Clock, Entropy};
use outbound::Forwarder;

use crate::admit::{Admission, Entry, admit};
use crate::answer::{self, Refusal};
use crate::forward::forward;
use crate::inject::inject;
use crate::limit::{RateLimits, Told};
use crate::open::Open;
use crate::origin::Origin;
use crate::report::Line;
use crate::request_id::request_id;
use crate::respond::{Body, respond};
use crate::select::select;
use crate::tunnel::{self, Passage};

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) snapshot: Arc<ArcSwapOption<Snapshot>>,
    pub(crate) forwarder: Forwarder,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) allow_private: Vec<IpNet>,
    pub(crate) rates: RateLimits,
    pub(crate) admission: Admission,
}

/// What is noted about a request on its way, and logged and told however it ends.
struct Notes {
    line: Option<Box<Line>>,
    told: Told,
}

/// Answers one request: by the upstream's answer, or by a problem of the gateway's own.
///
/// `passage` is where a tunnel goes that it opens; without one, it opens none.
pub(crate) async fn request(
    shared: &Shared,
    peer: IpAddr,
    request: Request<Incoming>,
    passage: Option<&Passage>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    // On a connection with room for others, a body that is not wanted ends by itself.
    let waits = parts.headers.contains_key(EXPECT) || parts.version == Version::HTTP_2;
    let mut body = Some(body);
    let id = request_id(&parts.headers, &*shared.clock, &*shared.entropy);
    let mut notes = Notes { line: Line::begin(&parts.method, &id), told: Told::default() };
    let passed = pass(shared, peer, parts, &mut body, passage, &id, &mut notes).await;
    let (mut answer, code) = match passed {
        Ok(answer) => (answer, None),
        Err(refusal) => {
            let code = refusal.kind.code;
            // Whoever waits for `100-continue` sends nothing that would have to be read first.
            if let Some(body) = body.filter(|_| !waits) {
                linger(body).await;
            }
            (refusal.answer(&id), Some(code))
        }
    };
    let Notes { mut line, told } = notes;
    told.tell(answer.headers_mut());
    if let Some(line) = &mut line {
        line.answered(answer.status(), code);
    }
    answer.body_mut().log(line);
    answer
}

/// The answer to a request whose head has more fields than it may have.
pub(crate) fn too_many_headers(shared: &Shared) -> Response<Body> {
    let id = model::id::new("req", shared.clock.now(), &*shared.entropy);
    Refusal::new(answer::HEADERS_TOO_LARGE, "Send fewer or shorter headers.").answer(&id)
}

/// How much of a refused request's body is read, and for how long.
const LINGER: (u64, Duration) = (1024 * 1024, Duration::from_millis(500));

/// Reads what a client is still sending: an answer that is followed by a reset is often lost on the client's side.
async fn linger(mut body: Incoming) {
    let (most, longest) = LINGER;
    let mut seen = 0_u64;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, |data| data.len());
            seen = seen.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            if seen >= most {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(longest, reading).await;
}

async fn pass(
    shared: &Shared,
    peer: IpAddr,
    mut parts: Parts,
    body: &mut Option<Incoming>,
    passage: Option<&Passage>,
    id: &str,
    notes: &mut Notes,
) -> Result<Response<Body>, Refusal> {
    let Notes { line, told } = notes;
    // Loaded once: whatever is published from here on is for the next request.
    let snapshot = shared.snapshot.load_full().ok_or_else(|| {
        let detail = "Routes and secrets are not loaded (yet, or no longer); see /readyz on the admin listener.";
        Refusal::new(answer::NO_SNAPSHOT, detail)
    })?;
    let now = shared.clock.now();
    let origin = Origin { peer, trusted: &shared.admission.trusted_proxies };
    let mut admitted = admit(&mut parts, Entry { snapshot: &snapshot, admission: &shared.admission, origin, now })?;
    let wanted = admitted.wanted.take().filter(|_| passage.is_some());
    let client = &admitted.caller.client;
    if let Some(line) = line {
        line.called_by(client.name.as_str());
    }
    let selected = select(&snapshot, &admitted, now, &parts.method, parts.uri.path(), &shared.rates, told)?;
    if let Some(line) = line {
        line.bound_to(&selected.bound);
    }
    let open = Open::begin(&admitted, &selected.bound);
    let answering = async {
        let mut request = inject(parts, body, &selected, &admitted, id, now).await?;
        if let Some(wanted) = &wanted {
            wanted.ask(request.headers_mut(), &selected.bound);
        }
        let started = Instant::now();
        let answered = forward(shared, &selected.bound, request).await?;
        if let Some(line) = line {
            line.waited(started.elapsed());
        }
        Ok(answered)
    };
    let (forwarded, usage) = tokio::select! {
        biased;
        answered = answering => answered?,
        ended = open.ended() => return Err(answer::of_ended(ended)),
    };
    match (wanted, passage) {
        (Some(wanted), Some(passage)) if forwarded.response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            tunnel::grant(wanted, forwarded, usage, &selected.bound, open, passage)
        }
        _ => respond(forwarded, usage, &selected.bound, open).await,
    }
}
