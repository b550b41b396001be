//! A secret: a value that is written once, and what is known about it.

mod kind;
mod limits;
mod retention;
mod rules;
mod temporary;
mod value;

use serde::{Deserialize, Serialize};

pub use kind::{Class, KINDS, Kind, UnknownWord};
pub use limits::{HostRule, HostRuleError, Limits};
pub use retention::{Deletable, Hindrance, may_delete};
pub use rules::{MAX_VALUE, SHORT_VALUE, ValueError, check_value};
pub use temporary::{looks_temporary, sounds_temporary};
pub use value::SecretValue;

use crate::name::SecretName;
use crate::time::{Span, Timestamp};

/// What is known about a secret, apart from its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// `sec_…`, bound to the ciphertext.
    pub id: String,
    /// Its name, never used again for another secret.
    pub name: SecretName,
    /// What it is.
    pub kind: Kind,
    /// How critical it is.
    pub class: Class,
    /// Free text.
    pub description: String,
    /// The team that answers for it; may be empty.
    pub owner: String,
    /// Free labels.
    pub tags: Vec<String>,
    /// The secret that this one replaces.
    pub successor_of: Option<SecretName>,
    /// Where the value may go; bound to the wrapped key.
    pub limits: Limits,
    /// How the value is tested on its own.
    pub probe: Option<serde_json::Value>,
    /// When the provider ends it.
    pub expires_at: Option<Timestamp>,
    /// Whether injection stops at `expires_at`.
    pub strict_expiry: bool,
    /// An interval that overrides the one of kind and class.
    pub rotate_every: Option<Span>,
    /// Whether it still has a value.
    pub state: State,
    /// Keyed digest of the value, `kf_…`.
    pub fingerprint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When its value was destroyed.
    pub deleted_at: Option<Timestamp>,
    /// When a route last stopped naming it; kept while it is named, too.
    pub last_referenced_at: Option<Timestamp>,
    /// Counts the edits of the metadata, from 1; the ETag.
    pub version: i64,
}

/// Whether a secret still has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its value is sealed in the store.
    Active,
    /// Its value is destroyed; its name stays taken.
    Deleted,
}

impl State {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deleted => "deleted",
        }
    }
}
