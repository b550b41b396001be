//! Messages to the service manager (systemd's notification protocol); without one they go nowhere.

use std::time::Duration;

use sd_notify::NotifyState;

/// Tells the service manager how the process is. Failures are of no consequence to anybody but the manager.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Notifier;

impl Notifier {
    /// Both listeners accept.
    pub(crate) fn ready(self) {
        let _ = sd_notify::notify(&[NotifyState::Ready]);
    }

    /// The configuration is being read again; `ready` follows.
    pub(crate) fn reloading(self) {
        // The manager tells this reload from an earlier one by the time (`Type=notify-reload`).
        if let Ok(moment) = NotifyState::monotonic_usec_now() {
            let _ = sd_notify::notify(&[NotifyState::Reloading, moment]);
        }
    }

    /// Another process is the main one from now on; only what that one says counts.
    pub(crate) fn main_process(self, pid: u32) {
        let _ = sd_notify::notify(&[NotifyState::MainPid(pid)]);
    }

    /// Draining has begun, and may take `at_most`.
    pub(crate) fn stopping(self, at_most: Duration) {
        let micros = u32::try_from(at_most.as_micros()).unwrap_or(u32::MAX);
        let _ = sd_notify::notify(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(micros)]);
    }

    /// Signs of life for `WatchdogSec`, for as long as the runtime makes progress. Ends at once where none are asked for.
    pub(crate) async fn watchdog(self) {
        let Some(limit) = sd_notify::watchdog_enabled() else { return };
        // An interval of no length would be a mistake of the caller that ends the task.
        let mut ticks = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
        loop {
            ticks.tick().await;
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        }
    }
}
