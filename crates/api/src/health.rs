//! Version, health and readiness.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which Keyroll this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// The product's name, `keyroll`.
    pub name: String,
    /// Its version (SemVer).
    pub version: String,
}

/// Whether the process runs: it does, if this is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: String,
}

/// Which of its jobs is asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReadyQuery {
    /// `gateway`: whether it can serve traffic, which it can for a while without the database. `control`: whether it can
    /// take changes. Without it: whether it can do all that its role asks for.
    pub role: Option<String>,
}

/// Whether the process can do its work. 200 when it can, 503 when not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// `ready`, `degraded` (it can do its work, and something is wrong), or `not ready`.
    pub status: String,
    /// Each thing that is needed.
    pub checks: Vec<ReadinessCheck>,
}

/// One thing that is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadinessCheck {
    /// Its name: `database`, `keys`, `snapshot`.
    pub name: String,
    /// Whether it is there.
    pub ready: bool,
    /// What is wrong and what to do; empty when nothing is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}
