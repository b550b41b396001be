//! What operators ask of a rotation.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The approval of a rotation that somebody else has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Why, for the audit.
    #[schema(example = "change 4711 was reviewed")]
    pub reason: String,
}

/// The next step, or all of an environment's traffic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// The environment that the rotation is thought to be in or before; refused where it is in another. A repetition that
    /// names it is not taken for the step after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "production")]
    pub environment: Option<String>,
}

/// Why something is done, in the asker's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionNote {
    /// For the history and the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Somebody's word for a step of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attest {
    /// Which step.
    #[schema(example = "update_documentation")]
    pub step: String,
    /// What was done, or why the step does not apply.
    pub note: String,
    /// Where more is to be found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Whether the step does not apply here; `false` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_applicable: Option<bool>,
}
