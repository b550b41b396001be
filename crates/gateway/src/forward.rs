//! Phase 5: through the one door of `outbound`, after a last look at where the secrets may go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use model::snapshot::Bound;
use model::upstream::Host;
use outbound::{ForwardError, Forwarded, OutBody, Target, TlsSettings};

use crate::answer::{self, Refusal};
use crate::inject::Call;
use crate::report::Use;

/// An answer of which the head has come.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) forwarded: Forwarded,
    pub(crate) usage: Use,
    /// How long it took.
    pub(crate) took: Duration,
}

/// A request without an answer.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// What the client is told.
    pub(crate) refusal: Refusal,
    /// What happened; nothing where it was not even tried.
    pub(crate) error: Option<ForwardError>,
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, error: None }
    }
}

impl From<Unanswered> for Refusal {
    fn from(unanswered: Unanswered) -> Self {
        unanswered.refusal
    }
}

/// Sends the request, waits for the head of its answer, and counts the use.
pub(crate) async fn forward(
    call: &Call<'_>,
    bound: &Arc<Bound>,
    mut request: Request<OutBody>,
) -> Result<Sent, Unanswered> {
    if let Some(wanted) = call.wanted {
        wanted.ask(request.headers_mut(), bound);
    }
    let (shared, started) = (call.shared, Instant::now());
    check_hosts(bound)?;
    let tls = TlsSettings::of(bound);
    let target = Target::of(bound, &tls, &shared.allow_private);
    let usage = Use::begin(Arc::clone(bound), shared.clock.now());
    match shared.forwarder.forward(target, request).await {
        Ok(forwarded) => Ok(Sent { forwarded, usage, took: started.elapsed() }),
        Err(error) => {
            usage.failed(&error);
            Err(Unanswered { refusal: Refusal::of(&error), error: Some(error) })
        }
    }
}

/// All secrets of the request must allow the host. It was checked when the route was saved and when the snapshot was
/// built; this is the last place where a mistake of either can be stopped.
fn check_hosts(bound: &Bound) -> Result<(), Refusal> {
    let ip;
    let host: &str = match bound.upstream.host() {
        Host::Name(name) => name,
        Host::Ip(address) => {
            ip = address.to_string();
            &ip
        }
    };
    if bound.host_limits.iter().all(|rules| rules.iter().any(|rule| rule.matches(host))) {
        return Ok(());
    }
    let detail = "Nothing was sent: a secret of the route may not be sent to the route's upstream.";
    Err(Refusal::new(answer::SECRET_NOT_ALLOWED, detail))
}
