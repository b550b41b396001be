//! Nodes: the processes that share a database, and what can be said of one that fell silent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// How long after its last sign of life a node counts as live. Nodes give one every second.
pub const LIVE: Span = Span::from_secs(3);

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeRole {
    /// Traffic and the admin API.
    #[default]
    All,
    /// Traffic; its admin listener tells only how it is.
    Gateway,
    /// The admin API; it has no gateway listener.
    Control,
}

/// All roles.
pub const NODE_ROLES: [NodeRole; 3] = [NodeRole::All, NodeRole::Gateway, NodeRole::Control];

impl NodeRole {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Gateway => "gateway",
            Self::Control => "control",
        }
    }

    /// Whether it serves traffic, and so holds opened values.
    #[must_use]
    pub fn has_gateway(self) -> bool {
        self != Self::Control
    }

    /// Whether it takes changes.
    #[must_use]
    pub fn has_control(self) -> bool {
        self != Self::Gateway
    }
}

impl fmt::Display for NodeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no role of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not one of all, gateway, control")]
pub struct UnknownNodeRole;

impl FromStr for NodeRole {
    type Err = UnknownNodeRole;

    fn from_str(text: &str) -> Result<Self, UnknownNodeRole> {
        NODE_ROLES.into_iter().find(|role| role.as_str() == text).ok_or(UnknownNodeRole)
    }
}

/// One node as the database knows it. All moments are by the database's clock, the one that all nodes share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `node_…`; kept in its data directory, so that it is the same after a restart.
    pub id: String,
    /// What people call it; its host's name where nobody says otherwise.
    pub name: String,
    /// What it does.
    pub role: NodeRole,
    /// Which version it runs.
    pub version: String,
    /// When it gave its first sign of life since its start.
    pub started_at: Timestamp,
    /// When it gave its last sign of life.
    pub last_seen_at: Timestamp,
    /// Which life of the database it serves; empty where it serves nothing.
    pub incarnation: String,
    /// The revision that it serves; `None` where it serves nothing.
    pub revision: Option<i64>,
    /// How long it serves from a snapshot without hearing from the database.
    pub max_staleness: Span,
    /// When and by whom it was said to be stopped: by itself on its way out, or by an operator who knows.
    pub stopped: Option<Stopped>,
}

/// That a node is stopped, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// When.
    pub at: Timestamp,
    /// `node` for itself, else the operator.
    pub by: String,
}

/// What can be said of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeState {
    /// Heard from lately.
    Live,
    /// Not heard from; it may be cut off, and still serve what it last had.
    Silent,
    /// Not heard from for so long that it serves nothing any more: it has withdrawn its own snapshot.
    Gone,
    /// Stopped, by its own word or an operator's.
    Stopped,
}

impl NodeState {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Silent => "silent",
            Self::Gone => "gone",
            Self::Stopped => "stopped",
        }
    }
}

impl Node {
    /// What can be said of it at the moment `now`, by the database's clock.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> NodeState {
        let silence = Span::between(self.last_seen_at, now);
        if self.stopped.is_some() {
            NodeState::Stopped
        } else if silence <= LIVE {
            NodeState::Live
        } else if silence <= self.max_staleness {
            NodeState::Silent
        } else {
            NodeState::Gone
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(stopped: Option<Stopped>) -> Node {
        Node {
            id: "node_1".to_owned(),
            name: "one".to_owned(),
            role: NodeRole::All,
            version: "0.1.0".to_owned(),
            started_at: Timestamp::from_millis(0),
            last_seen_at: Timestamp::from_millis(10_000),
            incarnation: "inc_1".to_owned(),
            revision: Some(7),
            max_staleness: Span::from_hours(1),
            stopped,
        }
    }

    #[test]
    fn a_silent_node_may_still_serve_until_max_staleness_has_passed() {
        let hour = 3_600_000;
        for (now, expected) in [
            // The database's clock may have been set back since.
            (9_000, NodeState::Live),
            (13_000, NodeState::Live),
            (13_001, NodeState::Silent),
            (10_000 + hour, NodeState::Silent),
            (10_001 + hour, NodeState::Gone),
        ] {
            assert_eq!(node(None).state(Timestamp::from_millis(now)), expected, "{now}");
        }
        let stopped = Stopped { at: Timestamp::from_millis(11_000), by: "node".to_owned() };
        assert_eq!(node(Some(stopped)).state(Timestamp::from_millis(11_500)), NodeState::Stopped);
    }

    #[test]
    fn roles() {
        for (role, gateway, control) in
            [(NodeRole::All, true, true), (NodeRole::Gateway, true, false), (NodeRole::Control, false, true)]
        {
            assert_eq!((role.has_gateway(), role.has_control()), (gateway, control));
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("proxy".parse::<NodeRole>(), Err(UnknownNodeRole));
    }
}
