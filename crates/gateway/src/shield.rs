//! The second try: an upstream that refuses the incoming credential is asked once more with the outgoing one, so that no
//! request fails because of a rotation to a wrong value.
//!
//! A refusal is authoritative: the upstream has done nothing with the request, so that a POST may be sent again as well.
//! It is the only reason for which one is.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use model::snapshot::{Bound, Sign, Trial};
use model::usage::Outcome;
use outbound::{Failure, Forwarded, TlsFailure};

use crate::answer::Refusal;
use crate::forward::{Sent, Unanswered, forward};
use crate::inject::{Call, Kept, inject, inject_again, is_replayable};
use crate::open::Open;
use crate::report::{Opinion, Verdict};
use crate::respond::{Body, Looked, respond};
use crate::trial::{Mark, Side, choose};

/// An answer, with the binding that it came through.
pub(crate) struct Carried {
    pub(crate) bound: Arc<Bound>,
    pub(crate) open: Open,
    pub(crate) answer: Answer,
    /// How long the upstream took.
    pub(crate) took: Duration,
}

/// An answer on its way to the client.
pub(crate) enum Answer {
    /// Its body was not touched; the verdict is there where its body has a say in it.
    Unread(Forwarded, Option<Verdict>),
    /// Its beginning was looked at.
    Read(Response<Body>),
}

/// A sending that was answered.
struct Tried {
    answer: Answer,
    /// Nothing where it takes more of the body than can be waited for.
    outcome: Option<Outcome>,
    took: Duration,
}

/// Sends a request of a trial with the credential that it gets, and once more where the shield says so.
pub(crate) async fn carry(
    call: &Call<'_>,
    trial: &Trial,
    parts: Parts,
    body: &mut Option<Incoming>,
) -> Result<Carried, Refusal> {
    let replayable = is_replayable(call, &parts, body.as_ref(), &trial.with_incoming);
    let side = choose(trial, call.now, replayable, &*call.shared.entropy);
    let bound = side.bound(trial);
    let spare = (side == Side::Incoming && trial.shield).then(|| parts.clone());
    let open = Open::begin(call.admitted, bound);
    let sending = async {
        let (request, kept) = inject(call, parts, body, bound, spare.is_some()).await?;
        let mark = Mark::begin(trial, side, call.now);
        Ok::<_, Refusal>((forward(call, bound, request).await, mark, kept))
    };
    let (sent, mut mark, kept) = open.during(sending).await??;
    let Some(spare) = spare else { return unshielded(sent, mark, bound, open) };
    let first = match sent {
        Ok(sent) => {
            let tried = open.during(judged(sent, bound)).await??;
            if tried.outcome != Some(Outcome::Rejected) {
                return Ok(tried.carried(bound, open, Some(mark)));
            }
            Ok(tried)
        }
        Err(unanswered) if is_refused(&unanswered, trial) => Err(unanswered.refusal),
        Err(unanswered) => return Err(lost(unanswered, mark)),
    };
    mark.refused();
    second(Refused { call, trial, first, mark, open }, spare, kept).await
}

/// A request that was refused with the incoming credential.
struct Refused<'a> {
    call: &'a Call<'a>,
    trial: &'a Trial,
    /// What the client gets unless there is something better.
    first: Result<Tried, Refusal>,
    mark: Mark,
    open: Open,
}

/// Sends it with the outgoing credential. The first answer waits meanwhile, unread.
async fn second(refused: Refused<'_>, spare: Parts, kept: Option<Kept>) -> Result<Carried, Refusal> {
    let Refused { call, trial, first, mark, mut open } = refused;
    let (incoming, outgoing) = (&trial.with_incoming, &trial.with_outgoing);
    let Some(request) = kept.and_then(|kept| inject_again(call, spare, &kept, outgoing)) else {
        return first.map(|tried| tried.carried(incoming, open, None));
    };
    open.carry(outgoing);
    let trying = async { judged(forward(call, outgoing, request).await?, outgoing).await };
    let second = open.during(trying).await?;
    let sign = match &second {
        Ok(tried) => match tried.outcome {
            Some(Outcome::Rejected) => Some(Sign::BothDead),
            Some(Outcome::Accepted | Outcome::Refused) | None => Some(Sign::Pair),
            Some(Outcome::Throttled | Outcome::Failed | Outcome::Unreachable) => None,
        },
        Err(_) => None,
    };
    let Some(sign) = sign else {
        if let Ok(tried) = second {
            tried.answer.put_away();
        }
        open.carry(incoming);
        return first.map(|tried| tried.carried(incoming, open, None));
    };
    mark.say(sign);
    let before = first.map_or(Duration::ZERO, |tried| {
        tried.answer.put_away();
        tried.took
    });
    second.map(|tried| Tried { took: tried.took + before, ..tried }.carried(outgoing, open, None))
}

/// What there is without a second try.
fn unshielded(sent: Result<Sent, Unanswered>, mark: Mark, bound: &Arc<Bound>, open: Open) -> Result<Carried, Refusal> {
    let Sent { forwarded, usage, took } = match sent {
        Ok(sent) => sent,
        Err(unanswered) => return Err(lost(unanswered, mark)),
    };
    let response = &forwarded.response;
    let verdict = usage.answered(forwarded.sent, response.status(), response.headers()).with(Some(mark));
    let answer = Answer::Unread(forwarded, verdict);
    Ok(Carried { bound: Arc::clone(bound), open, answer, took })
}

/// Finds out what an answer says of the credential, by its beginning where a rule looks at that.
async fn judged(sent: Sent, bound: &Arc<Bound>) -> Result<Tried, Refusal> {
    let Sent { forwarded, usage, took } = sent;
    let response = &forwarded.response;
    let is_tunnel = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let opinion = usage.answered(forwarded.sent, response.status(), response.headers());
    let (answer, outcome) = match opinion {
        Opinion::Given(outcome) => (Answer::Unread(forwarded, None), Some(outcome)),
        Opinion::Open(verdict) if is_tunnel => (Answer::Unread(forwarded, Some(verdict)), None),
        Opinion::Open(verdict) => {
            let mut answer = respond(forwarded, None, bound).await?;
            let outcome = match answer.body_mut().look_ahead(verdict).await {
                Looked::Known(outcome) => Some(outcome),
                Looked::Open => None,
            };
            (Answer::Read(answer), outcome)
        }
    };
    Ok(Tried { answer, outcome, took })
}

/// Where the credential is a certificate, the upstream refuses it before it has heard any request.
fn is_refused(unanswered: &Unanswered, trial: &Trial) -> bool {
    let shown = trial.with_incoming.identity.as_ref().is_some_and(|shown| shown.secret.name == trial.incoming);
    let failure = unanswered.error.map(|error| error.failure);
    shown && matches!(failure, Some(Failure::Tls(TlsFailure::Unwelcome | TlsFailure::Identity)))
}

/// A request without an answer, counted by what happened. Where no byte was sent, nothing is.
fn lost(unanswered: Unanswered, mark: Mark) -> Refusal {
    match unanswered.error.and_then(|error| error.outcome()) {
        Some(outcome) => mark.judged(outcome),
        None => mark.withdraw(),
    }
    unanswered.refusal
}

impl Tried {
    /// The same on its way to the client. `mark` is counted now, or when its verdict is spoken.
    fn carried(self, bound: &Arc<Bound>, open: Open, mark: Option<Mark>) -> Carried {
        let Self { mut answer, outcome, took } = self;
        match (outcome, answer.verdict(), mark) {
            (Some(outcome), _, Some(mark)) => mark.judged(outcome),
            (None, Some(verdict), Some(mark)) => verdict.tell(mark),
            _ => {}
        }
        Carried { bound: Arc::clone(bound), open, answer, took }
    }
}

/// How much of an answer that nobody gets is read, and for how long, so that its connection can be used again.
const REST: (usize, Duration) = (64 * 1024, Duration::from_secs(1));

impl Answer {
    fn verdict(&mut self) -> Option<&mut Verdict> {
        match self {
            Self::Unread(_, verdict) => verdict.as_mut(),
            Self::Read(answer) => answer.body_mut().verdict(),
        }
    }

    fn put_away(self) {
        match self {
            Self::Unread(forwarded, _) => drain(forwarded.response.into_body()),
            Self::Read(answer) => drain(answer.into_body()),
        }
    }
}

/// Reads the rest aside: nobody waits for it.
fn drain<B>(mut body: B)
where
    B: HttpBody<Data = bytes::Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let (most, longest) = REST;
    tokio::spawn(async move {
        let reading = async {
            let mut seen = 0_usize;
            while let Some(Ok(frame)) = body.frame().await {
                seen = seen.saturating_add(frame.data_ref().map_or(0, |data| data.len()));
                if seen > most {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(longest, reading).await;
    });
}
