//! SQLite: one thread that writes, several that read, and conversations with them by channels.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tokio::sync::{oneshot, watch};

use super::sqlite_error::translate;
use super::sqlite_open::{Scratch, open_reader, open_writer, place};
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

/// How soon the writer tries again to empty the journal after a value was destroyed while somebody was reading.
const SCRUB_RETRY: Duration = Duration::from_millis(500);

/// The database, seen from the async side.
pub(super) struct Sqlite {
    writer: Sender<Begin>,
    readers: Sender<Begin>,
}

/// One open transaction, seen from the async side. Dropping it closes the channel, and the thread rolls back.
pub(super) struct Conversation {
    steps: Sender<Step>,
}

struct Begin {
    asked: Instant,
    steps: Receiver<Step>,
    begun: oneshot::Sender<Result<(), StoreError>>,
}

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

enum Step {
    Query { sql: String, args: Vec<Val>, answer: Answer<Vec<Row>> },
    Execute { sql: String, args: Vec<Val>, answer: Answer<u64> },
    Batch { sql: String, answer: Answer<()> },
    Commit { closing: Closing, answer: Answer<()> },
}

impl Sqlite {
    pub(super) fn open(url: &DatabaseUrl, changes: watch::Sender<i64>, limits: Limits) -> Result<Self, StoreError> {
        let (path, scratch) = place(url)?;
        let scratch = scratch.map(Arc::new);
        // The writer comes first: it makes the file and turns the journal into a write-ahead log.
        let connection = open_writer(&path, scratch.is_some())?;
        let (writer, jobs) = mpsc::channel();
        let mut owner =
            Owner { connection, begin: "BEGIN IMMEDIATE", changes: Some(changes), unscrubbed: false, limits };
        spawn("store-writer", scratch.clone(), move || owner.serve_writes(&jobs))?;

        let (readers, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 1..=READERS {
            let connection = open_reader(&path)?;
            let mut owner = Owner { connection, begin: "BEGIN", changes: None, unscrubbed: false, limits };
            let jobs = Arc::clone(&jobs);
            spawn(&format!("store-reader-{number}"), scratch.clone(), move || owner.serve_reads(&jobs))?;
        }
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

fn spawn(name: &str, scratch: Option<Arc<Scratch>>, serve: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let run = move || {
        serve();
        // The last thread to end takes a throw-away database with it, after its connection is closed.
        drop(scratch);
    };
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
        .map_err(|error| StoreError::away(format!("a database thread could not be started: {error}")))
}

/// The thread's side: it alone touches the connection.
struct Owner {
    connection: Connection,
    begin: &'static str,
    changes: Option<watch::Sender<i64>>,
    unscrubbed: bool,
    limits: Limits,
}

impl Owner {
    fn serve_reads(&mut self, jobs: &Mutex<Receiver<Begin>>) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match job {
                Ok(job) => self.converse(job),
                Err(_) => return,
            }
        }
    }

    fn serve_writes(&mut self, jobs: &Receiver<Begin>) {
        loop {
            let wait = if self.unscrubbed { SCRUB_RETRY } else { Duration::from_secs(3_600) };
            match jobs.recv_timeout(wait) {
                Ok(job) => self.converse(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.unscrubbed {
                self.scrub();
            }
        }
    }

    fn converse(&mut self, job: Begin) {
        if job.begun.is_closed() {
            return;
        }
        let begun = if job.asked.elapsed() > self.limits.queue {
            Err(StoreError::away("too many others are waiting for it"))
        } else {
            self.connection.execute_batch(self.begin).map_err(translate)
        };
        let failed = begun.is_err();
        if job.begun.send(begun).is_ok() && !failed {
            self.take_steps(&job.steps);
        }
        // Whatever way the conversation ended, the connection is clean for the next one.
        if !self.connection.is_autocommit() {
            if let Err(error) = self.connection.execute_batch("ROLLBACK") {
                tracing::error!(%error, "a transaction could not be rolled back");
            }
        }
    }

    /// Serves the conversation until it commits, fails, is dropped, or falls silent.
    ///
    /// A failed statement ends it: PostgreSQL refuses everything after one, SQLite would go on; so both refuse, and
    /// the next writer need not wait until the caller has dealt with the error.
    fn take_steps(&mut self, steps: &Receiver<Step>) {
        while let Ok(step) = steps.recv_timeout(self.limits.idle) {
            let goes_on = match step {
                Step::Query { sql, args, answer } => reply(answer, self.query(&sql, &args)),
                Step::Execute { sql, args, answer } => reply(answer, self.execute(&sql, &args)),
                Step::Batch { sql, answer } => reply(answer, self.connection.execute_batch(&sql).map_err(translate)),
                Step::Commit { closing, answer } => {
                    reply(answer, self.commit(closing));
                    false
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    fn query(&self, sql: &str, args: &[Val]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(translate)?;
        let columns: Arc<[String]> = statement.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = statement.query(rusqlite::params_from_iter(args)).map_err(translate)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(translate)? {
            let values: Result<Vec<Val>, StoreError> = columns
                .iter()
                .enumerate()
                .map(|(index, column)| value(row.get_ref(index).map_err(translate)?, column))
                .collect();
            out.push(Row::new(Arc::clone(&columns), values?));
        }
        Ok(out)
    }

    fn execute(&self, sql: &str, args: &[Val]) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(translate)?;
        let changed = statement.execute(rusqlite::params_from_iter(args)).map_err(translate)?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    fn commit(&mut self, closing: Closing) -> Result<(), StoreError> {
        self.connection.execute_batch("COMMIT").map_err(translate)?;
        // Announced here and not by the caller: a caller that is cancelled while it waits must not hide a commit.
        if let (Some(changes), Some(revision)) = (&self.changes, closing.revision) {
            changes.send_replace(revision);
        }
        if closing.scrub {
            self.scrub();
        }
        Ok(())
    }

    /// Empties the write-ahead log, so that a destroyed value does not live on in it.
    fn scrub(&mut self) {
        let checkpoint = self.connection.busy_timeout(Duration::from_millis(100)).and_then(|()| {
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        });
        self.unscrubbed = !matches!(checkpoint, Ok(0));
        if let Err(error) = super::sqlite_open::set_busy_timeout(&self.connection) {
            tracing::error!(%error, "the busy timeout could not be restored");
        }
    }
}

/// Answers; says whether the step succeeded. A caller that has gone away is no error.
fn reply<T>(answer: Answer<T>, result: Result<T, StoreError>) -> bool {
    let succeeded = result.is_ok();
    drop(answer.send(result));
    succeeded
}

fn value(found: ValueRef<'_>, column: &str) -> Result<Val, StoreError> {
    match found {
        ValueRef::Null => Ok(Val::Null),
        ValueRef::Integer(number) => Ok(Val::Int(number)),
        ValueRef::Blob(bytes) => Ok(Val::Blob(bytes.to_vec())),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Val::Text(text.to_owned())),
            Err(_) => Err(StoreError::damaged(column, "is not UTF-8")),
        },
        ValueRef::Real(_) => Err(StoreError::damaged(column, "is a fraction, which no column holds")),
    }
}

impl rusqlite::ToSql for Val {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
