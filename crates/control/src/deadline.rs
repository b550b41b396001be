//! How long a request may take, phase by phase: whoever is late decides what the caller is told.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::refusal::Refusal;

/// How long a phase may take. The promise is an answer within 5 s while the database is away.
const LONGEST: Duration = Duration::from_millis(4_500);

/// Whom a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The handler and its database.
    House,
    /// The caller, who sends the body.
    Body,
    /// The upstream of a route test, which has time-outs of its own.
    Upstream,
}

/// The current phase of a request, and when it is to end. A clone is another handle to the same one.
#[derive(Debug, Clone)]
pub(crate) struct Deadline(Arc<watch::Sender<Moment>>);

/// A phase, when it began, and how much of the handler's own time was left then.
#[derive(Debug, Clone, Copy)]
struct Moment {
    phase: Phase,
    since: Instant,
    left: Duration,
}

impl Deadline {
    /// Begins with the handler's own time.
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Moment { phase: Phase::House, since: Instant::now(), left: LONGEST })))
    }

    /// Waits for somebody else, while the handler's own time stands still.
    pub(crate) async fn during<T>(&self, phase: Phase, wait: impl Future<Output = T>) -> T {
        self.turn(phase);
        let result = wait.await;
        self.turn(Phase::House);
        result
    }

    fn turn(&self, phase: Phase) {
        self.0.send_modify(|moment| {
            let now = Instant::now();
            if moment.phase == Phase::House {
                moment.left = moment.left.saturating_sub(now.saturating_duration_since(moment.since));
            }
            (moment.phase, moment.since) = (phase, now);
        });
    }

    /// Ends when a phase took too long, with what the caller is told.
    pub(crate) async fn passed(&self) -> Refusal {
        let mut phases = self.0.subscribe();
        loop {
            let Moment { phase, since, left } = *phases.borrow_and_update();
            let (late, most): (fn() -> Refusal, _) = match phase {
                Phase::House => (away, left),
                Phase::Body => (slow, LONGEST),
                Phase::Upstream => {
                    // The sender lives as long as `self`: a change is all that this can end with.
                    drop(phases.changed().await);
                    continue;
                }
            };
            if timeout_at(since + most, phases.changed()).await.is_err() {
                return late();
            }
        }
    }
}

fn away() -> Refusal {
    let mut refusal = Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "database-unavailable",
        "The database does not answer",
        "the outcome of a change is unknown: look before trying again; traffic goes on",
    );
    refusal.retry_after = Some(1);
    refusal
}

fn slow() -> Refusal {
    let detail = "the body did not arrive in time; nothing was done, send the request again";
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", "The body came too slowly", detail)
}
