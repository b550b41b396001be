//! One request, through its phases in their order.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use http::header::EXPECT;
use http::request::Parts;
use http::{Request, Response};
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
use crate::origin::Origin;
use crate::report::Line;
use crate::request_id::request_id;
use crate::respond::{Body, respond};
use crate::select::select;

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

/// Answers one request: by the upstream's answer, or by a problem of the gateway's own.
pub(crate) async fn request(shared: &Shared, peer: IpAddr, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let waits = parts.headers.contains_key(EXPECT);
    let mut body = Some(body);
    let id = request_id(&parts.headers, &*shared.clock, &*shared.entropy);
    let mut line = Line::begin(&parts.method, &id);
    let mut told = Told::default();
    let passed = pass(shared, peer, parts, &mut body, &id, line.as_deref_mut(), &mut told).await;
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
    told.tell(answer.headers_mut());
    if let Some(line) = &mut line {
        line.answered(answer.status(), code);
    }
    answer.body_mut().log(line);
    answer
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
    id: &str,
    mut line: Option<&mut Line>,
    told: &mut Told,
) -> Result<Response<Body>, Refusal> {
    // Loaded once: whatever is published from here on is for the next request.
    let snapshot = shared.snapshot.load_full().ok_or_else(|| {
        let detail = "Routes and secrets are not loaded (yet, or no longer); see /readyz on the admin listener.";
        Refusal::new(answer::NO_SNAPSHOT, detail)
    })?;
    let now = shared.clock.now();
    let origin = Origin { peer, trusted: &shared.admission.trusted_proxies };
    let admitted = admit(&mut parts, Entry { snapshot: &snapshot, admission: &shared.admission, origin, now })?;
    let client = &admitted.caller.client;
    if let Some(line) = &mut line {
        line.called_by(client.name.as_str());
    }
    let selected = select(&snapshot, &admitted, &parts.method, parts.uri.path(), &shared.rates, told)?;
    if let Some(line) = &mut line {
        line.bound_to(&selected.bound);
    }
    let request = inject(parts, body, &selected, &admitted, id, now).await?;
    let started = Instant::now();
    let (forwarded, usage) = forward(shared, &selected.bound, request).await?;
    if let Some(line) = &mut line {
        line.waited(started.elapsed());
    }
    respond(forwarded, usage, &selected.bound).await
}
