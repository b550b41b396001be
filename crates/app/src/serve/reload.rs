//! What SIGHUP does: reads configuration and certificates again, and says what cannot be taken over while running.

use std::sync::Arc;

use crate::config::{self, Config, Flags, Tls, Variables};
use crate::logging::{Logging, chain};
use crate::process::{Certificates, Notifier, Set, TlsError};

/// The settings that a running process takes over; those of certificates besides, where the listener has some.
const LIVE: [&str; 2] = ["log.level", "log.access"];

/// Everything that a reload touches.
pub(super) struct Reload {
    pub(super) flags: Flags,
    /// The environment of the start: nobody can change it for a process that runs.
    pub(super) variables: Variables,
    /// What is in effect.
    pub(super) config: Config,
    pub(super) logging: Logging,
    /// Absent where the listener has no TLS.
    pub(super) gateway: Option<Arc<Certificates>>,
    pub(super) admin: Option<Arc<Certificates>>,
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
        if let Err(error) = self.certificates() {
            let reason = chain(&error);
            tracing::error!(%reason, "no certificate was reloaded: those that were served are served on");
        }
        self.notifier.ready();
    }

    fn take(&mut self, new: &Config) {
        // A listener goes on as it began: with TLS or without.
        let gateway = self.gateway.is_some() && new.gateway.tls.files().is_some();
        let admin = self.admin.is_some() && new.admin.tls.files().is_some();
        for setting in config::difference(&self.config, new) {
            let of_certificates =
                gateway && setting.starts_with("gateway.tls.") || admin && setting.starts_with("admin.tls.");
            if !of_certificates && !LIVE.contains(&setting.as_str()) {
                tracing::warn!(setting, "a setting was changed that takes effect at the next start");
            }
        }
        self.logging.change(&new.log);
        self.config.log.level = new.log.level;
        self.config.log.access = new.log.access;
        if gateway {
            self.config.gateway.tls.clone_from(&new.gateway.tls);
        }
        if admin {
            self.config.admin.tls.clone_from(&new.admin.tls);
        }
        tracing::info!("the configuration was reloaded");
    }

    /// Reads all of them, and exchanges them where each can be served with.
    fn certificates(&self) -> Result<(), TlsError> {
        let read = |served: &Option<Arc<Certificates>>, tls: &Tls| match served {
            Some(_) => Set::read(tls),
            None => Ok(None),
        };
        let gateway = read(&self.gateway, &self.config.gateway.tls)?;
        let admin = read(&self.admin, &self.config.admin.tls)?;
        for (section, served, set) in [("gateway", &self.gateway, gateway), ("admin", &self.admin, admin)] {
            if let (Some(served), Some(set)) = (served, set) {
                tracing::info!(section, names = set.names(), "certificates were read, and new connections get them");
                served.exchange(set);
            }
        }
        Ok(())
    }
}
