//! What was deleted and when, so that publishing learns of it.

use crate::backend::args;
use crate::error::StoreError;
use crate::transaction::{ReadTx, WriteTx};

/// What kind of thing was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TombstoneKind {
    /// A secret: its value is destroyed.
    Secret,
    /// A route.
    Route,
    /// An environment.
    Environment,
    /// A client, with its keys.
    Client,
}

/// One thing that no longer exists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tombstone {
    /// What it was.
    pub kind: TombstoneKind,
    /// Its name.
    pub name: String,
}

const KINDS: [(TombstoneKind, &str); 4] = [
    (TombstoneKind::Secret, "secret"),
    (TombstoneKind::Route, "route"),
    (TombstoneKind::Environment, "environment"),
    (TombstoneKind::Client, "client"),
];

impl TombstoneKind {
    fn as_str(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let found = KINDS.iter().find(|(_, word)| *word == text);
        found.map(|(kind, _)| *kind).ok_or_else(|| StoreError::damaged("kind", "names nothing that can be deleted"))
    }
}

impl WriteTx {
    /// Notes that the thing is gone as of this change.
    pub(crate) async fn bury(&self, kind: TombstoneKind, name: &str) -> Result<(), StoreError> {
        // By the key.
        let sql = "INSERT INTO tombstones (kind, name, revision) VALUES ($1, $2, $3) \
             ON CONFLICT (kind, name) DO UPDATE SET revision = excluded.revision";
        self.execute(sql, args![kind.as_str(), name, self.next_revision()]).await.map(drop)
    }

    /// Notes that a thing of this name exists again.
    pub(crate) async fn unbury(&self, kind: TombstoneKind, name: &str) -> Result<(), StoreError> {
        // By the key.
        let sql = "DELETE FROM tombstones WHERE kind = $1 AND name = $2";
        self.execute(sql, args![kind.as_str(), name]).await.map(drop)
    }
}

impl ReadTx {
    /// What was deleted after the revision. A secret's row stays, and is its own tombstone.
    pub(crate) async fn tombstones_since(&self, revision: i64) -> Result<Vec<Tombstone>, StoreError> {
        // tombstones_revision and secrets_changed.
        let sql = "SELECT kind, name FROM tombstones WHERE revision > $1 \
             UNION ALL SELECT 'secret' AS kind, name FROM secrets WHERE changed > $1 AND state = 'deleted'";
        let rows = self.query(sql, args![revision]).await?;
        rows.iter()
            .map(|row| {
                Ok(Tombstone { kind: TombstoneKind::parse(row.text("kind")?)?, name: row.text("name")?.to_owned() })
            })
            .collect()
    }
}
