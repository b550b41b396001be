//! What SIGHUP does: reads configuration and certificates again, and says what cannot be taken over while running.

use std::sync::Arc;

use crate::config::{self, Config, Flags, Variables};
use crate::logging::{Logging, chain};
use crate::process::{Certificate, Notifier};

/// The settings that a running process takes over. Certificates are read again from the files that were named at start.
const LIVE: [&str; 2] = ["log.level", "log.access"];

/// Everything that a reload touches.
pub(super) struct Reload {
    pub(super) flags: Flags,
    /// The environment of the start: nobody can change it for a process that runs.
    pub(super) variables: Variables,
    /// What is in effect.
    pub(super) config: Config,
    pub(super) logging: Logging,
    pub(super) certificates: Vec<Arc<Certificate>>,
    pub(super) notifier: Notifier,
}

impl Reload {
    /// Reads everything again. Where something is wrong, what was in effect stays in effect.
    pub(super) fn run(&mut self) {
        self.notifier.reloading();
        match config::load(&self.flags, &self.variables) {
            Ok(loaded) => self.take(&loaded.config),
            Err(mistakes) => {
                for mistake in mistakes.iter() {
                    tracing::error!(place = %mistake.origin, mistake = %mistake.message, "the configuration has a mistake");
                }
                tracing::error!("the configuration was not reloaded");
            }
        }
        for certificate in &self.certificates {
            if let Err(error) = certificate.reload() {
                let reason = chain(&error);
                tracing::error!(%reason, "a certificate was not reloaded");
            }
        }
        self.notifier.ready();
    }

    fn take(&mut self, new: &Config) {
        for setting in config::difference(&self.config, new) {
            if !LIVE.contains(&setting.as_str()) {
                tracing::warn!(setting, "a setting was changed that takes effect at the next start");
            }
        }
        self.logging.change(&new.log);
        self.config.log.level = new.log.level;
        self.config.log.access = new.log.access;
        tracing::info!("the configuration was reloaded");
    }
}
