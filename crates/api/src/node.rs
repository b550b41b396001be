//! Nodes: the processes that share a database.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A node. Moments are by the database's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeItem {
    /// `node_…`, the same after a restart.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it does: `all`, `gateway`, `control`.
    pub role: String,
    /// Which version it runs.
    pub version: String,
    /// The revision that it serves; `null` where it serves nothing, as a node without traffic.
    pub revision: Option<i64>,
    /// For how long there has been a change that it did not serve when it was last heard from, in milliseconds; 0 where
    /// there is none, `null` where it serves nothing.
    pub lag_ms: Option<i64>,
    /// When it was last heard from.
    #[schema(format = DateTime)]
    pub last_seen_at: String,
    /// When it started.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// `live` (heard from within 3 s), `silent` (it may be cut off, and still serve), `gone` (silent for so long that it
    /// serves nothing any more), `stopped` (by its own word or an operator's).
    pub state: String,
    /// Who said that it is stopped: `node` for itself.
    pub stopped_by: Option<String>,
    /// Until when it may serve what it last had, though nobody hears from it; `null` where it serves nothing.
    #[schema(format = DateTime)]
    pub may_serve_until: Option<String>,
}

/// An operator's word that a silent node is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeAttest {
    /// How that is known, for the audit.
    #[schema(example = "the machine was switched off, ticket 4711")]
    pub reason: String,
}
