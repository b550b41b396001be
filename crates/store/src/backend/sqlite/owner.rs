//! The thread that owns a connection to SQLite: it serves one conversation after the other.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tokio::sync::watch;

use super::error::translate;
use super::open::set_busy_timeout;
use super::{Begin, Limits};
use crate::backend::conversation::{Step, reply};
use crate::backend::{Closing, Row, Val};
use crate::error::StoreError;

/// How soon the writer tries again to empty the journal after a value was destroyed while somebody was reading.
const SCRUB_RETRY: Duration = Duration::from_millis(500);

/// The thread's side: it alone touches the connection.
pub(super) struct Owner {
    pub(super) connection: Connection,
    /// How a transaction begins.
    pub(super) begin: &'static str,
    /// Where commits are announced; none for a reader.
    pub(super) changes: Option<watch::Sender<i64>>,
    /// Whether a destroyed value may still be in the write-ahead log.
    pub(super) unscrubbed: bool,
    pub(super) limits: Limits,
}

impl Owner {
    pub(super) fn serve_reads(&mut self, jobs: &Mutex<Receiver<Begin>>) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match job {
                Ok(job) => self.converse(job),
                Err(_) => return,
            }
        }
    }

    pub(super) fn serve_writes(&mut self, jobs: &Receiver<Begin>) {
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
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
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
        let columns: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
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
        if let Err(error) = set_busy_timeout(&self.connection) {
            tracing::error!(%error, "the busy timeout could not be restored");
        }
    }
}

fn value(found: ValueRef<'_>, column: &str) -> Result<Val, StoreError> {
    match found {
        ValueRef::Null => Ok(Val::Null),
        ValueRef::Integer(number) => Ok(Val::Int(number)),
        ValueRef::Blob(bytes) => Ok(Val::Blob(bytes.to_vec())),
        // Only somebody else writes a text that is not UTF-8. As bytes it spoils its own row, not the whole answer.
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Val::Text(text.to_owned())),
            Err(_) => Ok(Val::Blob(bytes.to_vec())),
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
