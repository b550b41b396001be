//! The task that owns a connection for the time of one transaction.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use futures_util::TryStreamExt;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_postgres::error::Severity;
use tokio_postgres::{Error, Statement};

use super::error::translate;
use super::lent::{self, Lent};
use super::{Limits, value};
use crate::backend::conversation::{Step, reply};
use crate::backend::{Closing, Row, Val};
use crate::error::StoreError;

/// How many prepared statements a connection keeps; more than there are queries in this crate, lists of names of every
/// length aside.
const STATEMENTS: usize = 256;

/// How long the end of a transaction may take before the connection is closed instead, which ends it too.
const ROLL_BACK: Duration = Duration::from_secs(2);

/// The task's side of a transaction: it alone touches the connection.
pub(super) struct Owner {
    client: Lent,
    pool: Pool,
    changes: watch::Sender<i64>,
    limits: Limits,
    /// Whether the server still owes an answer: the connection then serves nobody else.
    broken: bool,
    /// Whether the transaction has ended.
    ended: bool,
}

impl Owner {
    pub(super) fn new(client: Lent, pool: Pool, changes: watch::Sender<i64>, limits: Limits) -> Self {
        Self { client, pool, changes, limits, broken: false, ended: false }
    }

    /// Serves the conversation until it commits, fails, is dropped, or falls silent; then leaves the connection clean.
    pub(super) async fn serve(mut self, mut steps: mpsc::UnboundedReceiver<Step>) {
        self.take_steps(&mut steps).await;
        // Whoever still asks is told that it is over, before the time that a roll back takes.
        drop(steps);
        if !self.broken && !self.ended {
            self.ended = matches!(timeout(ROLL_BACK, self.client.batch_execute("ROLLBACK")).await, Ok(Ok(())));
        }
        if self.ended && !self.broken && !self.client.is_closed() {
            if self.client.statement_cache.size() > STATEMENTS {
                self.client.statement_cache.clear();
            }
            self.client.give_back();
        } else {
            lent::purge(&self.pool);
        }
    }

    /// A failed statement ends the conversation, as on SQLite.
    async fn take_steps(&mut self, steps: &mut mpsc::UnboundedReceiver<Step>) {
        while let Ok(Some(step)) = timeout(self.limits.idle, steps.recv()).await {
            let goes_on = match step {
                Step::Query { sql, args, answer } => reply(answer, self.query(&sql, &args).await),
                Step::Execute { sql, args, answer } => reply(answer, self.execute(&sql, &args).await),
                Step::Batch { sql, answer } => reply(answer, self.batch(&sql).await),
                Step::Commit { closing, answer } => {
                    reply(answer, self.commit(closing).await);
                    false
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    async fn query(&mut self, sql: &str, args: &[Val]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepare(sql).await?;
        let columns: Arc<[String]> = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        let rows = timeout(self.limits.silence, self.client.query_raw(&statement, args)).await;
        let mut rows = pin!(self.heard(rows)?);
        let mut out = Vec::new();
        loop {
            let next = timeout(self.limits.silence, rows.try_next()).await;
            let Some(row) = self.heard(next)? else { return Ok(out) };
            out.push(value::row(&row, &columns)?);
        }
    }

    async fn execute(&mut self, sql: &str, args: &[Val]) -> Result<u64, StoreError> {
        let statement = self.prepare(sql).await?;
        let changed = timeout(self.limits.silence, self.client.execute_raw(&statement, args)).await;
        self.heard(changed)
    }

    /// A migration may take long; the server's own limit ends it.
    async fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        let done = self.client.batch_execute(sql).await;
        self.heard(Ok(done))
    }

    async fn prepare(&mut self, sql: &str) -> Result<Statement, StoreError> {
        let prepared = timeout(self.limits.silence, self.client.prepare_cached(sql)).await;
        self.heard(prepared)
    }

    async fn commit(&mut self, closing: Closing) -> Result<(), StoreError> {
        let sql = match closing.revision {
            // The number is a hint for whoever listens; the row is the truth.
            Some(revision) => format!("NOTIFY {}, '{revision}'; COMMIT", super::listen::CHANNEL),
            None => "COMMIT".to_owned(),
        };
        let committed = timeout(self.limits.silence, self.client.batch_execute(&sql)).await;
        match committed {
            Ok(Ok(())) => {}
            Ok(Err(error)) if is_definite(&error) => return Err(translate(&error)),
            Ok(Err(_)) | Err(_) => {
                self.broken = true;
                return Err(StoreError::OutcomeUnknown);
            }
        }
        self.ended = true;
        // Announced here and not by the caller: a caller that is cancelled while it waits must not hide a commit.
        if let Some(revision) = closing.revision {
            announce(&self.changes, revision);
        }
        Ok(())
    }

    /// Takes the answer; notes where none came, or none can come any more.
    fn heard<T>(&mut self, answer: Result<Result<T, Error>, tokio::time::error::Elapsed>) -> Result<T, StoreError> {
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                self.broken |= error.as_db_error().is_none() && (error.is_closed() || self.client.is_closed());
                Err(translate(&error))
            }
            Err(_) => {
                self.broken = true;
                Err(StoreError::away("it does not answer"))
            }
        }
    }
}

/// Whether a failed COMMIT has surely changed nothing. A server that ends the connection may do so while it waits for a
/// standby, with the commit already on its own disk.
fn is_definite(error: &Error) -> bool {
    error.as_db_error().is_some_and(|error| error.parsed_severity() == Some(Severity::Error))
}

/// Tells of a revision, unless a later one is known.
pub(super) fn announce(changes: &watch::Sender<i64>, revision: i64) {
    changes.send_if_modified(|known| {
        let news = revision > *known;
        *known = revision.max(*known);
        news
    });
}
