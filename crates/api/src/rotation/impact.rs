//! What a rotation would do, without its being started.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PlanItem;
use crate::route::TemplateChange;

/// What a rotation would do: the answer to a start with `dry_run=true`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RotationImpact {
    /// The secret that would be replaced.
    pub outgoing: String,
    /// The secret that would take its place.
    pub incoming: String,
    /// The plan with all its members decided.
    pub plan: PlanItem,
    /// The mentions of the outgoing secret that take effect in the plan's environments.
    pub routes: Vec<ImpactRoute>,
    /// What should be known before it is started; with an `error` among them the start is refused.
    pub findings: Vec<ImpactFinding>,
    /// Every template that promotion would change, environment by environment.
    pub diff: Vec<TemplateChange>,
}

/// One mention of the outgoing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImpactRoute {
    /// The route.
    pub route: String,
    /// The environment.
    pub environment: String,
    /// The member, such as `inject.headers.Authorization`.
    pub field: String,
    /// The template before.
    pub before: String,
    /// The template after.
    pub after: String,
    /// How many requests carried the outgoing secret there within the last 24 hours.
    pub requests_24h: u64,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The start is refused.
    Error,
    /// It will stand in the way, or something may break.
    Warning,
    /// Good to know.
    Info,
}

/// Something that should be known before a rotation is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImpactFinding {
    /// The stable, kebab-case name.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is, and what can be done.
    pub detail: String,
    /// Where, if it is about one environment.
    pub environment: Option<String>,
    /// Where, if it is about one route.
    pub route: Option<String>,
}
