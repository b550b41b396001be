//! SQLite: one thread that writes, several that read, and conversations with them by channels.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::sqlite_open::{open_reader, open_writer, place};
use super::sqlite_owner::Owner;
use super::{Closing, DatabaseUrl, Row, Val};
use crate::error::StoreError;

/// Threads that read; each serves one conversation at a time.
const READERS: usize = 4;

/// How long a caller may take. Whoever waits for the database is told within five seconds that it is unavailable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How long a begun conversation may say nothing before it is rolled back, so that a stuck caller stops nobody else.
    pub(super) idle: Duration,
    /// How long a conversation may wait for its turn.
    pub(super) queue: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle: Duration::from_secs(5), queue: Duration::from_secs(5) }
    }
}

/// The database, seen from the async side.
pub(super) struct Sqlite {
    writer: Sender<Begin>,
    readers: Sender<Begin>,
}

/// One open transaction, seen from the async side. Dropping it closes the channel, and the thread rolls back.
pub(super) struct Conversation {
    steps: Sender<Step>,
}

pub(super) struct Begin {
    pub(super) asked: Instant,
    pub(super) steps: Receiver<Step>,
    pub(super) begun: oneshot::Sender<Result<(), StoreError>>,
}

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

pub(super) enum Step {
    Query { sql: String, args: Vec<Val>, answer: Answer<Vec<Row>> },
    Execute { sql: String, args: Vec<Val>, answer: Answer<u64> },
    Batch { sql: String, answer: Answer<()> },
    Commit { closing: Closing, answer: Answer<()> },
}

impl Sqlite {
    pub(super) fn open(url: &DatabaseUrl, changes: watch::Sender<i64>, limits: Limits) -> Result<Self, StoreError> {
        let (path, scratch) = place(url)?;
        // The writer comes first: it makes the file and turns the journal into a write-ahead log.
        let connection = open_writer(&path, scratch.is_some())?;
        let (writer, jobs) = mpsc::channel();
        let mut owner =
            Owner { connection, begin: "BEGIN IMMEDIATE", changes: Some(changes), unscrubbed: false, limits };
        spawn("store-writer", move || owner.serve_writes(&jobs))?;

        let (readers, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 1..=READERS {
            let connection = open_reader(&path)?;
            let mut owner = Owner { connection, begin: "BEGIN", changes: None, unscrubbed: false, limits };
            let jobs = Arc::clone(&jobs);
            spawn(&format!("store-reader-{number}"), move || owner.serve_reads(&jobs))?;
        }
        // All connections have their files open by now: without names, these end with the process, however it ends.
        drop(scratch);
        Ok(Self { writer, readers })
    }

    pub(super) async fn read(&self) -> Result<Conversation, StoreError> {
        begin(&self.readers).await
    }

    pub(super) async fn write(&self) -> Result<Conversation, StoreError> {
        begin(&self.writer).await
    }
}

async fn begin(jobs: &Sender<Begin>) -> Result<Conversation, StoreError> {
    let (steps, their_steps) = mpsc::channel();
    let (begun, answer) = oneshot::channel();
    jobs.send(Begin { asked: Instant::now(), steps: their_steps, begun }).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())??;
    Ok(Conversation { steps })
}

impl Conversation {
    pub(super) async fn query(&self, sql: String, args: Vec<Val>) -> Result<Vec<Row>, StoreError> {
        self.ask(|answer| Step::Query { sql, args, answer }).await
    }

    pub(super) async fn execute(&self, sql: String, args: Vec<Val>) -> Result<u64, StoreError> {
        self.ask(|answer| Step::Execute { sql, args, answer }).await
    }

    pub(super) async fn batch(&self, sql: String) -> Result<(), StoreError> {
        self.ask(|answer| Step::Batch { sql, answer }).await
    }

    pub(super) async fn commit(self, closing: Closing) -> Result<(), StoreError> {
        self.ask(|answer| Step::Commit { closing, answer }).await
    }

    async fn ask<T>(&self, step: impl FnOnce(Answer<T>) -> Step) -> Result<T, StoreError> {
        let (answer, received) = oneshot::channel();
        self.steps.send(step(answer)).map_err(|_| gone())?;
        received.await.map_err(|_| gone())?
    }
}

fn gone() -> StoreError {
    StoreError::away("the transaction has ended: a statement failed, it took too long, or the store is closing")
}

fn spawn(name: &str, serve: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(serve);
    spawned.map(drop).map_err(|error| StoreError::away(format!("a database thread could not be started: {error}")))
}
