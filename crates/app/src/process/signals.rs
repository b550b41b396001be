//! The signals that a server answers.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM, or SIGINT from a terminal: drain, and the second time end at once.
    Stop,
    /// SIGHUP: read the configuration and the certificates again.
    Reload,
    /// SIGUSR2: start the binary anew and let it take over.
    Succeed,
}

/// The signals as they arrive.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
    succeed: unix::Signal,
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
            succeed: unix::signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next signal to stop, and passes on each other one meanwhile.
    pub(crate) async fn until_stop(&mut self, mut other: impl FnMut(Signal)) {
        loop {
            match self.next().await {
                Signal::Stop => return,
                signal => other(signal),
            }
        }
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hangup.recv() => Signal::Reload,
            _ = self.succeed.recv() => Signal::Succeed,
        }
    }
}
