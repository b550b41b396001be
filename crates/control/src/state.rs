//! What every handler works with.

use std::sync::Arc;

use ipnet::IpNet;
use model::lint::Naming;
use model::node::NodeRole;
use model::schedule;
use model::time::{Clock, Entropy, Span, Timestamp};
use store::Store;

use crate::attempts::Attempts;
use crate::keys::Keys;

/// What every handler works with. Built once, shared by all.
pub struct Control {
    /// The durable truth.
    pub store: Store,
    /// The keyring, and the key of fingerprints.
    pub keys: Keys,
    /// The settings that rules ask for.
    pub policy: Policy,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The clock that soaks and canaries are measured by: it does not run ahead of what has really passed.
    pub rotation_clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What readiness is decided from.
    pub standing: Arc<dyn Standing>,
    /// How often values were compared lately.
    pub(crate) attempts: Attempts,
}

/// The settings that rules ask for.
#[derive(Debug, Clone)]
pub struct Policy {
    /// How long a secret is kept after its last use or reference.
    pub retention: Span,
    /// Private networks that upstreams may be in.
    pub allow_private: Vec<IpNet>,
    /// How secrets are to be named.
    pub naming: Option<Naming>,
    /// How rotations may go on by themselves.
    pub rotations: schedule::Policy,
}

/// What the rest of the process tells about itself, for readiness.
pub trait Standing: Send + Sync + 'static {
    /// What the process does.
    fn role(&self) -> NodeRole;
    /// The revision that traffic is served from; `None` before the first snapshot.
    fn serves(&self) -> Option<i64>;
    /// Whether the process is on its way out.
    fn is_draining(&self) -> bool;
    /// What the last look at the audit found wrong.
    fn audit_fault(&self) -> Option<String>;
    /// How many secrets that routes name cannot be opened; the log names them.
    fn unusable_secrets(&self) -> usize;
    /// The rows of routes, clients, tokens and environments that somebody changed outside Keyroll.
    fn tampered_rows(&self) -> Arc<[String]>;
    /// What of its settings makes a stolen copy worth more than it should be, in words.
    fn exposure(&self) -> Option<String>;
}

impl Control {
    /// Puts the parts together. Of the clocks, the second one is that of rotations.
    #[must_use]
    pub fn new(
        store: Store,
        keys: Keys,
        policy: Policy,
        [clock, rotation_clock]: [Arc<dyn Clock>; 2],
        entropy: Arc<dyn Entropy>,
        standing: Arc<dyn Standing>,
    ) -> Self {
        Self { store, keys, policy, clock, rotation_clock, entropy, standing, attempts: Attempts::default() }
    }

    /// The current moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new identifier such as `sec_…`.
    #[must_use]
    pub fn new_id(&self, prefix: &str) -> String {
        model::id::new(prefix, self.now(), self.entropy.as_ref())
    }
}
