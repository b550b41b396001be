//! Sends the request of a test, and shows what came back without the values that were sent.

use std::sync::Arc;
use std::time::Duration;

use api::route::UpstreamAnswer;
use axum::http::header::CONTENT_ENCODING;
use axum::http::{Request, Response as Answer};
use bytes::Bytes;
use http_body_util::BodyExt;
use model::snapshot::Bound;
use model::usage::{Drained, Outcome, TallyKey};
use outbound::judge::{Judge, LOOK};
use outbound::{AnswerBody, Forwarder, Mask, OutBody, Target, Tls, TlsSettings};
use store::Telemetry;
use tokio::time::{Instant, timeout_at};

use super::rules::World;
use super::sent::{SHOWN, pairs};
use crate::call::Call;
use crate::state::Control;

/// Sends it, and counts the use. Where no answer came, the code that the gateway would have given.
pub(super) async fn send(
    control: &Control,
    call: &Call,
    bound: &Bound,
    world: &World,
    request: Request<Bytes>,
) -> Result<UpstreamAnswer, &'static str> {
    let used = bound.tallies.iter().filter_map(|(name, _)| world.secrets.get(name));
    let sensitive = used.filter(|opened| opened.secret.limits.sensitive);
    let mask = Mask::new(bound, sensitive.filter_map(|opened| opened.value.as_ref()));
    let settings = TlsSettings::of(bound);
    let target = Target::of(bound, &settings, &world.known.allow_private);
    let forwarder = Forwarder::unpooled(Arc::new(Tls::new()));
    let exchange = async {
        match forwarder.forward(target, request.map(OutBody::full)).await {
            Ok(forwarded) => {
                let answer = receive(forwarded.response, &mask, bound.response.as_std()).await;
                let (answer, outcome) = answer.judged(bound);
                (Ok(answer), Some(outcome))
            }
            Err(error) => (Err(error.failure.code().unwrap_or("request-invalid")), error.outcome()),
        }
    };
    let (result, used) = call.wait_for_upstream(exchange).await;
    if let Some(outcome) = used {
        record(control, call, bound.one_use(call.now, outcome)).await;
    }
    result
}

/// An answer before it is shown.
struct Received {
    head: Answer<()>,
    prefix: Bytes,
    shown: UpstreamAnswer,
}

impl Received {
    fn judged(self, bound: &Bound) -> (UpstreamAnswer, Outcome) {
        let judge = Judge::new(&bound.judgement);
        let outcome = judge.judge_with_prefix(self.head.status(), self.head.headers(), &self.prefix);
        (self.shown, outcome)
    }
}

/// Reads as much of the answer as is shown, and no longer than an answer may take.
async fn receive(response: Answer<AnswerBody>, mask: &Mask<'_>, longest: Duration) -> Received {
    let (parts, mut body) = response.into_parts();
    let enough = SHOWN + mask.longest();
    let deadline = Instant::now() + longest;
    let mut whole = Vec::new();
    // Cut off, too slow or too long: either way it is not all of it.
    let mut truncated = true;
    while whole.len() <= enough {
        match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => whole.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Ok(None) => {
                truncated = false;
                break;
            }
            Ok(Some(Err(_))) | Err(_) => break,
        }
    }
    let prefix = Bytes::copy_from_slice(whole.get(..LOOK).unwrap_or(&whole));
    mask.apply(&mut whole);
    truncated |= whole.len() > SHOWN;
    whole.truncate(SHOWN);
    let coding =
        parts.headers.get(CONTENT_ENCODING).filter(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let body = match coding {
        // What cannot be read cannot be searched for values.
        Some(_) => {
            truncated = true;
            String::new()
        }
        None => String::from_utf8_lossy(&whole).into_owned(),
    };
    let hide = |text: String| {
        let mut bytes = text.into_bytes();
        mask.apply(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let headers = pairs(&parts.headers).into_iter().map(|(name, value)| (hide(name), hide(value))).collect();
    let shown = UpstreamAnswer { status: parts.status.as_u16(), headers, body, truncated };
    Received { head: Answer::from_parts(parts, ()), prefix, shown }
}

/// Writes down what was used. A test is a use: a secret that was sent just now is not deleted as unused.
pub(in crate::endpoints) async fn record(control: &Control, call: &Call, rows: Vec<(TallyKey, Drained)>) {
    if rows.is_empty() {
        return;
    }
    if let Err(error) = control.store.record(Telemetry::Tallies { at: call.now, rows }).await {
        tracing::warn!(%error, "the use of a secret by a test was not counted");
    }
}
