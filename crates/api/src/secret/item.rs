//! What is told about a secret: everything but its value.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SecretClass, SecretKind, SecretProbe, SecretState};

/// A secret's metadata. The value is never part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SecretItem {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SecretKind,
    /// How critical it is.
    pub class: SecretClass,
    /// Whether it still has a value.
    pub state: SecretState,
    /// When it was created (RFC 3339).
    pub created_at: String,
    /// Who created it.
    pub created_by: String,
    /// A keyed digest of the value, `kf_…`: equal for equal values on this installation, useless elsewhere.
    pub fingerprint: String,
    /// Free text.
    pub description: String,
    /// The team that answers for it.
    pub owner: String,
    /// Free labels.
    pub tags: Vec<String>,
    /// The secret that it replaces.
    pub successor_of: Option<String>,
    /// The secret that replaces it; the latest where several do.
    pub superseded_by: Option<String>,
    /// The live rotation that it is a part of.
    #[serde(default)]
    pub rotation: Option<String>,
    /// The environments where the value may be used; `null` for all.
    pub environments: Option<Vec<String>>,
    /// The upstream hosts that the value may be sent to; `null` for all.
    pub allowed_hosts: Option<Vec<String>>,
    /// Whether the guard keeps the value out of answers.
    pub sensitive: bool,
    /// How the value is tested on its own.
    pub probe: Option<SecretProbe>,
    /// When the value was last handed to a connection (RFC 3339); `null` for never.
    pub last_used_at: Option<String>,
    /// How often it was used.
    pub use_count: u64,
    /// The routes and environments that use it.
    pub routes: Vec<SecretPlace>,
    /// When it should be replaced (RFC 3339); `null` for an `oauth_token` that no upstream has called dead so far.
    pub rotation_due_at: Option<String>,
    /// Whether that moment has passed.
    pub overdue: bool,
    /// When the provider ends it (RFC 3339).
    pub expires_at: Option<String>,
    /// Whether injection stops at `expires_at`.
    pub strict_expiry: bool,
    /// How often it is to be replaced, where that overrides kind and class.
    pub rotate_every: Option<String>,
    /// When its value was destroyed (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<String>,
    /// In a list with `group_by`: the group that this row belongs to. A secret of several groups has a row in each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// On creation: what was accepted but should be known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// Something that was accepted but should be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    /// The stable, kebab-case name of the warning.
    pub code: String,
    /// What it means and what can be done.
    pub detail: String,
}

/// A route and environment that use a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct SecretPlace {
    /// The route.
    pub route: String,
    /// The environment.
    pub environment: String,
}

/// One mention of a secret by a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretRouteItem {
    /// The route.
    pub route: String,
    /// The environment; `null` for a mention in the base that takes effect nowhere.
    pub environment: Option<String>,
    /// The member that mentions it, such as `inject.headers.Authorization`.
    pub field: String,
    /// Whether the route is served there.
    pub enabled: bool,
    /// When the value was last used there (RFC 3339).
    pub last_used_at: Option<String>,
}
