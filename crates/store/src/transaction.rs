//! The two kinds of transaction. All queries are methods of [`ReadTx`], all changes of [`WriteTx`].

use std::ops::Deref;
use std::sync::Arc;

use model::access::Permit;
use model::audit::Event;

use crate::backend::{Backend, Closing, Conversation, Purpose, Row, Val, args};
use crate::error::StoreError;
use crate::leases::Lease;
use crate::seals::Sealer;

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
    sealer: Option<Sealer>,
}

impl ReadTx {
    pub(crate) async fn begin(
        conversation: Conversation,
        lock: &'static str,
        sealer: Option<Sealer>,
    ) -> Result<Self, StoreError> {
        // By the key. A snapshot begins with the first read, so this also fixes what later queries see.
        let sql = format!("SELECT incarnation, revision, audit_size FROM revision WHERE one = 1 {lock}");
        let rows = conversation.query(&sql, args![]).await?;
        let row = rows.first().ok_or_else(|| StoreError::damaged("revision", "has no row"))?;
        let position = Position {
            incarnation: row.text("incarnation")?.to_owned(),
            revision: row.int("revision")?,
            audit_size: row.int("audit_size")?,
        };
        Ok(Self { conversation, position, sealer })
    }

    /// Which state this is. In a [`WriteTx`], the state before the change.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    pub(crate) fn given_sealer(&self) -> Option<&Sealer> {
        self.sealer.as_ref()
    }

    pub(crate) fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    pub(crate) fn into_conversation(self) -> Conversation {
        self.conversation
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
    backend: Arc<Backend>,
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
    pub(crate) async fn begin(
        backend: Arc<Backend>,
        sealer: Option<Sealer>,
        permit: &Permit,
    ) -> Result<Self, StoreError> {
        let read = ReadTx::begin(backend.begin(Purpose::Change).await?, "{lock}", sealer).await?;
        Ok(Self { read, backend, actor: permit.actor().name.clone(), scrub: false })
    }

    /// Makes sure that the lease is still held, and stays so until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where another node has taken it over meanwhile.
    pub async fn check_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        crate::leases::check(self.conversation(), lease).await
    }

    /// Writes the event, advances the revision, and makes all of it durable at once; then announces the revision.
    ///
    /// Where the connection breaks in the middle, the database is asked what became of the change before this answers.
    ///
    /// # Errors
    /// After any error but [`StoreError::OutcomeUnknown`], nothing was changed. That one is left where the database cannot
    /// be asked either: look before trying again.
    pub async fn commit(self, event: Event) -> Result<Committed, StoreError> {
        let sequence = self.position().audit_size.saturating_add(1);
        let revision = self.next_revision();
        let leaf = crate::audit::append(&self, sequence, &event).await?;
        // By the key.
        let sql = "UPDATE revision SET revision = $1, audit_size = $2 WHERE one = 1";
        self.execute(sql, args![revision, sequence]).await?;
        let Self { read, backend, scrub, .. } = self;
        match read.conversation.commit(Closing { revision: Some(revision), scrub }).await {
            Err(StoreError::OutcomeUnknown) => settle(&backend, sequence, &leaf).await?,
            other => other?,
        }
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

/// Finds out what became of a change whose commit was not answered, by its audit event.
///
/// The revision's row is locked first: whoever has it knows that the other transaction has ended, one way or the other,
/// also on a server that works on it while the connection is gone.
async fn settle(backend: &Backend, sequence: i64, leaf: &[u8; 32]) -> Result<(), StoreError> {
    let unknown = |_| StoreError::OutcomeUnknown;
    let conversation = backend.begin(Purpose::Change).await.map_err(unknown)?;
    let look = ReadTx::begin(conversation, "{lock}", None).await.map_err(unknown)?;
    match look.audit_leaf(sequence).await.map_err(unknown)? {
        Some(found) if found == *leaf => Ok(()),
        _ => Err(StoreError::away("the connection broke before the change was made")),
    }
}
