//! Admin tokens and their roles.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the bearer of a token may do; each role but `admin` is described by what it adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees metadata.
    Viewer,
    /// A viewer who sees the audit and evidence.
    Auditor,
    /// A viewer who changes routes, clients and secrets of environments that are not protected.
    Developer,
    /// A developer in protected environments too, who also widens secrets' limits, compares and sees the audit.
    Operator,
    /// Everything; alone for environments, tokens and settings.
    Admin,
}

/// A new admin token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// A name to recognise it by: `[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?`.
    #[schema(example = "ci")]
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// When it ends (RFC 3339); never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-03-01T00:00:00Z")]
    pub expires_at: Option<String>,
}

/// A new admin token. It is shown this once and stored as a hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenCreated {
    /// Its name.
    pub name: String,
    /// The token, `krt_…`; absent when the request was a repetition under the same `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What its bearer may do.
    pub role: Role,
    /// When it was created (RFC 3339).
    pub created_at: String,
    /// When it ends (RFC 3339).
    pub expires_at: Option<String>,
}

// Written by hand so that a token never reaches a log through `{:?}`.
impl std::fmt::Debug for TokenCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCreated").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is told about an admin token: everything but the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenItem {
    /// Its name.
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// When it was created (RFC 3339).
    pub created_at: String,
    /// When it ends (RFC 3339).
    pub expires_at: Option<String>,
    /// When it was revoked (RFC 3339).
    pub revoked_at: Option<String>,
}
