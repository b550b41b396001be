//! The end of a node: what is in flight finishes, what was counted is written, then the rest goes.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use gateway::Running;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::hand_over::{Follower, Offering};
use super::standing::Standing;
use crate::process::{Notifier, Signals};

/// How long requests to the admin API and the last tallies may take after traffic has ended.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long it may take to hand over what was counted.
const HAND_OVER: Duration = Duration::from_secs(10);

/// The parts of a node that have to be stopped, in this order.
pub(super) struct Stopping {
    pub(super) standing: Arc<Standing>,
    /// None where the role has no gateway.
    pub(super) gateway: Option<Arc<Running>>,
    pub(super) admin: JoinHandle<()>,
    pub(super) drain: CancellationToken,
    pub(super) engine: engine::Running,
    pub(super) engine_shutdown: CancellationToken,
    pub(super) notifier: Notifier,
    /// Whether another process serves by now.
    pub(super) handed_over: bool,
    pub(super) offering: Option<Offering>,
    /// What takes the counts of the process before, while that still drains.
    pub(super) follower: Option<Follower>,
}

impl Stopping {
    /// Drains for at most `at_most`; a second stop signal ends the wait. The exit code is 0 unless it came to that.
    pub(super) async fn run(self, at_most: Duration, signals: &mut Signals) -> ExitCode {
        tracing::info!(at_most_ms = u64::try_from(at_most.as_millis()).unwrap_or(u64::MAX), "draining");
        if self.handed_over {
            // The other process accepts on the same socket, and would have to share.
            self.drain.cancel();
        } else {
            self.standing.drain();
            self.notifier.stopping(at_most.saturating_add(LAST_WORDS).saturating_add(LAST_WORDS));
        }
        let gateway = self.gateway.clone();
        // Whoever stops the unit means both processes, and this one is on its way already.
        let signals_left = if self.handed_over { 2 } else { 1 };
        tokio::select! {
            () = self.drained(at_most) => {
                tracing::info!("stopped");
                ExitCode::SUCCESS
            }
            () = stops(signals, signals_left) => {
                tracing::warn!("stopped at once by a second signal");
                // Another thread waits for the same workers; here nobody has to.
                std::thread::spawn(move || gateway.map(|gateway| gateway.abort()));
                ExitCode::from(2)
            }
        }
    }

    async fn drained(mut self, at_most: Duration) {
        let gateway = self.gateway;
        let drained = move || gateway.is_none_or(|gateway| gateway.drain(at_most));
        match tokio::task::spawn_blocking(drained).await {
            Ok(true) => {}
            _ => tracing::warn!("requests were cut off: they took longer than gateway.drain_timeout"),
        }
        self.drain.cancel();
        if tokio::time::timeout(LAST_WORDS, self.admin).await.is_err() {
            tracing::warn!("requests to the admin API were cut off");
        }
        if let Some(follower) = &self.follower {
            follower.close();
        }
        if let Some(offering) = &mut self.offering {
            offering.finish(HAND_OVER).await;
        }
        // Last, so that what the last request counted is written too.
        self.engine_shutdown.cancel();
        if tokio::time::timeout(LAST_WORDS, self.engine.join()).await.is_err() {
            tracing::warn!("the last counts of uses could not be written");
        }
    }
}

/// Waits for so many signals to stop.
async fn stops(signals: &mut Signals, count: u32) {
    for _ in 0..count {
        signals.until_stop(|_| ()).await;
    }
}
