//! Everything time-driven: publish, rotate, verify, tally, retain, and a sign of life every second.
//!
//! Promise: what is committed reaches the snapshot within a second, changed rows only; what traffic counted reaches the
//! database within a second or two; a row that was changed outside Keyroll makes its secret unusable and is reported;
//! a snapshot that gets too old is withdrawn.
//!
//! Tasks take no input: each wakes by a timer or a nudge, reads the world, decides, acts, and records. A lost nudge costs
//! latency, never correctness, and a task that panics begins anew from what is stored.
//!
//! Absences: no HTTP server, no API and no request; neither `control` nor `gateway` is known here. No clock of its own.
//! No SQL and no cryptography: rows come from the store and are opened by the envelope. It changes
//! nothing of its own accord but rotations, and those as their logs and the evidence say; all else that it writes is
//! telemetry.

mod freshness;
mod heartbeat;
mod outage;
mod publish;
mod retain;
mod rotate;
mod standing;
mod supervise;
mod usage;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use envelope::{Keyring, SigningKeys};
use ipnet::IpNet;
use model::node::NodeRole;
use model::schedule;
use model::snapshot::Snapshot;
use model::time::{Clock, Entropy, Span};
use store::{Lease, Store, StoreError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use rotate::{Label, StopAt};
pub use standing::Standing;
pub use usage::{Counts, Pending};

use freshness::Freshness;
use supervise::supervise;
use usage::Registry;

/// What the engine works with.
pub struct EngineOptions {
    /// The durable truth.
    pub store: Store,
    /// What opens sealed values.
    pub keyring: Arc<Keyring>,
    /// What the keys follow from with which clients sign.
    pub signing_keys: Arc<SigningKeys>,
    /// Where snapshots are put; traffic is served from there. Empty until the first one is built, and again when it got
    /// too old.
    pub snapshot: Arc<ArcSwapOption<Snapshot>>,
    /// Who this is, among the nodes that share the database.
    pub node: NodeIdentity,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The clock that soaks and canaries are measured by: it does not run ahead of what has really passed, also where
    /// somebody sets the other one.
    pub rotation_clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where to die in the middle of a rotation, for tests.
    pub stop_at: StopAt,
    /// Private networks that upstreams may be in.
    pub allow_private: Vec<IpNet>,
    /// How long to serve from a snapshot while the database is away, by a clock that cannot be set; after that there is
    /// none, until it is back.
    pub max_staleness: Span,
    /// How rotations may go on by themselves.
    pub rotations: schedule::Policy,
    /// How often the tasks wake by themselves.
    pub pace: Pace,
    /// Ends the tasks. Cancel it after traffic has drained: the last thing done is to write what traffic counted.
    pub shutdown: CancellationToken,
}

/// Who a node is, among those that share a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeIdentity {
    /// `node_…`, the same after a restart.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it does.
    pub role: NodeRole,
    /// Which version it runs.
    pub version: String,
    /// Names this run of the process.
    pub run: String,
}

/// How often the tasks wake by themselves.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two looks for a newer revision; a nudge makes it sooner.
    pub poll: Duration,
    /// Between two writings of what was counted.
    pub flush: Duration,
    /// Between two signs of life; a newer revision that is served makes one sooner.
    pub beat: Duration,
    /// Between two checks of all sealed rows and of the audit.
    pub verify: Duration,
    /// Between two looks at rotations; a commit makes it sooner.
    pub rotate: Duration,
    /// Between two removals of what is no longer kept.
    pub retain: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(250),
            flush: Duration::from_secs(1),
            beat: Duration::from_secs(1),
            verify: Duration::from_secs(60),
            rotate: Duration::from_millis(500),
            retain: Duration::from_secs(60),
        }
    }
}

/// The time-driven part of the process.
pub struct Engine;

impl Engine {
    /// Starts the tasks of the node's role on the current runtime. Traffic can be served once [`Running::ready`] has
    /// answered; on a node without traffic it never does.
    #[must_use]
    pub fn start(options: EngineOptions) -> Running {
        let shutdown = options.shutdown.clone();
        let standing = Arc::new(Standing::default());
        let freshness = Freshness::new(options.clock.now());
        let registry = Arc::new(Registry::default());
        let counts = Counts(Arc::clone(&registry));
        let shared = Arc::new(Shared { options, registry, standing: Arc::clone(&standing), freshness });
        let mut tasks = vec![
            supervise("verify", &shared, verify::run),
            supervise("heartbeat", &shared, heartbeat::run),
            supervise("retain", &shared, retain::run),
            supervise("rotate", &shared, rotate::run),
        ];
        // A node without traffic opens no value before somebody asks it to.
        if shared.options.node.role.has_gateway() {
            tasks.push(supervise("freshness", &shared, freshness::run));
            tasks.push(supervise("publish", &shared, publish::run));
            tasks.push(supervise("flush", &shared, usage::flush::run));
        }
        Running { standing, counts, shutdown, tasks }
    }
}

/// The tasks while they run.
#[derive(Debug)]
pub struct Running {
    standing: Arc<Standing>,
    counts: Counts,
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// What is served and what is wrong, for readiness and diagnosis.
    #[must_use]
    pub fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing)
    }

    /// What traffic counts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Waits for the first snapshot and answers its revision; `None` where the engine was stopped before.
    pub async fn ready(&self) -> Option<i64> {
        tokio::select! {
            revision = self.standing.serves() => Some(revision),
            () = self.shutdown.cancelled() => None,
        }
    }

    /// Waits until all tasks have ended after `shutdown` was cancelled, and what was counted is written.
    pub async fn join(self) {
        for task in self.tasks {
            // A supervisor neither panics nor is aborted; if it were, there is nothing left to wait for.
            drop(task.await);
        }
    }
}

/// What all tasks share.
pub(crate) struct Shared {
    pub(crate) options: EngineOptions,
    pub(crate) registry: Arc<Registry>,
    pub(crate) standing: Arc<Standing>,
    pub(crate) freshness: Freshness,
}

impl Shared {
    /// Takes what must be done by one node at a time, for a pause and `grace` on top; `None` while another node has it.
    pub(crate) async fn lease(
        &self,
        name: &'static str,
        pause: Duration,
        grace: Span,
    ) -> Result<Option<Lease>, StoreError> {
        let pause = Span::from_millis(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
        let time = Span::from_millis(pause.as_millis().saturating_add(grace.as_millis()));
        self.options.store.lease(name, &self.options.node.id, time).await
    }

    /// Sleeps; `false` where the engine was stopped meanwhile.
    pub(crate) async fn sleep(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.options.shutdown.cancelled() => false,
        }
    }
}
