//! The two kinds of transaction. All queries are methods of [`ReadTx`], all changes of [`WriteTx`].

use std::ops::Deref;

use model::access::Permit;
use model::audit::Event;

use crate::backend::{Closing, Conversation, Row, Val, args};
use crate::error::StoreError;

/// The name of a state of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Which life of the database: a restored or failed-over one has another.
    pub incarnation: String,
    /// Counts the commits of this life.
    pub revision: i64,
    /// How many audit events there are.
    pub audit_size: i64,
}

/// What a commit made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The revision that the change has.
    pub revision: i64,
    /// The sequence of its audit event.
    pub sequence: i64,
}

/// One state of the database, seen by several queries.
pub struct ReadTx {
    conversation: Conversation,
    position: Position,
}

impl ReadTx {
    pub(crate) async fn begin(conversation: Conversation, lock: &'static str) -> Result<Self, StoreError> {
        // By the key. A snapshot begins with the first read, so this also fixes what later queries see.
        let sql = format!("SELECT incarnation, revision, audit_size FROM revision WHERE one = 1 {lock}");
        let rows = conversation.query(&sql, args![]).await?;
        let row = rows.first().ok_or_else(|| StoreError::damaged("revision", "has no row"))?;
        let position = Position {
            incarnation: row.text("incarnation")?.to_owned(),
            revision: row.int("revision")?,
            audit_size: row.int("audit_size")?,
        };
        Ok(Self { conversation, position })
    }

    /// Which state this is. In a [`WriteTx`], the state before the change.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    pub(crate) async fn query(&self, sql: &str, args: Vec<Val>) -> Result<Vec<Row>, StoreError> {
        self.conversation.query(sql, args).await
    }

    /// A query that finds at most one row.
    pub(crate) async fn query_one(&self, sql: &str, args: Vec<Val>) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, args).await?.into_iter().next())
    }
}

/// A change in the making. It ends with [`WriteTx::commit`]; dropped without it, nothing happened.
pub struct WriteTx {
    read: ReadTx,
    actor: String,
    scrub: bool,
}

impl Deref for WriteTx {
    type Target = ReadTx;

    fn deref(&self) -> &ReadTx {
        &self.read
    }
}

impl WriteTx {
    pub(crate) async fn begin(conversation: Conversation, permit: &Permit) -> Result<Self, StoreError> {
        let read = ReadTx::begin(conversation, "{lock}").await?;
        Ok(Self { read, actor: permit.actor().name.clone(), scrub: false })
    }

    /// Writes the event, advances the revision, and makes all of it durable at once; then announces the revision.
    ///
    /// # Errors
    /// After any error but one, nothing was changed. The exception is a machine that failed between writing and
    /// answering: look before trying again.
    pub async fn commit(self, event: Event) -> Result<Committed, StoreError> {
        let sequence = self.position().audit_size.saturating_add(1);
        let revision = self.next_revision();
        crate::audit::append(&self, sequence, &event).await?;
        // By the key.
        let sql = "UPDATE revision SET revision = $1, audit_size = $2 WHERE one = 1";
        self.execute(sql, args![revision, sequence]).await?;
        self.read.conversation.commit(Closing { revision: Some(revision), scrub: self.scrub }).await?;
        Ok(Committed { revision, sequence })
    }

    /// The revision that this change will have.
    #[must_use]
    pub fn next_revision(&self) -> i64 {
        self.position().revision.saturating_add(1)
    }

    /// Whoever holds the permit.
    pub(crate) fn actor(&self) -> &str {
        &self.actor
    }

    /// Asks that the engine's journal is emptied after the commit, because a value was destroyed.
    pub(crate) fn scrub_after_commit(&mut self) {
        self.scrub = true;
    }

    pub(crate) async fn execute(&self, sql: &str, args: Vec<Val>) -> Result<u64, StoreError> {
        self.read.conversation.execute(sql, args).await
    }

    /// A statement that must change a row; `what` names it where it does not exist.
    pub(crate) async fn change(&self, what: &'static str, sql: &str, args: Vec<Val>) -> Result<(), StoreError> {
        match self.execute(sql, args).await? {
            0 => Err(StoreError::Missing(what)),
            _ => Ok(()),
        }
    }
}
