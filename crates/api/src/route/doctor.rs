//! Why a route does not do what it should: findings, and what they were made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::node::NodeItem;

/// What is to be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RouteDoctorQuery {
    /// Only this environment; every one that the route is served in when absent.
    pub environment: Option<String>,
}

/// What is to be looked at and tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeRoute {
    /// Only this environment; every one that the route is served in when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// What was found about a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteDiagnosis {
    /// The route.
    pub route: String,
    /// The number of its last revision.
    pub revision: i64,
    /// When that was made.
    #[schema(format = DateTime)]
    pub changed_at: String,
    /// The environments that were looked at, in the order of ranks.
    pub environments: Vec<String>,
    /// What was found, by question, the worst first.
    pub findings: Vec<RouteFinding>,
    /// What each node serves.
    pub nodes: Vec<NodeItem>,
    /// The secrets in effect, by environment.
    pub bindings: Vec<RouteBinding>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteFinding {
    /// What kind of finding, such as `predecessor-still-named`.
    pub code: String,
    /// `ok`, `note`, `warning` (it works, or in part, and should be seen to), `error` (it does not work).
    pub severity: String,
    /// Which question it helps to answer: `fails-after-rotation`, `secret-not-found`, `upstream-401`.
    pub question: String,
    /// In which environment; `null` for all.
    pub environment: Option<String>,
    /// About which secret; `null` where it is about none.
    pub secret: Option<String>,
    /// What was found.
    pub detail: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

/// A secret in effect in one environment of the route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteBinding {
    /// The environment.
    pub environment: String,
    /// The secret.
    pub secret: String,
    /// `active`, `deleted`, `missing` (there is no such secret), `unreadable` (its value cannot be had).
    pub state: String,
    /// The keyed fingerprint of its value; `null` where nothing is known of it.
    pub fingerprint: Option<String>,
    /// When it was last sent through the route in this environment.
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
    /// Its answers in the last hour by outcome, such as `accepted` and `rejected`; outcomes without any are left out.
    pub counts: BTreeMap<String, u64>,
    /// The same since the last change of the route, for a day at most.
    pub counts_since_change: BTreeMap<String, u64>,
    /// The members of the route that name it.
    pub named_at: Vec<String>,
}
