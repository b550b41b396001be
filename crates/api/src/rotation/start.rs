//! How a rotation is asked for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PlanWish;
use crate::secret::{SecretClass, SecretKind, SecretProbe, SecretText};

/// A rotation that is to begin.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationStart {
    /// The secret that is replaced.
    #[schema(example = "stripe_api_key")]
    pub outgoing: String,
    /// The secret that takes its place.
    pub incoming: IncomingSecret,
    /// What is going to be done; what is left out has a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanWish>,
}

/// The secret that takes the place of another: a new one with its `value`, or an existing one by its `name` alone.
///
/// A new one takes over what is not given (kind, class, environments, allowed hosts, owner, tags, probe) from the outgoing
/// secret.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncomingSecret {
    /// Its name; of a new one, the next free one by the rule `x` → `x_v2` → `x_v3` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "stripe_api_key_v2")]
    pub name: Option<String>,
    /// The value of a new secret; absent for an existing one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(write_only)]
    pub value: Option<SecretText>,
    /// What it is, where it differs from the outgoing secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SecretKind>,
    /// How critical it is, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<SecretClass>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The team that answers for it, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Free labels, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// The environments where the value may be used, where they differ. More than those of the outgoing secret need the
    /// role `operator`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
    /// The upstream hosts that the value may be sent to, where they differ. More than those of the outgoing secret need the
    /// role `operator`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_hosts: Option<Vec<String>>,
    /// Whether the guard keeps the value out of answers, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<bool>,
    /// How the value is tested on its own, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<SecretProbe>,
    /// When the provider ends it (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Whether injection stops at `expires_at`; `false` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict_expiry: Option<bool>,
    /// How often it is to be replaced, instead of what kind and class say (`30d`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_every: Option<String>,
}
