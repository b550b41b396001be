//! The signals that a server answers.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    /// SIGTERM, or SIGINT from a terminal: drain, and the second time end at once.
    Stop,
    /// SIGHUP: read the configuration and the certificates again.
    Reload,
}

/// The signals as they arrive.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    /// Takes the signals over from the system's defaults, which would end the process. Needs the runtime's context.
    ///
    /// # Errors
    /// Where the handlers cannot be registered.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hangup: unix::signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal to stop, and calls `reload` for each signal to reload meanwhile.
    pub(crate) async fn until_stop(&mut self, mut reload: impl FnMut()) {
        while self.next().await == Signal::Reload {
            reload();
        }
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }
}
