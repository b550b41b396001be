//! Environments: the stages that a change reaches in the order of ranks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::patch::{change, given};

/// A new environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentCreate {
    /// Its name: `[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?`.
    #[schema(example = "staging")]
    pub name: String,
    /// The name that people read; like `name` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Its place in the order of promotion, the lowest first; after all others when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<i64>,
    /// Whether changes there need an operator; `false` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    /// Whether a client with several environments is served there when it names none; `true` takes it from the one that had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
}

/// An edit of an environment (JSON merge patch): what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentPatch {
    /// The name that people read; `null` for the name itself.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub display_name: Option<Option<String>>,
    /// Its place in the order of promotion.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64)]
    pub rank: Option<i64>,
    /// Whether changes there need an operator.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool)]
    pub protected: Option<bool>,
    /// Whether a client with several environments is served there when it names none.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool)]
    pub default: Option<bool>,
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentItem {
    /// Its name.
    pub name: String,
    /// The name that people read.
    pub display_name: String,
    /// Its place in the order of promotion, the lowest first.
    pub rank: i64,
    /// Whether changes there need an operator.
    pub protected: bool,
    /// Whether a client with several environments is served there when it names none.
    pub default: bool,
}
