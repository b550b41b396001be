//! Re-pointing routes from one secret to another, all at once.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which mentions of a secret are to name another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceSecret {
    /// The secret that is mentioned now.
    #[schema(example = "stripe_api_key")]
    pub from: String,
    /// The secret that is to be mentioned instead.
    #[schema(example = "stripe_api_key_v2")]
    pub to: String,
    /// Only in these environments; in all when absent or `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["staging"]))]
    pub environments: Option<Vec<String>>,
    /// `true` only tells what would change; `false` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// What changed, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replaced {
    /// One item per effective template that changed.
    pub changes: Vec<TemplateChange>,
    /// The revision of the whole configuration that serves the change; `null` on a dry run or where nothing changed.
    pub revision: Option<u64>,
}

/// One template that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateChange {
    /// The route.
    pub route: String,
    /// The environment in which the change takes effect; `null` where the base was edited and no environment's effective value changed.
    pub environment: Option<String>,
    /// The member, such as `inject.headers.Authorization`.
    pub field: String,
    /// The template before.
    pub before: String,
    /// The template after.
    pub after: String,
}
