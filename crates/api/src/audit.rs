//! The audit: one event per change, in the order of the changes.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// The media type of an export: one [`AuditLine`] per line.
pub const NDJSON: &str = "application/x-ndjson";

/// The header of an export that says how many events it holds; fewer lines mean that it was cut. Behind the events stands
/// one line more, the [`ExportEnd`].
pub const SIZE_HEADER: &str = "keyroll-audit-size";

/// One audit event of a list: the members of its record, and the record's hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditItem {
    /// What happened.
    #[serde(flatten)]
    pub record: AuditRecord,
    /// The leaf of the Merkle tree (RFC 9162), as hexadecimal digits; an export has the bytes that it is made of.
    pub leaf_hash: String,
}

/// One line of an export. `leaf_hash` is SHA-256 over a zero byte and the canonical JSON (RFC 8785) of `record`, which
/// stands here byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditLine {
    /// What happened.
    pub record: AuditRecord,
    /// The leaf of the Merkle tree (RFC 9162), as hexadecimal digits.
    pub leaf_hash: String,
}

/// The last line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExportEnd {
    /// A signed checkpoint of the events before it, as in [`CheckpointItem`].
    pub checkpoint: String,
}

/// How long the audit is and what it holds, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckpointItem {
    /// How many events.
    pub size: u64,
    /// The root of the Merkle tree over their leaf hashes (RFC 9162), as hexadecimal digits.
    pub root: String,
    /// The signed checkpoint: C2SP's tlog-checkpoint in a signed note, Ed25519.
    pub note: String,
    /// The public key that it is signed by, in the form of signed notes: `name+hash+key`. Fetch it once, and keep it
    /// where this system cannot write.
    pub public_key: String,
}

/// What happened. Never a secret's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// Its place in the order of all events, from 1 without gaps.
    pub sequence: u64,
    /// When (RFC 3339).
    pub time: String,
    /// Who, such as `token:ci` or `system:bootstrap`.
    pub actor: String,
    /// From where: the address of the caller, or the part of the system.
    pub source: Option<String>,
    /// What was done, such as `secret.create`.
    pub action: String,
    /// To what, such as `secret/stripe_api_key`.
    pub subject: String,
    /// The state before.
    pub before: Option<Value>,
    /// The state after.
    pub after: Option<Value>,
    /// How it ended, such as `done` or `refused`.
    pub outcome: String,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// The rotation that it belongs to.
    pub rotation_id: Option<String>,
    /// The epoch of that rotation.
    pub epoch: Option<u64>,
}

/// Filters of the audit; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only this action.
    pub action: Option<String>,
    /// Only about this subject.
    pub subject: Option<String>,
    /// Only from this moment on (RFC 3339).
    pub from: Option<String>,
    /// Only before this moment (RFC 3339).
    pub to: Option<String>,
    /// How many items at most: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    pub cursor: Option<String>,
}
