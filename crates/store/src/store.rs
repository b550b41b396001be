//! The store: opened once, shared by all; it gives out transactions.

use std::sync::Arc;

use model::access::Permit;
use model::time::{Span, Timestamp};
use tokio::sync::watch;

use crate::backend::{Backend, Closing, Conversation, DatabaseUrl, Purpose, args};
use crate::error::StoreError;
use crate::leases::{self, Lease};
use crate::migrate::migrate;
use crate::ownership::Ownership;
use crate::seals::{Sealer, SealerPlace};
use crate::telemetry::{self, Telemetry};
use crate::transaction::{ReadTx, WriteTx};

/// The database. A clone is another handle to the same one; it closes when the last handle is dropped.
#[derive(Clone)]
pub struct Store {
    pub(crate) backend: Arc<Backend>,
    changes: watch::Receiver<i64>,
    pub(crate) sealer: SealerPlace,
    pub(crate) ownership: Ownership,
}

impl Store {
    /// Opens the database, makes it where there is none, and brings its schema up to date.
    ///
    /// `incarnation` names this life of the database: it is kept for a new one and passed over for an existing one.
    ///
    /// # Errors
    /// [`StoreError::Migration`] where schema and binary do not go together, [`StoreError::Unavailable`] where the server
    /// is away (the same call may succeed later), else what hindered the engine.
    pub async fn open(url: &DatabaseUrl, now: Timestamp, incarnation: String) -> Result<Self, StoreError> {
        let (announce, changes) = watch::channel(0);
        let backend = Backend::open(url, announce)?;
        let conversation = backend.begin(Purpose::Change).await?;
        migrate(&conversation, now).await?;
        // By the key.
        let rows = conversation.query("SELECT revision FROM revision WHERE one = 1", args![]).await?;
        let revision = match rows.first() {
            Some(row) => row.int("revision")?,
            None => {
                let sql = "INSERT INTO revision (one, incarnation, revision, audit_size) VALUES (1, $1, 0, 0)";
                conversation.execute(sql, args![incarnation]).await?;
                0
            }
        };
        conversation.commit(Closing { revision: Some(revision), scrub: false }).await?;
        let (sealer, ownership) = (SealerPlace::default(), Ownership::default());
        Ok(Self { backend: Arc::new(backend), changes, sealer, ownership })
    }

    /// Gives the store what seals rows, once the keys of the database are open. Transactions that begin without it can
    /// neither read nor write routes, environments, clients and tokens.
    pub fn seal_with(&self, sealer: Sealer) {
        self.sealer.set(sealer);
    }

    /// Begins a transaction that sees one state throughout and cannot write. Keep it short: there are few of them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the database is away.
    pub async fn read(&self) -> Result<ReadTx, StoreError> {
        ReadTx::begin(self.backend.begin(Purpose::Read).await?, "", self.sealer.get()).await
    }

    /// Begins a change by locking the revision, so that changes are ordered. Dropping it undoes it.
    ///
    /// Keep what takes long (a request to anybody, a password hash) outside: an idle transaction is rolled back after
    /// five seconds.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the database is away or others hold it for too long,
    /// [`StoreError::HandedOver`] after [`Store::hand_over`].
    pub async fn begin(&self, permit: &Permit) -> Result<WriteTx, StoreError> {
        let _owned = self.ownership.check().await?;
        WriteTx::begin(Arc::clone(&self.backend), self.sealer.get(), permit).await
    }

    /// Writes telemetry: durable, but no change. No revision, no event, no announcement.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Full`]; then nothing of it was written.
    pub async fn record(&self, telemetry: Telemetry) -> Result<(), StoreError> {
        let conversation = self.begin_record().await?;
        telemetry::write(&conversation, telemetry).await?;
        conversation.commit(Closing::default()).await
    }

    /// Writes telemetry as the holder of a lease.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where another node has taken it over meanwhile; else as [`Store::record`].
    pub async fn record_under(&self, lease: &Lease, telemetry: Telemetry) -> Result<(), StoreError> {
        let conversation = self.begin_record().await?;
        leases::check(&conversation, lease).await?;
        telemetry::write(&conversation, telemetry).await?;
        conversation.commit(Closing::default()).await
    }

    /// Takes the lease for `time`, or prolongs it where `holder` has it already; `None` while another holder has it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the database is away.
    pub async fn lease(&self, name: &'static str, holder: &str, time: Span) -> Result<Option<Lease>, StoreError> {
        let conversation = self.begin_record().await?;
        let lease = leases::take(&conversation, name, holder, time).await?;
        conversation.commit(Closing::default()).await?;
        Ok(lease)
    }

    async fn begin_record(&self) -> Result<Conversation, StoreError> {
        let _owned = self.ownership.check().await?;
        self.backend.begin(Purpose::Record).await
    }

    /// Follows the revision. It holds the latest committed one and wakes whoever waits; several commits may be one wake.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.changes.clone()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("revision", &*self.changes.borrow()).finish_non_exhaustive()
    }
}
