//! Destroying values, one or several.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

/// How one secret is deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeleteQuery {
    /// Overrides `secret-recently-used` and `secret-in-retention` (never `secret-is-referenced`). Needs the role `admin` and a reason.
    pub force: Option<bool>,
    /// Why, for the audit; required with `force`.
    pub reason: Option<String>,
    /// As for other changes; said in the address, where it is read.
    #[param(ignore)]
    pub dry_run: Option<bool>,
}

/// Several secrets to delete, each judged alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteSecrets {
    /// Their names, 1 to 500.
    #[schema(min_items = 1, max_items = 500)]
    pub names: Vec<String>,
    /// `true` only tells what would happen; `false` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// What became of each, in the order asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretsDeleted {
    /// One result per name.
    pub results: Vec<DeleteResult>,
}

/// What became of one secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeleteResult {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub outcome: DeleteOutcome,
    /// Why it was refused.
    pub problem: Option<Problem>,
}

/// What became of a secret that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeleteOutcome {
    /// Its value is destroyed.
    Deleted,
    /// It would be; this was a dry run.
    WouldDelete,
    /// It stays; see `problem`.
    Refused,
}
