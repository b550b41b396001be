//! Creating, editing and comparing secrets.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::{SecretClass, SecretKind, SecretProbe, SecretText};
use crate::patch::{change, given};

/// A new secret. Its value is written once; a new value is a new secret with a new name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretCreate {
    /// Its name: `[A-Za-z][A-Za-z0-9_]{0,127}`, never used before, not a reserved word.
    #[schema(example = "stripe_api_key_v2")]
    pub name: String,
    /// Its value: 1 byte to 64 KiB of UTF-8 without NUL; CR and LF only for `certificate` and `other`.
    #[schema(write_only)]
    pub value: SecretText,
    /// What it is; `api_key` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<SecretKind>,
    /// How critical it is; `standard` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<SecretClass>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The team that answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "payments")]
    pub owner: Option<String>,
    /// Free labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// The existing secret that this one is to replace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "stripe_api_key")]
    pub successor_of: Option<String>,
    /// The environments where the value may be used; absent or `null` for all (the secret then counts as protected).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
    /// The upstream hosts that the value may be sent to; absent or `null` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_hosts: Option<Vec<String>>,
    /// Whether the guard keeps the value out of answers; `true` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<bool>,
    /// How the value is tested on its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<SecretProbe>,
    /// When the provider ends it (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-03-01T00:00:00Z")]
    pub expires_at: Option<String>,
    /// Whether injection stops at `expires_at`; `false` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict_expiry: Option<bool>,
    /// How often it is to be replaced, instead of what kind and class say: an integer and a unit (`30d`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "30d")]
    pub rotate_every: Option<String>,
}

/// An edit of a secret's metadata (JSON merge patch): what is absent stays, `null` takes away.
///
/// A body with `value` is refused with 409 `secret-value-is-immutable`.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretPatch {
    /// Refused: a value cannot be changed, create a successor instead.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    pub value: ValueGiven,
    /// What it is.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = SecretKind)]
    pub kind: Option<SecretKind>,
    /// How critical it is.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = SecretClass)]
    pub class: Option<SecretClass>,
    /// Free text.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// The team that answers for it.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<Option<String>>,
    /// Free labels; the whole list is replaced.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub tags: Option<Option<Vec<String>>>,
    /// The environments where the value may be used; `null` for all. Needs the role `operator`.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub environments: Option<Option<Vec<String>>>,
    /// The upstream hosts that the value may be sent to; `null` for all. Needs the role `operator`.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub allowed_hosts: Option<Option<Vec<String>>>,
    /// Whether the guard keeps the value out of answers.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool)]
    pub sensitive: Option<bool>,
    /// How the value is tested on its own.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SecretProbe>)]
    pub probe: Option<Option<SecretProbe>>,
    /// When the provider ends it (RFC 3339).
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Option<String>>,
    /// Whether injection stops at `expires_at`.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool)]
    pub strict_expiry: Option<bool>,
    /// How often it is to be replaced; `null` for what kind and class say.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub rotate_every: Option<Option<String>>,
}

/// Whether an edit named `value`. What it held is dropped while reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ValueGiven(pub bool);

impl<'de> Deserialize<'de> for ValueGiven {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// A value to be compared with a secret's.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareSecret {
    /// The value that is thought to be the secret's.
    #[schema(write_only)]
    pub value: SecretText,
}

/// Whether a value is the secret's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CompareAnswer {
    /// Whether it is.
    #[serde(rename = "match")]
    pub matches: bool,
    /// What may explain a difference, such as `differs only in surrounding white space`.
    pub hint: Option<String>,
}
