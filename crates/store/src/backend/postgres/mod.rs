//! PostgreSQL: a pool of connections, a task for each open transaction, and one connection that listens.
//!
//! The server may stop, hang or be slow at any moment. Nothing in here waits for it without a limit; a connection that
//! went silent is closed rather than used again, and with it all that lie idle, since they most likely share its fate.

mod connect;
mod error;
mod lent;
mod listen;
mod owner;
mod tls;
mod url;
mod value;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Pool, PoolError, TimeoutType};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Purpose;
use super::conversation::{Conversation, Steps};
use super::dialect::Dialect;
use crate::error::StoreError;
use error::translate;
use lent::Lent;
use owner::Owner;
pub use url::PostgresUrl;

/// Connections of one node. Changes take one at a time; the rest is for reads and telemetry.
const CONNECTIONS: usize = 16;

/// How long one is waited for. The admin API answers within five seconds while the database is away.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// For a connection with an open transaction.
    begin: Duration,
    /// For the next sign of life after a statement was sent: an answer may take longer as long as it goes on.
    silence: Duration,
    /// For the caller's next step, so that a stuck caller keeps nobody else from changing anything.
    idle: Duration,
    /// For this node's turn to change something.
    queue: Duration,
}

const LIMITS: Limits = Limits {
    begin: Duration::from_millis(2_500),
    silence: Duration::from_secs(4),
    idle: Duration::from_secs(5),
    queue: Duration::from_secs(4),
};

/// The server, seen from this node.
pub(crate) struct Postgres {
    pool: Pool,
    /// Changes of this node wait here, and not with a connection each at the revision's row.
    turns: Arc<Semaphore>,
    changes: watch::Sender<i64>,
    listener: JoinHandle<()>,
}

impl Postgres {
    /// Prepares everything and connects to nothing yet.
    pub(super) fn open(url: &PostgresUrl, changes: watch::Sender<i64>) -> Result<Self, StoreError> {
        let tls = tls::connector(url)?;
        let listener = tokio::spawn(listen::run(connect::config(url, "keyroll-listen"), tls.clone(), changes.clone()));
        let pool = connect::pool(url, tls)?;
        Ok(Self { pool, turns: Arc::new(Semaphore::new(1)), changes, listener })
    }

    pub(super) async fn begin(&self, purpose: Purpose) -> Result<Conversation, StoreError> {
        let turn = if purpose == Purpose::Change { Some(self.turn().await?) } else { None };
        let client = match timeout(LIMITS.begin, self.begun(purpose)).await {
            Ok(begun) => begun?,
            Err(_) => {
                lent::purge(&self.pool);
                return Err(StoreError::away("it does not answer"));
            }
        };
        let (steps, their_steps) = mpsc::unbounded_channel();
        let owner = Owner::new(client, self.pool.clone(), self.changes.clone(), LIMITS);
        tokio::spawn(async move {
            owner.serve(their_steps).await;
            drop(turn);
        });
        Ok(Conversation::new(Steps::Task(steps), Dialect::Postgres))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let turn = timeout(LIMITS.queue, Arc::clone(&self.turns).acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| StoreError::away("too many others are waiting for it"))
    }

    /// A connection in a transaction. One from the pool may have died since it was last used: then another is tried, as
    /// long as there is time.
    async fn begun(&self, purpose: Purpose) -> Result<Lent, StoreError> {
        let begin = match purpose {
            Purpose::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            // Every statement sees what was committed before it: after the revision's row is locked, that is all of it.
            Purpose::Change | Purpose::Record => "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE",
        };
        loop {
            let client = Lent::new(self.pool.get().await.map_err(unpooled)?);
            match client.batch_execute(begin).await {
                Ok(()) => return Ok(client),
                Err(error) if error.is_closed() || client.is_closed() => {
                    drop(client);
                    lent::purge(&self.pool);
                }
                Err(error) => return Err(translate(&error)),
            }
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

fn unpooled(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) => translate(&error),
        PoolError::Timeout(TimeoutType::Wait) => StoreError::away("all connections of this node are in use"),
        PoolError::Timeout(_) => StoreError::away("it does not answer"),
        other => StoreError::away(other.to_string()),
    }
}
