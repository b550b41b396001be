//! The gateway's part of a node: what it is started with, and how much of the machine clients may take.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use gateway::{Gateway, GatewayOptions, Limits};
use ipnet::IpNet;
use model::snapshot::Snapshot;
use model::time::{Clock, Entropy};
use outbound::{Forwarder, PoolLimits, Tls};
use rustls::ServerConfig;

use super::error::ServeError;
use crate::process::{self, Listener};

/// What the gateway needs besides the clock and randomness.
pub(super) struct Traffic {
    pub(super) listener: Listener,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) snapshot: Arc<ArcSwapOption<Snapshot>>,
    pub(super) allow_private: Vec<IpNet>,
    pub(super) stream_grace: Duration,
    pub(super) trusted_proxies: Vec<IpNet>,
}

impl Traffic {
    /// Takes the first request.
    pub(super) fn start(
        self,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<gateway::Running, ServeError> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let (limits, pool) = bounded(process::files(), workers);
        Gateway::start(GatewayOptions {
            listener: self.listener.socket,
            workers,
            tls: self.tls,
            snapshot: self.snapshot,
            forwarder: Forwarder::pooled(Arc::new(Tls::new()), pool),
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
            allow_private: self.allow_private,
            trusted_proxies: self.trusted_proxies,
            limits,
            stream_grace: self.stream_grace,
        })
        .map_err(ServeError::Runtime)
    }
}

/// What clients may take of the files that may be open. The rest is for upstreams, the admin listener and the database:
/// whoever opens connections to no end must not keep these from working.
fn bounded(files: Option<u64>, workers: usize) -> (Limits, PoolLimits) {
    let (mut limits, mut pool) = (Limits::default(), PoolLimits::default());
    if let Some(files) = files {
        let part = |share: usize| (usize::try_from(files).unwrap_or(usize::MAX) / share / workers.max(1)).max(1);
        limits.connections = limits.connections.min(part(5).saturating_mul(3));
        pool.per_upstream = pool.per_upstream.min(part(16));
    }
    (limits, pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_take_three_fifths_of_the_files_at_most() {
        for (files, workers, connections, idle) in [
            (None, 2, 10_000, 256),
            (Some(1_048_576), 64, 9_828, 256),
            (Some(1_048_576), 8, 10_000, 256),
            (Some(20_000), 2, 6_000, 256),
            (Some(256), 2, 75, 8),
            (Some(0), 2, 3, 1),
        ] {
            let (limits, pool) = bounded(files, workers);
            assert_eq!((limits.connections, pool.per_upstream), (connections, idle), "{files:?} {workers}");
        }
    }
}
