//! Where a rotation stands. Each state owns its facts, and a step takes the state that it leaves and the proof that it
//! needs: what must not happen cannot be written down.

use serde::{Deserialize, Serialize};

use super::event::{Trouble, WaitFor};
use super::proof::{Converged, Healthy, SoakElapsed};
use crate::time::{Span, Timestamp};

/// Where a rotation stands, whether it is held or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Started; nothing was done yet.
    Planned,
    /// Somebody else has to approve it.
    AwaitingApproval,
    /// The incoming credential is tried out.
    Probing(Probing),
    /// It waits before it enters an environment.
    Waiting(Waiting),
    /// The incoming credential gets a share of an environment's traffic.
    Canary(Canary),
    /// An environment is looked at after its promotion.
    Soaking(Soaking),
    /// The last environment is promoted: the final soak.
    Watching(Watching),
    /// The outgoing secret is out of every snapshot.
    Withdrawn(Withdrawn),
    /// It is over.
    Completed,
    /// The outgoing secret is back in its places.
    RolledBack {
        /// Why.
        why: Trouble,
    },
    /// It ended before any traffic moved.
    Abandoned,
}

/// Trying out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Probing {
    /// How often the incoming credential was refused.
    pub refused: u32,
    /// How often there was no clear answer.
    pub unclear: u32,
    /// When it is tried again; now, where absent.
    pub again_at: Option<Timestamp>,
}

/// Before an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Which stage of the plan comes next.
    pub stage: usize,
    /// For what.
    pub wait: WaitFor,
    /// Whether an operator has said to go on: then neither the plan's manner nor a window stands in the way.
    pub released: bool,
}

/// A share of an environment's traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Which stage of the plan.
    pub stage: usize,
    /// Which step of its canary.
    pub step: usize,
    /// When the step began.
    pub since: Timestamp,
    /// Why the incoming credential counts as healthy here; not yet, where absent.
    pub healthy: Option<Healthy>,
}

impl Canary {
    /// All of the traffic of this environment, by its templates.
    #[must_use]
    pub fn promote(self, healthy: Healthy, at: Timestamp) -> Soaking {
        Soaking { stage: self.stage, since: at, healthy }
    }

    pub(super) fn next_step(self, step: usize, at: Timestamp) -> Self {
        Self { step, since: at, ..self }
    }
}

impl Waiting {
    /// As [`Canary::promote`], without a canary: an operator's wish.
    #[must_use]
    pub fn promote(self, healthy: Healthy, at: Timestamp) -> Soaking {
        Soaking { stage: self.stage, since: at, healthy }
    }

    pub(super) fn enter(self, at: Timestamp, healthy: Option<Healthy>) -> Canary {
        Canary { stage: self.stage, step: 0, since: at, healthy }
    }
}

/// After an environment's promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Soaking {
    /// Which stage of the plan.
    pub stage: usize,
    /// Since when.
    pub since: Timestamp,
    /// Why the incoming credential counted as healthy.
    pub healthy: Healthy,
}

impl Soaking {
    /// The final soak, where this was the last environment.
    #[must_use]
    pub fn watch(self) -> Watching {
        Watching { since: self.since }
    }
}

/// The final soak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    /// Since when.
    pub since: Timestamp,
}

impl Watching {
    /// Takes the outgoing secret out of every snapshot. From here on there is no way back.
    #[must_use]
    pub fn withdraw(self, soak: SoakElapsed, converged: Converged, revision: i64) -> Withdrawn {
        Withdrawn { soak, converged, revision, remains: false, deleted: false }
    }
}

/// No way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// That it was watched for long enough.
    pub soak: SoakElapsed,
    /// That no node was behind.
    pub converged: Converged,
    /// The revision of the withdrawal.
    pub revision: i64,
    /// Whether the outgoing secret is still named somewhere, and so stays.
    pub remains: bool,
    /// Whether its value is destroyed.
    pub deleted: bool,
}

/// What stops a rotation without changing where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "pause", rename_all = "snake_case")]
pub enum Pause {
    /// An operator holds it.
    Held {
        /// Since when.
        since: Timestamp,
        /// Why.
        note: String,
    },
    /// It cannot go on by itself.
    NeedsOperator {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: Trouble,
    },
}

/// The words of all states.
pub const STATES: [&str; 13] = [
    "planned",
    "awaiting_approval",
    "probing",
    "canary",
    "soaking",
    "waiting",
    "watching",
    "withdrawn",
    "completed",
    "rolled_back",
    "abandoned",
    "held",
    "needs_operator",
];

impl State {
    /// The word on the wire.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Probing(_) => "probing",
            Self::Waiting(_) => "waiting",
            Self::Canary(_) => "canary",
            Self::Soaking(_) => "soaking",
            Self::Watching(_) => "watching",
            Self::Withdrawn(_) => "withdrawn",
            Self::Completed => "completed",
            Self::RolledBack { .. } => "rolled_back",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether anything can still happen.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !matches!(self, Self::Completed | Self::RolledBack { .. } | Self::Abandoned)
    }

    /// The stage of the plan that it is in or waits for.
    #[must_use]
    pub fn stage(&self) -> Option<usize> {
        match self {
            Self::Waiting(Waiting { stage, .. })
            | Self::Canary(Canary { stage, .. })
            | Self::Soaking(Soaking { stage, .. }) => Some(*stage),
            _ => None,
        }
    }
}

/// How long a second try waits after the first, and each further one longer: a new credential may need a moment at its
/// provider.
pub(super) fn pause_before(attempt: u32) -> Span {
    Span::from_secs(5_i64.saturating_mul(1 << attempt.min(6)))
}
