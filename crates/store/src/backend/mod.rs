//! The one place that knows of engines: a conversation with a database, whichever it is.
//!
//! A transaction is a conversation. Its statements travel to whoever owns the connection and the answers come back;
//! dropping the handle rolls back, however the caller ended.

mod dialect;
mod sqlite;
mod sqlite_error;
mod sqlite_open;
mod sqlite_owner;
#[cfg(test)]
mod tests;
mod url;
mod value;

use tokio::sync::watch;

pub use url::DatabaseUrl;
pub(crate) use value::{Row, Val, args};

use crate::error::StoreError;

/// The engine behind the store.
pub(crate) struct Backend {
    sqlite: sqlite::Sqlite,
}

impl Backend {
    /// Opens the database, making it if there is none. `changes` learns each revision as it becomes durable.
    pub(crate) fn open(url: &DatabaseUrl, changes: watch::Sender<i64>) -> Result<Self, StoreError> {
        Ok(Self { sqlite: sqlite::Sqlite::open(url, changes, sqlite::Limits::default())? })
    }

    /// Begins a transaction that sees one state of the database throughout and cannot write.
    pub(crate) async fn read(&self) -> Result<Conversation, StoreError> {
        self.sqlite.read().await.map(|sqlite| Conversation { sqlite })
    }

    /// Begins a transaction that writes; on SQLite there is one at a time.
    pub(crate) async fn write(&self) -> Result<Conversation, StoreError> {
        self.sqlite.write().await.map(|sqlite| Conversation { sqlite })
    }
}

/// What has to happen with a commit besides the commit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Closing {
    /// The revision to announce once it is durable; none for telemetry.
    pub(crate) revision: Option<i64>,
    /// Whether a destroyed value should also leave the engine's own journal.
    pub(crate) scrub: bool,
}

/// One open transaction.
pub(crate) struct Conversation {
    sqlite: sqlite::Conversation,
}

impl Conversation {
    /// Runs a query and takes all of its rows.
    pub(crate) async fn query(&self, sql: &str, args: Vec<Val>) -> Result<Vec<Row>, StoreError> {
        self.sqlite.query(dialect::query_for_sqlite(sql), args).await
    }

    /// Runs a statement; the answer is the number of rows that it changed.
    pub(crate) async fn execute(&self, sql: &str, args: Vec<Val>) -> Result<u64, StoreError> {
        self.sqlite.execute(dialect::query_for_sqlite(sql), args).await
    }

    /// Runs the statements of a migration: the common tables, then the guards in the engine's own words.
    pub(crate) async fn migrate(&self, tables: &str, guards: Guards) -> Result<(), StoreError> {
        self.sqlite.batch(dialect::ddl_for_sqlite(tables)).await?;
        self.sqlite.batch(guards.sqlite.to_owned()).await
    }

    /// The first guard that is missing from the database or is not what it should be.
    pub(crate) async fn lacks(&self, guards: Guards) -> Result<Option<String>, StoreError> {
        // The engine's own catalogue.
        let rows = self.query("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'", args![]).await?;
        let names = guards.sqlite.lines().filter_map(|line| line.strip_prefix("CREATE TRIGGER ")?.split(' ').next());
        for name in names {
            let there = |row: &Row| {
                row.text("name").is_ok_and(|found| found == name)
                    && row.text("sql").is_ok_and(|sql| guards.sqlite.contains(&format!("{sql};")))
            };
            if !rows.iter().any(there) {
                return Ok(Some(name.to_owned()));
            }
        }
        Ok(None)
    }

    /// Makes what was written durable. When this answers `Ok`, a loss of power loses nothing.
    pub(crate) async fn commit(self, closing: Closing) -> Result<(), StoreError> {
        self.sqlite.commit(closing).await
    }
}

/// Triggers, which every engine spells in its own way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guards {
    /// For SQLite.
    pub(crate) sqlite: &'static str,
}

impl Guards {
    /// The text that this engine runs, for the checksum.
    pub(crate) fn text(self) -> &'static str {
        self.sqlite
    }
}
