//! A client that reads nothing is given up.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Watches whether writes go on. The timer is made only when something stands still.
pub(super) struct Stall {
    patience: Duration,
    since: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, since: None }
    }

    /// Whether the last write has not gone on.
    pub(super) fn is_stalled(&self) -> bool {
        self.since.is_some()
    }

    /// Passes on what became of a write, unless it stood still for too long.
    pub(super) fn watch<T>(&mut self, write: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.since = None;
            return write;
        }
        let patience = self.patience;
        let since = self.since.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(since.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}
