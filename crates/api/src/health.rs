//! Version, health and readiness.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

/// Whether the process can do its work. 200 when it can, 503 when not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// `ready` or `not-ready`.
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
