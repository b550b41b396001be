//! The log of a rotation: what happened to it, in the order in which it was committed. The log is the truth; everything
//! else about a rotation follows from it.

use serde::{Deserialize, Serialize};

use super::Change;
use super::Weight;
use super::plan::Plan;
use super::proof::{Converged, Healthy, SoakElapsed, Unused};
use crate::name::{EnvironmentName, RouteName, SecretName};
pub use crate::probe::{Reading, Tried};
use crate::secret::Kind;
use crate::time::Timestamp;

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1.
    pub number: i64,
    /// When it was committed.
    pub at: Timestamp,
    /// Whose doing it was: `token:ops`, `system:rotate`.
    pub actor: String,
    /// What happened.
    pub event: Event,
}

/// A route in an environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spot {
    /// The route.
    pub route: RouteName,
    /// The environment.
    pub environment: EnvironmentName,
}

/// What a rotation began with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The secret that is replaced.
    pub outgoing: SecretName,
    /// The secret that takes its place.
    pub incoming: SecretName,
    /// What both are.
    pub kind: Kind,
    /// Whether the incoming secret was made for this rotation.
    pub incoming_is_new: bool,
    /// What is going to be done.
    pub plan: Plan,
    /// Where the outgoing secret was named when it began: route, environment and field.
    pub named_at: Vec<Mention>,
}

/// A place in which a secret is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// The route.
    pub route: RouteName,
    /// The environment; `None` for a mention in the base that nobody inherits.
    pub environment: Option<EnvironmentName>,
    /// The member.
    pub field: String,
}

/// What a rotation waits for before it enters an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum WaitFor {
    /// An operator's *advance*, because the plan says so.
    Operator,
    /// An operator's *advance*, because nothing can tell by itself whether the incoming credential works.
    Judgement {
        /// Why nothing can.
        detail: String,
    },
    /// A time at which changes are allowed.
    Window {
        /// When it opens.
        opens_at: Timestamp,
    },
    /// Another rotation whose canary is in one of the same routes and environments.
    Rival {
        /// Which.
        rotation: String,
    },
    /// The least time after another rotation in one of the same routes.
    Gap {
        /// Which.
        rotation: String,
        /// When it is over.
        until: Timestamp,
    },
    /// The rotation that has to go first.
    Sibling {
        /// Which.
        rotation: String,
    },
}

/// Why a rotation was rolled back, or cannot go on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Trouble {
    /// An operator asked for it.
    Operator {
        /// In the operator's words.
        note: String,
    },
    /// The upstream refuses the incoming credential where it takes the outgoing one.
    Rejected {
        /// In which environment.
        environment: EnvironmentName,
        /// Which upstream.
        upstream: String,
        /// So often.
        pairs: u64,
        /// So often it took the incoming one.
        alive: u64,
    },
    /// A probe found the incoming credential refused.
    ProbedDead,
    /// Probes got no clear answer, however often.
    ProbedUnclear,
    /// Both credentials are refused.
    BothDead,
    /// The rotation that has to go first has ended without getting there.
    SiblingEnded {
        /// Which.
        rotation: String,
    },
    /// The incoming secret cannot be used.
    IncomingUnusable {
        /// Why not, in words.
        detail: String,
    },
    /// The routes could not be re-pointed.
    NotWritten {
        /// Why not, in words.
        detail: String,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// It was started.
    Planned(Box<Planned>),
    /// Somebody else approved it.
    Approved {
        /// Why.
        reason: String,
    },
    /// It waits before it enters the next environment.
    Waiting(WaitFor),
    /// It is about to try the incoming credential out. The intent of the effect that follows.
    ProbeBegan,
    /// What trying out has shown.
    Probed {
        /// The incoming credential.
        reading: Reading,
        /// The outgoing one, where it was tried as well.
        outgoing: Option<Reading>,
        /// Where.
        tried: Vec<Tried>,
    },
    /// There is nothing to try it out with; traffic or an operator will tell.
    ProbeSkipped,
    /// It enters an environment, with the first step of its canary.
    StageBegan {
        /// Which environment.
        environment: EnvironmentName,
        /// How much of the traffic gets the incoming credential.
        weight: Weight,
        /// The routes that take part, each with its upstream.
        routes: Vec<(RouteName, String)>,
        /// Why the incoming credential counts as healthy there from the start, where a probe has said so of this very
        /// environment. What was found in another one says nothing here.
        #[serde(default)]
        healthy: Option<Healthy>,
    },
    /// The next step of the canary.
    CanaryStep {
        /// Which environment.
        environment: EnvironmentName,
        /// Which step, from 0.
        step: usize,
        /// How much of the traffic gets the incoming credential.
        weight: Weight,
    },
    /// The incoming credential was found healthy: requests that cannot be sent again may carry it.
    FoundHealthy {
        /// In which environment.
        environment: EnvironmentName,
        /// Why it counts as healthy.
        healthy: Healthy,
    },
    /// A route that takes part goes to another upstream: what was counted before says nothing any more.
    UpstreamChanged {
        /// Which route and environment.
        spot: Spot,
        /// Where it goes now.
        upstream: String,
    },
    /// A route no longer names the outgoing secret, by an edit of somebody else's.
    RouteLeft {
        /// Which route and environment.
        spot: Spot,
    },
    /// The templates of all routes of the environment name the incoming secret.
    Promoted {
        /// Which environment.
        environment: EnvironmentName,
        /// Why the incoming credential counts as healthy.
        healthy: Healthy,
        /// What was changed.
        changes: Vec<Change>,
        /// The revision of this very change.
        revision: i64,
    },
    /// The next step: a soak has elapsed, or an operator does not wait for what the rotation waits for.
    Advanced,
    /// The outgoing secret is out of every snapshot that is made from now on.
    Withdrawn {
        /// That it was watched for long enough.
        soak: SoakElapsed,
        /// That no node is behind.
        converged: Converged,
        /// Where it is still named; then it is not deleted.
        remains_at: Vec<Mention>,
        /// The revision of this very change.
        revision: i64,
    },
    /// The outgoing secret's value was destroyed.
    Deleted {
        /// What was proven before; `None` where an operator deleted it.
        unused: Option<Unused>,
    },
    /// It is over.
    Completed,
    /// The outgoing name stands again wherever the rotation had replaced it.
    RolledBack {
        /// Why.
        why: Trouble,
        /// What was changed.
        changes: Vec<Change>,
    },
    /// It ended before any traffic moved.
    Abandoned {
        /// Why, in the operator's words.
        note: String,
    },
    /// It stands still.
    Held {
        /// Why, in the operator's words.
        note: String,
    },
    /// It goes on.
    Resumed,
    /// It cannot go on by itself.
    NeedsOperator {
        /// Why.
        why: Trouble,
    },
    /// Somebody vouches for a step of the checklist, or says why it does not apply.
    Attested {
        /// Which step.
        step: String,
        /// In their words.
        note: String,
        /// Where more is to be found.
        link: Option<String>,
        /// Whether the step does not apply here.
        not_applicable: bool,
    },
    /// An attestation no longer holds.
    AttestationRemoved {
        /// Of which step.
        step: String,
    },
}

/// The words of all events, for lists that cannot miss one.
pub const EVENTS: [&str; 23] = [
    "planned",
    "approved",
    "waiting",
    "probe_began",
    "probed",
    "probe_skipped",
    "stage_began",
    "canary_step",
    "found_healthy",
    "upstream_changed",
    "route_left",
    "promoted",
    "advanced",
    "withdrawn",
    "deleted",
    "completed",
    "rolled_back",
    "abandoned",
    "held",
    "resumed",
    "needs_operator",
    "attested",
    "attestation_removed",
];

impl Event {
    /// Its word; the audit's action is `rotation.` and this.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Planned(_) => "planned",
            Self::Approved { .. } => "approved",
            Self::Waiting(_) => "waiting",
            Self::ProbeBegan => "probe_began",
            Self::Probed { .. } => "probed",
            Self::ProbeSkipped => "probe_skipped",
            Self::StageBegan { .. } => "stage_began",
            Self::CanaryStep { .. } => "canary_step",
            Self::FoundHealthy { .. } => "found_healthy",
            Self::UpstreamChanged { .. } => "upstream_changed",
            Self::RouteLeft { .. } => "route_left",
            Self::Promoted { .. } => "promoted",
            Self::Advanced => "advanced",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Deleted { .. } => "deleted",
            Self::Completed => "completed",
            Self::RolledBack { .. } => "rolled_back",
            Self::Abandoned { .. } => "abandoned",
            Self::Held { .. } => "held",
            Self::Resumed => "resumed",
            Self::NeedsOperator { .. } => "needs_operator",
            Self::Attested { .. } => "attested",
            Self::AttestationRemoved { .. } => "attestation_removed",
        }
    }
}
