//! One open transaction, seen from the caller's side; the same for both engines.
//!
//! Whoever owns the connection (a thread for SQLite, a task for PostgreSQL) takes the steps one by one. Dropping the
//! conversation closes the channel, and the owner rolls back; a caller that is cancelled in the middle of a commit
//! neither stops nor hides it.

use tokio::sync::oneshot;

use super::dialect::Dialect;
use super::{Closing, Row, Val};
use crate::error::StoreError;

/// One open transaction.
pub(crate) struct Conversation {
    steps: Steps,
    pub(super) dialect: Dialect,
}

/// The way to whoever owns the connection.
pub(super) enum Steps {
    /// To a thread, which waits for the next step with a time limit.
    Thread(std::sync::mpsc::Sender<Step>),
    /// To a task.
    Task(tokio::sync::mpsc::UnboundedSender<Step>),
}

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the owner of the connection is asked to do.
pub(super) enum Step {
    Query { sql: String, args: Vec<Val>, answer: Answer<Vec<Row>> },
    Execute { sql: String, args: Vec<Val>, answer: Answer<u64> },
    Batch { sql: String, answer: Answer<()> },
    Commit { closing: Closing, answer: Answer<()> },
}

impl Conversation {
    pub(super) fn new(steps: Steps, dialect: Dialect) -> Self {
        Self { steps, dialect }
    }

    /// Runs a query and takes all of its rows.
    pub(crate) async fn query(&self, sql: &str, args: Vec<Val>) -> Result<Vec<Row>, StoreError> {
        let sql = self.dialect.query(sql);
        self.ask(|answer| Step::Query { sql, args, answer }).await
    }

    /// Runs a statement; the answer is the number of rows that it changed.
    pub(crate) async fn execute(&self, sql: &str, args: Vec<Val>) -> Result<u64, StoreError> {
        let sql = self.dialect.query(sql);
        self.ask(|answer| Step::Execute { sql, args, answer }).await
    }

    /// Runs several statements without arguments, in the engine's own words.
    pub(crate) async fn batch(&self, sql: String) -> Result<(), StoreError> {
        self.ask(|answer| Step::Batch { sql, answer }).await
    }

    /// Makes what was written durable. When this answers `Ok`, a loss of power loses nothing.
    ///
    /// # Errors
    /// [`StoreError::OutcomeUnknown`] where the connection broke in the middle; after any other, nothing was written.
    pub(crate) async fn commit(self, closing: Closing) -> Result<(), StoreError> {
        self.ask(|answer| Step::Commit { closing, answer }).await
    }

    async fn ask<T>(&self, step: impl FnOnce(Answer<T>) -> Step) -> Result<T, StoreError> {
        let (answer, received) = oneshot::channel();
        let sent = match &self.steps {
            Steps::Thread(steps) => steps.send(step(answer)).is_ok(),
            Steps::Task(steps) => steps.send(step(answer)).is_ok(),
        };
        if !sent {
            return Err(ended());
        }
        received.await.map_err(|_| ended())?
    }
}

/// Answers; says whether the step succeeded. A caller that has gone away is no error.
pub(super) fn reply<T>(answer: Answer<T>, result: Result<T, StoreError>) -> bool {
    let succeeded = result.is_ok();
    drop(answer.send(result));
    succeeded
}

/// What is said of a conversation that nobody serves any longer.
pub(super) fn ended() -> StoreError {
    StoreError::away("the transaction has ended: a statement failed, it took too long, or the store is closing")
}
