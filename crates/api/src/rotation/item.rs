//! What is told about a rotation.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PlanItem;

/// A rotation, as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RotationItem {
    /// `rot_…`.
    pub id: String,
    /// `planned`, `awaiting_approval`, `probing`, `canary`, `soaking`, `waiting`, `watching`, `withdrawn`, `completed`,
    /// `rolled_back`, `abandoned`, `held` or `needs_operator`.
    pub state: String,
    /// Where it would go on, with `held` and `needs_operator`: a word of `state`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_in: Option<String>,
    /// Whether anything can still happen.
    pub live: bool,
    /// The part of the plan that it is in or before; `null` before the first and after the last.
    pub stage: Option<StageItem>,
    /// The environment that it is in or before.
    pub environment: Option<String>,
    /// The share of traffic that the incoming secret gets beside the templates; `null` where none is given.
    pub canary: Option<CanaryItem>,
    /// The secret that is replaced.
    pub outgoing: String,
    /// The secret that takes its place.
    pub incoming: String,
    /// What is going to be done.
    pub plan: PlanItem,
    /// When it was started (RFC 3339).
    pub started_at: String,
    /// By whom.
    pub started_by: String,
    /// Since when it is in this state (RFC 3339).
    pub state_since: String,
    /// The environments that are promoted, in order.
    pub promoted: Vec<String>,
    /// What will happen next.
    pub next: NextItem,
    /// What the evidence says of the incoming credential.
    pub verdict: VerdictItem,
    /// What promotion changes, or has changed, template by template.
    pub diff: Vec<RotationChange>,
    /// What was measured, by route and environment.
    pub evidence: Vec<EvidenceItem>,
    /// What is to be done until the outgoing credential is gone, and what of it is.
    pub checklist: Vec<ChecklistItem>,
    /// What happened, in order.
    pub history: Vec<HistoryItem>,
    /// The actions that are possible now: words of the addresses below it.
    pub possible: Vec<String>,
}

/// A rotation in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotationSummary {
    /// `rot_…`.
    pub id: String,
    /// As in the rotation.
    pub state: String,
    /// Whether anything can still happen.
    pub live: bool,
    /// The environment that it is in or before.
    pub environment: Option<String>,
    /// The share of traffic that the incoming secret gets; `null` where none is given.
    pub weight: Option<String>,
    /// The secret that is replaced.
    pub outgoing: String,
    /// The secret that takes its place.
    pub incoming: String,
    /// When it was started (RFC 3339).
    pub started_at: String,
    /// Since when it is in this state (RFC 3339).
    pub state_since: String,
    /// When an environment was promoted last (RFC 3339).
    pub cut_over_at: Option<String>,
}

/// A part of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StageItem {
    /// From 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
    /// Its environment.
    pub name: String,
}

/// A share of an environment's traffic, given beside the templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CanaryItem {
    /// The environment.
    pub environment: String,
    /// The share.
    #[schema(example = "5%")]
    pub weight: String,
    /// Which step it is, from 1.
    pub step: u32,
    /// All steps.
    #[schema(example = json!(["5%", "50%", "100%"]))]
    pub steps: Vec<String>,
    /// Since when (RFC 3339).
    pub since: String,
    /// Whether requests that cannot be sent again still get the outgoing credential: the incoming one is yet to be found
    /// healthy.
    pub careful: bool,
}

/// What will happen next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextItem {
    /// What.
    pub what: String,
    /// When at the earliest (RFC 3339); `null` where that is not known.
    pub at: Option<String>,
    /// What has to happen before; `null` where only time has to pass.
    pub waits_for: Option<String>,
}

/// What the evidence says of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictWord {
    /// It was judged often enough, or tried out, and is no worse than the outgoing one.
    Healthy,
    /// There is too little to go by.
    Undecided,
    /// It is refused where the outgoing one is taken.
    Unhealthy,
    /// Nothing here can say so: no answer of its upstreams says that it is dead, and there is no probe.
    Unjudgeable,
}

/// What the evidence says of the incoming credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerdictItem {
    /// In one word.
    pub word: VerdictWord,
    /// Why, in words.
    pub detail: String,
    /// How many answers say that it is alive or refused.
    pub judged: u64,
    /// How many requests were refused with it and taken with the outgoing one.
    pub pairs: u64,
}

/// One template that a rotation changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotationChange {
    /// The route.
    pub route: String,
    /// The environment; `null` for a mention in the base that no environment inherits.
    pub environment: Option<String>,
    /// The member, such as `inject.headers.Authorization`.
    pub field: String,
    /// The template before.
    pub before: String,
    /// The template after.
    pub after: String,
    /// Whether it is done; `false` where it is to come.
    pub done: bool,
}

/// What was measured in one route and environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceItem {
    /// The route.
    pub route: String,
    /// The environment.
    pub environment: String,
    /// Scheme, host and port.
    pub upstream: String,
    /// How many answers, by what they say.
    pub counts: SignCounts,
    /// Since when they count (RFC 3339); `null` where the environment was not entered yet.
    pub since: Option<String>,
}

/// Answers by what they say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignCounts {
    /// The incoming credential was taken.
    pub alive: u64,
    /// The incoming one was refused, and the outgoing one taken for the same request.
    pub pair: u64,
    /// Both were refused for the same request: that says nothing about either.
    pub both_dead: u64,
    /// The incoming one was refused, and the request could not be tried with the outgoing one.
    pub unpaired: u64,
    /// The incoming one is known, and may not do this (403).
    pub refused: u64,
    /// With the incoming one: too many requests, a failure of the upstream, or no answer.
    pub unclear: u64,
    /// The outgoing one was taken.
    pub outgoing_alive: u64,
    /// The outgoing one was refused.
    pub outgoing_dead: u64,
    /// With the outgoing one: anything else.
    pub outgoing_unclear: u64,
    /// Requests that kept the outgoing one because they cannot be sent again; counted beside the others.
    pub kept: u64,
}

/// One entry of a rotation's checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChecklistItem {
    /// Its word.
    pub step: String,
    /// What it asks for.
    pub title: String,
    /// `open`, `evidence` (a record shows it), `attested` (somebody vouches for it), or `not_applicable`.
    pub state: String,
    /// What shows it: an event of the history, a secret, a route.
    pub record: Option<String>,
    /// Who did it or vouches for it.
    pub by: Option<String>,
    /// When (RFC 3339).
    pub at: Option<String>,
    /// In words.
    pub note: Option<String>,
    /// Where more is to be found.
    pub link: Option<String>,
}

/// One line of what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryItem {
    /// From 1.
    pub number: u64,
    /// When (RFC 3339).
    pub at: String,
    /// Whose doing it was: `token:ops`, `system:rotate`.
    pub actor: String,
    /// Its word; the audit's action is `rotation.` and this.
    pub event: String,
    /// In words.
    pub detail: String,
}
