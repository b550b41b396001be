//! The evidence of one rotation as one document: what was planned, who did what and why, what was measured, what was
//! changed, and what was proven before the outgoing secret went.
//!
//! It is made of names, templates, counts and moments. A value cannot get into it: a value can neither be written down as
//! JSON nor copied.
//!
//! ```compile_fail
//! fn leak(value: &model::secret::SecretValue) -> String { serde_json::to_string(value).unwrap_or_default() }
//! ```

mod build;
mod environments;
mod readable;
mod said;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Weight;
use super::checklist::Item;
use super::counted::Counted;
use super::event::{Entry, Mention, Reading, Tried, Trouble};
use super::plan::Plan;
use super::playbook::PlayStep;
use super::proof::{Converged, Healthy, SoakElapsed, Unused};
use super::replace::Change;
use super::rotation::Rotation;
use crate::name::{EnvironmentName, RouteName, SecretName};
use crate::secret::Kind;
use crate::time::Timestamp;

pub use build::dossier;
pub use readable::readable;
pub use said::said;

/// What the document is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Sources<'a> {
    /// The rotation.
    pub rotation: &'a Rotation,
    /// Its log.
    pub log: &'a [Entry],
    /// What was counted, in the order of time.
    pub counted: &'a [Counted],
    /// The audit's sequence number of each event of the log.
    pub audit: &'a BTreeMap<i64, i64>,
    /// The audit's last checkpoint, as it is told elsewhere; the document does not look into it.
    pub checkpoint: Option<serde_json::Value>,
    /// The checklist.
    pub checklist: Vec<Item>,
    /// The playbook.
    pub playbook: Vec<PlayStep>,
    /// When the document is made.
    pub now: Timestamp,
}

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dossier {
    /// Which members there are: `keyroll-rotation-evidence/1`.
    pub format: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// `rot_…`.
    pub rotation: String,
    /// The secret that was replaced.
    pub outgoing: SecretName,
    /// The secret that took its place.
    pub incoming: SecretName,
    /// What both are.
    pub kind: Kind,
    /// The word of its state.
    pub state: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// By whom.
    pub started_by: String,
    /// When it ended; `null` while it is on its way.
    pub ended_at: Option<Timestamp>,
    /// What was going to be done, and why.
    pub plan: Plan,
    /// Where the outgoing secret was named when it began.
    pub named_at: Vec<Mention>,
    /// Who took part.
    pub actors: Vec<Actor>,
    /// Who approved it; `null` where nobody had to, or has.
    pub approval: Option<Approval>,
    /// Each try of the credentials.
    pub probes: Vec<Probe>,
    /// The environments, in the order of the plan.
    pub environments: Vec<Surroundings>,
    /// How it was taken back; `null` where it was not.
    pub roll_back: Option<RollBack>,
    /// How the outgoing secret was taken out of every snapshot: the soak, the zero-use window and the nodes.
    pub withdrawal: Option<Withdrawal>,
    /// How the outgoing secret's value was destroyed.
    pub deletion: Option<Deletion>,
    /// The checklist when the document was made.
    pub checklist: Vec<Item>,
    /// The playbook when the document was made.
    pub playbook: Vec<PlayStep>,
    /// Everything that happened: all events of the log, numbered without gaps.
    pub history: Vec<Line>,
    /// The audit's last checkpoint, by which the audit events that are named here can be verified.
    pub checkpoint: Option<serde_json::Value>,
}

/// Where something is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The number of the event in the rotation's log.
    pub event: i64,
    /// Its sequence number in the audit.
    pub audit: Option<i64>,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// Somebody who took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Who: `token:ops`, `system:rotate`.
    pub actor: String,
    /// The numbers of their events.
    pub events: Vec<i64>,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who and when.
    #[serde(flatten)]
    pub record: Record,
    /// Why.
    pub reason: String,
}

/// A try of the credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// When.
    #[serde(flatten)]
    pub record: Record,
    /// What it said of the incoming credential.
    pub reading: Reading,
    /// And of the outgoing one.
    pub outgoing: Option<Reading>,
    /// Each place.
    pub tried: Vec<Tried>,
}

/// What happened in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// Which.
    pub environment: EnvironmentName,
    /// Whether it was protected when the plan was made.
    pub protected: bool,
    /// The routes that took part when it was entered, each with its upstream.
    pub routes: Vec<(RouteName, String)>,
    /// The shares of the traffic, one after the other, the time after the promotion last.
    pub steps: Vec<Share>,
    /// What all that was counted comes to, by upstream.
    pub verdicts: Vec<Judged>,
    /// How its templates were changed; `null` where they were not.
    pub promotion: Option<Promoted>,
}

/// One step of a canary, or the time after the promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// When it began.
    #[serde(flatten)]
    pub record: Record,
    /// How much of the traffic got the incoming credential; `null` once the templates named it.
    pub weight: Option<Weight>,
    /// What was counted in it, by upstream.
    pub counts: Vec<Tally>,
}

/// Counts of one upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Which.
    pub upstream: String,
    /// Requests that it took with the incoming credential.
    pub alive: u64,
    /// Requests that it refused with the incoming credential and took with the outgoing one.
    pub pairs: u64,
    /// Requests that it refused with the incoming credential and that could not be tried with the outgoing one.
    pub unpaired: u64,
    /// Requests that it took with the outgoing credential.
    pub outgoing_alive: u64,
    /// Requests that it refused with the outgoing credential.
    pub outgoing_dead: u64,
}

/// A verdict on one upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The upstream.
    pub upstream: String,
    /// `healthy`, `undecided`, `dead` (refused most of the time), `worse` (refused more often than the outgoing one).
    pub verdict: String,
    /// How many answers said anything about the incoming credential.
    pub judged: u64,
}

/// A promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promoted {
    /// When.
    #[serde(flatten)]
    pub record: Record,
    /// The revision of the change.
    pub revision: i64,
    /// Why the incoming credential counted as healthy.
    pub healthy: Healthy,
    /// The templates before and after.
    pub changes: Vec<Change>,
}

/// A roll back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollBack {
    /// When.
    #[serde(flatten)]
    pub record: Record,
    /// Why.
    pub why: Trouble,
    /// The templates before and after.
    pub changes: Vec<Change>,
}

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// When.
    #[serde(flatten)]
    pub record: Record,
    /// The revision of the change.
    pub revision: i64,
    /// From when to when the outgoing credential was not needed.
    pub soak: SoakElapsed,
    /// The nodes that serve, and the revision that they had reached.
    pub converged: Converged,
    /// Where the outgoing secret is still named.
    pub remains_at: Vec<Mention>,
}

/// A deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// When.
    #[serde(flatten)]
    pub record: Record,
    /// What the rotation had proven; `null` where an operator deleted it.
    pub unused: Option<Unused>,
}

/// One event in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Where it is recorded.
    #[serde(flatten)]
    pub record: Record,
    /// Its word.
    pub word: String,
    /// What it says.
    pub said: String,
}

#[cfg(test)]
mod tests;
