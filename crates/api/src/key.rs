//! Key-encryption keys (KEKs): what each wraps, and wrapping it with the current one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One key-encryption key. Never the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyItem {
    /// Its id, `kek_…`.
    pub id: String,
    /// Whether the node that answers wraps with it.
    pub current: bool,
    /// Whether the node that answers holds it; what one wraps that it does not hold cannot be opened there.
    pub held: bool,
    /// How many secrets it wraps.
    pub secrets: u64,
    /// Whether it wraps the key of fingerprints.
    pub fingerprint_key: bool,
    /// When it was made (RFC 3339), where the KEK file says so.
    pub created_at: Option<String>,
}

/// A step of rewrapping.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RewrapKeys {
    /// How many secrets this step wraps at most: 1 to 500, 100 when absent. A dry run looks at all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// Only tell what would be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// What a step of rewrapping did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rewrapped {
    /// The current key, which everything is wrapped with in the end.
    pub kek_id: String,
    /// How many secrets were wrapped with it by this step.
    pub rewrapped: u64,
    /// Whether this step wrapped the key of fingerprints with it.
    pub fingerprint_key: bool,
    /// How many secrets other keys still wrap; those of `unusable` are among them.
    pub left: u64,
    /// Secrets that this step met and that cannot be opened, with the reason: they stay as they are.
    pub unusable: Vec<Unusable>,
    /// The revision that the step made; `null` for a dry run and where there was nothing to do.
    pub revision: Option<u64>,
}

/// A secret that cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unusable {
    /// Its name.
    pub name: String,
    /// Why.
    pub detail: String,
}
