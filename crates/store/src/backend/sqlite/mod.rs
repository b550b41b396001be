//! SQLite: one thread that writes, several that read, and conversations with them by channels.

mod error;
mod open;
mod owner;

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::conversation::{Conversation, Step, Steps, ended};
use super::dialect::Dialect;
use super::{DatabaseUrl, Purpose};
use crate::error::StoreError;
use open::{open_reader, open_writer, place};
use owner::Owner;

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
pub(crate) struct Sqlite {
    writer: Sender<Begin>,
    readers: Sender<Begin>,
}

pub(super) struct Begin {
    pub(super) asked: Instant,
    pub(super) steps: Receiver<Step>,
    pub(super) begun: oneshot::Sender<Result<(), StoreError>>,
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

    pub(super) async fn begin(&self, purpose: Purpose) -> Result<Conversation, StoreError> {
        let jobs = if purpose == Purpose::Read { &self.readers } else { &self.writer };
        let (steps, their_steps) = mpsc::channel();
        let (begun, answer) = oneshot::channel();
        jobs.send(Begin { asked: Instant::now(), steps: their_steps, begun }).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())??;
        Ok(Conversation::new(Steps::Thread(steps), Dialect::Sqlite))
    }
}

fn spawn(name: &str, serve: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(serve);
    spawned.map(drop).map_err(|error| StoreError::away(format!("a database thread could not be started: {error}")))
}
