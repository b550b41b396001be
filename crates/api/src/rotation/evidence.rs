//! The evidence of a rotation, as one document.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The evidence of a rotation as one document: `format` (`keyroll-rotation-evidence/1`), `made_at`, `rotation`, `outgoing`,
/// `incoming`, `kind`, `state`, `started_at`, `started_by`, `ended_at`, `plan`, `named_at`, `actors`, `approval`, `probes`,
/// `environments` (shares of traffic with their counts, verdicts, changed templates), `roll_back`, `withdrawal` (the
/// zero-use window and the nodes), `deletion`, `checklist`, `playbook`, `history` (every event, with its number in the
/// audit), and `checkpoint`, the audit's last one. It holds names, templates, counts and moments, never a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct RotationEvidence(pub serde_json::Value);

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceForm {
    /// One JSON document.
    Json,
    /// Text for people (Markdown).
    Text,
}

/// How the evidence is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EvidenceQuery {
    /// The form; `json` when absent.
    #[param(inline)]
    pub form: Option<EvidenceForm>,
}
