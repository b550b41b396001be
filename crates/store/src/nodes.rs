//! The processes that share this database, each with its last sign of life.

use model::name::SecretName;
use model::node::{Node, NodeRole, Stopped};
use model::time::{Span, Timestamp};

use crate::backend::{Conversation, Row, args};
use crate::error::StoreError;
use crate::transaction::{ReadTx, WriteTx};

/// A sign of life. The moment is the database's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// `node_…`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it does.
    pub role: NodeRole,
    /// Which version it runs.
    pub version: String,
    /// Names this run of the process: another one begins anew.
    pub run: String,
    /// Which life of the database it serves, and which revision; `None` where it serves nothing.
    pub serves: Option<(String, i64)>,
    /// How long it serves without hearing from the database.
    pub max_staleness: Span,
    /// How many requests, streams and tunnels are under way that carry a secret which a rotation replaces. Counted after
    /// `serves` was read, so that none is missing of what began under an older revision.
    pub open: Vec<(SecretName, u64)>,
}

const COLUMNS: &str = "id, name, role, version, started_at, last_seen_at, incarnation, revision, max_staleness, \
     stopped_at, stopped_by";

pub(crate) async fn beat(conversation: &Conversation, beat: &Heartbeat) -> Result<(), StoreError> {
    let (incarnation, revision) = match &beat.serves {
        Some((incarnation, revision)) => (incarnation.as_str(), Some(*revision)),
        None => ("", None),
    };
    // By the key. Whoever is heard of is not stopped, whatever was said.
    let sql = "INSERT INTO nodes (id, name, role, version, run, started_at, last_seen_at, incarnation, revision, max_staleness) \
         VALUES ($1, $2, $3, $4, $5, {now}, {now}, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
         role = excluded.role, version = excluded.version, run = excluded.run, last_seen_at = excluded.last_seen_at, \
         started_at = CASE WHEN nodes.run = excluded.run THEN nodes.started_at ELSE excluded.started_at END, \
         incarnation = excluded.incarnation, revision = excluded.revision, max_staleness = excluded.max_staleness, \
         stopped_at = NULL, stopped_by = NULL";
    let args = args![
        &beat.id,
        &beat.name,
        beat.role.as_str(),
        &beat.version,
        &beat.run,
        incarnation,
        revision,
        beat.max_staleness.as_millis(),
    ];
    conversation.execute(sql, args).await?;
    // The leading column of the key.
    conversation.execute("DELETE FROM open_uses WHERE node = $1", args![&beat.id]).await?;
    for (secret, count) in beat.open.iter().filter(|(_, count)| *count > 0) {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        let sql = "INSERT INTO open_uses (node, secret, count) VALUES ($1, $2, $3)";
        conversation.execute(sql, args![&beat.id, secret.as_str(), count]).await?;
    }
    Ok(())
}

/// The last word of a node that holds nothing any more.
pub(crate) async fn farewell(conversation: &Conversation, id: &str) -> Result<(), StoreError> {
    // By the key.
    let sql = "UPDATE nodes SET stopped_at = {now}, stopped_by = 'node', revision = NULL WHERE id = $1";
    conversation.execute(sql, args![id]).await?;
    // The leading column of the key.
    conversation.execute("DELETE FROM open_uses WHERE node = $1", args![id]).await.map(drop)
}

/// Forgets nodes that have been stopped or gone for longer than `kept`.
pub(crate) async fn forget(conversation: &Conversation, kept: Span) -> Result<(), StoreError> {
    // The whole table: there are few.
    let sql = "DELETE FROM nodes WHERE coalesce(stopped_at, last_seen_at + max_staleness) + $1 < {now}";
    conversation.execute(sql, args![kept.as_millis()]).await?;
    // The whole table: there are few.
    let sql = "DELETE FROM open_uses WHERE node NOT IN (SELECT id FROM nodes)";
    conversation.execute(sql, args![]).await.map(drop)
}

impl ReadTx {
    /// The moment by the database's clock, the one clock that all nodes share.
    ///
    /// # Errors
    /// As any query.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        let row = self.query_one("SELECT {now} AS now", args![]).await?;
        row.ok_or_else(|| StoreError::damaged("now", "has no row"))?.moment("now")
    }

    /// All nodes that are remembered, by name.
    ///
    /// # Errors
    /// As any query.
    pub async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        // The whole table: there are few.
        let sql = format!("SELECT {COLUMNS} FROM nodes ORDER BY name, id");
        self.query(&sql, args![]).await?.iter().map(read).collect()
    }

    /// A node by id.
    ///
    /// # Errors
    /// As any query.
    pub async fn node(&self, id: &str) -> Result<Option<Node>, StoreError> {
        // By the key.
        let sql = format!("SELECT {COLUMNS} FROM nodes WHERE id = $1");
        self.query_one(&sql, args![id]).await?.as_ref().map(read).transpose()
    }

    /// When the change was made that this audit event tells of.
    ///
    /// # Errors
    /// As any query.
    pub async fn audit_time(&self, sequence: i64) -> Result<Option<Timestamp>, StoreError> {
        // By the key.
        let row = self.query_one("SELECT at FROM audit WHERE sequence = $1", args![sequence]).await?;
        row.map(|row| row.moment("at")).transpose()
    }
}

impl WriteTx {
    /// Notes an operator's word that a node is stopped.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown one.
    pub async fn attest_stopped(&mut self, id: &str) -> Result<(), StoreError> {
        // By the key.
        let sql = "UPDATE nodes SET stopped_at = {now}, stopped_by = $2 WHERE id = $1";
        self.change("the node", sql, args![id, self.actor()]).await
    }
}

fn read(row: &Row) -> Result<Node, StoreError> {
    let stopped = match (row.opt_moment("stopped_at")?, row.opt_text("stopped_by")?) {
        (Some(at), by) => Some(Stopped { at, by: by.unwrap_or_default().to_owned() }),
        (None, _) => None,
    };
    Ok(Node {
        id: row.text("id")?.to_owned(),
        name: row.text("name")?.to_owned(),
        role: row.parsed("role")?,
        version: row.text("version")?.to_owned(),
        started_at: row.moment("started_at")?,
        last_seen_at: row.moment("last_seen_at")?,
        incarnation: row.text("incarnation")?.to_owned(),
        revision: row.opt_int("revision")?,
        max_staleness: Span::from_millis(row.int("max_staleness")?),
        stopped,
    })
}
