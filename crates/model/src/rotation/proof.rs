//! What has to be proven before a rotation goes a step further. Only the checks here make a proof, and the steps that
//! need one take it. Proofs are also read back from the log, whose lines are sealed.
//!
//! With the proofs at hand, the steps can be taken:
//!
//! ```
//! # use model::rotation::{Basis, Canary, Converged, Healthy, Soaking, SoakElapsed, Watching, Withdrawn};
//! # use model::time::Timestamp;
//! fn basis() -> Basis { Basis::Traffic { judged: 30 } }
//! fn promote(canary: Canary, healthy: Healthy, at: Timestamp) -> Soaking { canary.promote(healthy, at) }
//! fn withdraw(watching: Watching, soak: SoakElapsed, there: Converged) -> Withdrawn { watching.withdraw(soak, there, 7) }
//! ```
//!
//! But a proof cannot be written down by hand …
//!
//! ```compile_fail,E0451
//! # use model::rotation::{Basis, Healthy};
//! fn healthy() -> Healthy { Healthy { basis: Basis::Traffic { judged: 30 } } }
//! ```
//!
//! … nor be asked for from outside …
//!
//! ```compile_fail,E0624
//! # use model::rotation::{Basis, Healthy};
//! fn healthy() -> Healthy { Healthy::by(Basis::Traffic { judged: 30 }) }
//! ```
//!
//! … a secret is not promoted because of answers that nobody judged …
//!
//! ```compile_fail,E0308
//! # use model::rotation::{Basis, Canary, Soaking};
//! # use model::time::Timestamp;
//! fn promote(canary: Canary, basis: Basis, at: Timestamp) -> Soaking { canary.promote(basis, at) }
//! ```
//!
//! … and nothing is withdrawn that was watched for too short a time.
//!
//! ```compile_fail,E0061
//! # use model::rotation::{Converged, Watching, Withdrawn};
//! fn withdraw(watching: Watching, there: Converged) -> Withdrawn { watching.withdraw(there, 7) }
//! ```

use serde::{Deserialize, Serialize};

use crate::node::{Node, NodeState};
use crate::time::{Span, Timestamp};

/// Why the incoming credential counts as healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "basis", rename_all = "snake_case")]
pub enum Basis {
    /// So many answers of its upstreams, judged beside those to the outgoing one.
    Traffic {
        /// Answers that say that it is alive.
        judged: u64,
    },
    /// It was tried out.
    Probe {
        /// When.
        at: Timestamp,
    },
    /// Somebody vouches for it.
    Attested {
        /// Who.
        by: String,
    },
    /// No route of the stage sends it.
    Unsent,
}

/// The incoming credential was found healthy in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healthy {
    #[serde(flatten)]
    basis: Basis,
}

impl Healthy {
    pub(super) fn by(basis: Basis) -> Self {
        Self { basis }
    }

    /// Why.
    #[must_use]
    pub fn basis(&self) -> &Basis {
        &self.basis
    }
}

/// The outgoing credential was not needed for as long as it had to be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoakElapsed {
    promoted_at: Timestamp,
    needed_at: Option<Timestamp>,
    elapsed_at: Timestamp,
}

impl SoakElapsed {
    /// Counts from the later of the last promotion and the last need.
    ///
    /// # Errors
    /// The moment at which it will have elapsed.
    pub(super) fn check(
        promoted_at: Timestamp,
        needed_at: Option<Timestamp>,
        soak: Span,
        now: Timestamp,
    ) -> Result<Self, Timestamp> {
        let elapsed_at = needed_at.map_or(promoted_at, |needed| needed.max(promoted_at)).plus(soak);
        if now < elapsed_at {
            return Err(elapsed_at);
        }
        Ok(Self { promoted_at, needed_at, elapsed_at })
    }

    /// The same with what has become known since.
    pub(super) fn again(self, needed_at: Option<Timestamp>, soak: Span, now: Timestamp) -> Result<Self, Timestamp> {
        if needed_at <= self.needed_at {
            return Ok(self);
        }
        Self::check(self.promoted_at, needed_at, soak, now)
    }

    /// When the outgoing credential was last needed.
    #[must_use]
    pub fn needed_at(&self) -> Option<Timestamp> {
        self.needed_at
    }

    /// When the last environment was promoted.
    #[must_use]
    pub fn promoted_at(&self) -> Timestamp {
        self.promoted_at
    }

    /// Until when it was not needed, at least.
    #[must_use]
    pub fn elapsed_at(&self) -> Timestamp {
        self.elapsed_at
    }
}

/// The nodes that share a database, and its clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// All that are remembered.
    pub nodes: Vec<Node>,
    /// By the database's clock.
    pub now: Timestamp,
    /// Which life of the database this is.
    pub incarnation: String,
}

/// How far the clocks of two machines may be apart.
const APART: Span = Span::from_secs(60);

impl Fleet {
    /// The moment by which rotations are decided and written down: what a node's own clock says, and never later than the
    /// database's by more than two machines may differ. A clock that runs ahead would let a soak elapse that nobody has
    /// watched.
    #[must_use]
    pub fn moment(&self, own: Timestamp) -> Timestamp {
        own.min(self.now.plus(APART))
    }
}

/// Every node that may still serve serves a revision at or past a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converged {
    revision: i64,
    nodes: Vec<String>,
}

/// A node that may still serve an older revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Its name.
    pub node: String,
    /// What it is known to serve; `None` where it has said nothing.
    pub revision: Option<i64>,
    /// Whether it was not heard from lately.
    pub silent: bool,
    /// When it counts as gone, where it stays silent.
    pub gone_at: Timestamp,
}

impl Converged {
    /// Looks at each node that may still serve. One that is silent may, until it is gone or somebody attests that it is
    /// stopped.
    ///
    /// # Errors
    /// The nodes that are not there yet.
    pub(super) fn check(fleet: &Fleet, revision: i64) -> Result<Self, Vec<Behind>> {
        let serving = fleet.nodes.iter().filter(|node| node.role.has_gateway());
        let serving = serving.map(|node| (node, node.state(fleet.now)));
        let serving: Vec<_> =
            serving.filter(|(_, state)| matches!(state, NodeState::Live | NodeState::Silent)).collect();
        let is_there = |node: &Node| {
            // A live node that serves nothing holds nothing.
            match node.revision {
                None => node.incarnation.is_empty(),
                Some(served) => node.incarnation == fleet.incarnation && served >= revision,
            }
        };
        let behind: Vec<Behind> = serving
            .iter()
            .filter(|(node, _)| !is_there(node))
            .map(|(node, state)| Behind {
                node: node.name.clone(),
                revision: node.revision,
                silent: *state == NodeState::Silent,
                gone_at: node.last_seen_at.plus(node.max_staleness),
            })
            .collect();
        if !behind.is_empty() {
            return Err(behind);
        }
        Ok(Self { revision, nodes: serving.iter().map(|(node, _)| node.name.clone()).collect() })
    }

    /// The revision at or past which all of them are.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The names of the nodes that serve.
    #[must_use]
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }
}

/// Nobody holds the outgoing credential any more: every node is past its withdrawal, and nothing that began with it is
/// under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unused {
    converged: Converged,
    soak: SoakElapsed,
}

impl Unused {
    pub(super) fn new(converged: Converged, soak: SoakElapsed) -> Self {
        Self { converged, soak }
    }

    /// Since when it was not needed.
    #[must_use]
    pub fn soak(&self) -> &SoakElapsed {
        &self.soak
    }
}
