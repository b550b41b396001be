//! One request, through its phases in their order.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::header::EXPECT;
use http::request::Parts;
use http::{Request, Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use ipnet::IpNet;
use model::snapshot::{Bound, Snapshot};
use model::time::{Clock, Entropy};
use outbound::Forwarder;

use crate::admit::{Admission, Entry, admit};
use crate::answer::{self, Refusal};
use crate::forward::{Sent, forward};
use crate::inject::{Call, inject};
use crate::limit::{RateLimits, Told};
use crate::open::Open;
use crate::origin::Origin;
use crate::report::Line;
use crate::request_id::request_id;
use crate::respond::{Body, respond};
use crate::select::{Question, Selected, select};
use crate::shield::{self, Answer, Carried};
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
    let asked = Asked { peer, parts, body: &mut body, passage, id: &id };
    let passed = pass(shared, asked, &mut notes).await;
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

/// A request as it came.
struct Asked<'a> {
    peer: IpAddr,
    parts: Parts,
    body: &'a mut Option<Incoming>,
    passage: Option<&'a Passage>,
    id: &'a str,
}

async fn pass(shared: &Shared, asked: Asked<'_>, notes: &mut Notes) -> Result<Response<Body>, Refusal> {
    let Asked { peer, mut parts, body, passage, id } = asked;
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
    let (method, path) = (&parts.method, parts.uri.path());
    let question = Question { snapshot: &snapshot, admitted: &admitted, now, method, path, limits: &shared.rates };
    let Selected { bound, trial, path } = select(question, told)?;
    if let Some(line) = line {
        line.bound_to(&bound);
    }
    let (path, timestamp) = (path.as_str(), now.to_string());
    let call = Call { shared, admitted: &admitted, wanted: wanted.as_ref(), path, id, now, timestamp };
    let carried = match &trial {
        None => directly(&call, &bound, parts, body).await?,
        // Boxed, so that all other requests take no more room than they did.
        Some(trial) => Box::pin(shield::carry(&call, trial, parts, body)).await?,
    };
    let Carried { bound, open, answer, took } = carried;
    if let Some(line) = line {
        line.waited(took);
    }
    let mut answer = match (wanted, passage, answer) {
        (Some(wanted), Some(passage), Answer::Unread(forwarded, _))
            if forwarded.response.status() == StatusCode::SWITCHING_PROTOCOLS =>
        {
            return tunnel::grant(wanted, forwarded, &bound, open, passage);
        }
        (_, _, Answer::Unread(forwarded, verdict)) => respond(forwarded, verdict, &bound).await?,
        (_, _, Answer::Read(answer)) => answer,
    };
    answer.body_mut().hold(open);
    Ok(answer)
}

/// Sends a request that no rotation has a say in.
async fn directly(
    call: &Call<'_>,
    bound: &Arc<Bound>,
    parts: Parts,
    body: &mut Option<Incoming>,
) -> Result<Carried, Refusal> {
    let open = Open::begin(call.admitted, bound);
    let sending = async {
        let (request, _) = inject(call, parts, body, bound, false).await?;
        Ok::<_, Refusal>(forward(call, bound, request).await?)
    };
    let Sent { forwarded, usage, took } = open.during(sending).await??;
    let response = &forwarded.response;
    let verdict = usage.answered(forwarded.sent, response.status(), response.headers()).with(None);
    let answer = Answer::Unread(forwarded, verdict);
    Ok(Carried { bound: Arc::clone(bound), open, answer, took })
}
