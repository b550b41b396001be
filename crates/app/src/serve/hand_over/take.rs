//! The side of the process that starts in the place of another one.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::Counts;

use super::channel::Channel;
use super::{Count, DOOR, Message, PROTOCOL, TrialCount};
use crate::process::Given;

/// How long the running process may take for one step; it finishes the change that it is about to make.
const STEP: Duration = Duration::from_secs(30);

/// Why this process does not take over. The running one goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeOverError {
    /// It says so.
    #[error("the running process keeps its place: {0}")]
    Refused(String),
    /// It says nothing, or what makes no sense.
    #[error("the running process does not hand over as it should")]
    Broken(#[source] io::Error),
}

/// A take-over that has begun.
#[derive(Debug)]
pub(crate) struct TakeOver {
    channel: Channel,
}

impl TakeOver {
    /// Asks the process that runs on this data directory for its sockets; nothing where none does.
    ///
    /// # Errors
    /// [`TakeOverError`].
    pub(crate) fn begin(data: &Path, database: &str) -> Result<Option<(Self, Given)>, TakeOverError> {
        let Some(channel) = Channel::connect(&data.join(DOOR)).map_err(TakeOverError::Broken)? else { return Ok(None) };
        let (version, database) = (env!("CARGO_PKG_VERSION").to_owned(), database.to_owned());
        // Where this fails the other process is gone, which the next line finds out.
        let _ = channel.send(&Message::Hello { protocol: PROTOCOL, version, database }, &[]);
        let (gateway, managed, mut sockets) = match channel.receive(Some(STEP)).map_err(TakeOverError::Broken)? {
            Some((Message::Offer { gateway, managed, .. }, sockets)) => (gateway, managed, sockets.into_iter()),
            Some((other, _)) => return Err(unexpected(other)),
            None => return Ok(None),
        };
        let mut socket = || sockets.next().map(TcpListener::from).ok_or_else(|| broken("a socket is missing"));
        let admin = socket()?;
        let gateway = gateway.then(socket).transpose()?;
        Ok(Some((Self { channel }, Given { gateway, admin, managed })))
    }

    /// Asks for what only one process can have: the answer is the lock of the data directory. Nothing where the other
    /// process has ended meanwhile, so that the lock is free.
    ///
    /// # Errors
    /// [`TakeOverError`].
    pub(crate) fn claim(&self) -> Result<Option<File>, TakeOverError> {
        let _ = self.channel.send(&Message::Release, &[]);
        match self.channel.receive(Some(STEP)).map_err(TakeOverError::Broken)? {
            Some((Message::Released, locks)) => {
                let lock = locks.into_iter().next().ok_or_else(|| broken("the lock is missing"))?;
                Ok(Some(File::from(lock)))
            }
            Some((other, _)) => Err(unexpected(other)),
            None => Ok(None),
        }
    }

    /// Says that this process serves. From here on the other one does not, whether it says so or is gone.
    ///
    /// # Errors
    /// [`TakeOverError`]; then the other one serves, and this one must stop.
    pub(crate) fn ready(&self) -> Result<(), TakeOverError> {
        // Where it cannot be sent, what the other one said last can still be read.
        let _ = self.channel.send(&Message::Ready, &[]);
        match self.channel.receive(Some(STEP)).map_err(TakeOverError::Broken)? {
            Some((Message::Yours, _)) => Ok(()),
            None => {
                tracing::warn!("the process before ended by itself");
                Ok(())
            }
            Some((other, _)) => Err(unexpected(other)),
        }
    }

    /// Counts what the other process still counts, on a thread of its own, until that has ended.
    pub(crate) fn follow(self, counts: Counts) -> Follower {
        let follower = Follower { closed: Arc::new(Mutex::new(false)) };
        let closed = Arc::clone(&follower.closed);
        let thread = std::thread::Builder::new().name("follow".to_owned());
        // Without the thread the channel is closed: then the other process writes its counts by itself.
        if let Err(error) = thread.spawn(move || follow(&self.channel, &counts, &closed)) {
            tracing::warn!(%error, "the process before has to write its last counts by itself");
        }
        follower
    }
}

/// Takes the counts of the process before, while that drains.
#[derive(Debug)]
pub(crate) struct Follower {
    closed: Arc<Mutex<bool>>,
}

impl Follower {
    /// Takes nothing any more: what was taken before will be written, what comes later has to stay where it is.
    pub(crate) fn close(&self) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

fn follow(channel: &Channel, counts: &Counts, closed: &Mutex<bool>) {
    while let Ok(Some((message, _))) = channel.receive(None) {
        let closed = closed.lock().unwrap_or_else(PoisonError::into_inner);
        match message {
            Message::Counts { .. } | Message::Trials { .. } if *closed => return,
            Message::Counts { rows } => counts.add(rows.into_iter().filter_map(Count::read)),
            Message::Trials { rows } => counts.add_trials(rows.into_iter().filter_map(TrialCount::read)),
            Message::Done => return tracing::info!("the process before has ended"),
            _ => return,
        }
        if channel.send(&Message::Counted, &[]).is_err() {
            return;
        }
    }
}

fn unexpected(message: Message) -> TakeOverError {
    match message {
        Message::Refused { reason } => TakeOverError::Refused(reason),
        _ => broken("it says something else than was expected"),
    }
}

fn broken(what: &str) -> TakeOverError {
    TakeOverError::Broken(io::Error::other(what.to_owned()))
}
