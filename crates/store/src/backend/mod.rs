//! The one place that knows of engines: a conversation with a database, whichever it is.

mod conversation;
mod dialect;
mod guards;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;
mod url;
mod value;

use tokio::sync::watch;

pub(crate) use conversation::Conversation;
pub(crate) use guards::Guards;
pub use postgres::PostgresUrl;
pub use url::DatabaseUrl;
pub(crate) use value::{Row, Val, args};

use crate::error::StoreError;
use postgres::Postgres;
use sqlite::Sqlite;

/// The engine behind the store.
pub(crate) enum Backend {
    /// One file, in this process.
    Sqlite(Sqlite),
    /// A server that several nodes share.
    Postgres(Postgres),
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It sees one state of the database throughout and cannot write.
    Read,
    /// It changes what is decided and served: of these a node has one at a time, and the revision's row orders them all.
    Change,
    /// It writes telemetry, beside whatever else happens.
    Record,
}

impl Backend {
    /// Opens the database, making it if there is none. `changes` learns each revision as it becomes durable.
    ///
    /// A server is not asked for anything yet: the first conversation finds out whether it is there.
    pub(crate) fn open(url: &DatabaseUrl, changes: watch::Sender<i64>) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Postgres(url) => Ok(Self::Postgres(Postgres::open(url, changes)?)),
            DatabaseUrl::SqliteFile(_) | DatabaseUrl::SqliteMemory => {
                Ok(Self::Sqlite(Sqlite::open(url, changes, sqlite::Limits::default())?))
            }
        }
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self, purpose: Purpose) -> Result<Conversation, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.begin(purpose).await,
            Self::Postgres(postgres) => postgres.begin(purpose).await,
        }
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
