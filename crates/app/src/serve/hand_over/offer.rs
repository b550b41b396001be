//! The side of the process that runs: it offers its place, and serves until another one has taken it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use engine::Counts;
use model::time::Clock;
use store::{Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::channel::{Channel, Door};
use super::{BATCH, Count, DOOR, Message, PROTOCOL, TrialCount};
use crate::process::{Given, Notifier};

/// How long whoever knocked may take to say what it wants.
const KNOCK: Duration = Duration::from_secs(10);
/// How long it may take to prepare.
const PREPARATION: Duration = Duration::from_secs(60);
/// How long it may take from then on until it serves: a migration of a large database is part of it.
const START: Duration = Duration::from_secs(300);
/// How often counts are passed on. What kill -9 may lose is what was counted in between.
const PACE: Duration = Duration::from_secs(1);
/// How soon it is tried again to write, while the database is away.
const PAUSE: Duration = Duration::from_millis(500);

/// What only one process can have.
pub(crate) struct Holdings {
    pub(crate) sockets: Given,
    /// That of the data directory.
    pub(crate) lock: File,
}

/// What a process has to give.
pub(crate) struct Offer {
    /// None once they are given.
    pub(crate) holdings: Option<Holdings>,
    /// The database, as it is told without a password.
    pub(crate) database: String,
    pub(crate) store: Store,
    pub(crate) counts: Counts,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) notifier: Notifier,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// This process serves and writes.
    Serving,
    /// It serves; another one is about to.
    Releasing,
    /// Another one serves; this one drains.
    HandedOver,
    /// Everything is handed over.
    Finished,
}

/// An offer that stands. Dropped, it is withdrawn, unless it was taken.
#[derive(Debug)]
pub(crate) struct Offering {
    phase: watch::Receiver<Phase>,
    stopping: Arc<AtomicBool>,
    drained: Sender<()>,
    door: std::path::PathBuf,
}

impl Offering {
    /// Waits until another process has taken over.
    pub(crate) async fn taken(&mut self) {
        if self.phase.wait_for(|phase| *phase == Phase::HandedOver).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Tells later on whether another process has taken over.
    pub(crate) fn fate(&self) -> Fate {
        Fate(self.phase.clone())
    }

    /// Lets nobody take over who has not begun to.
    pub(crate) fn close(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Called once nothing is counted any more: passes on what was, where somebody takes over.
    pub(crate) async fn finish(&mut self, patience: Duration) {
        let _ = self.drained.send(());
        let over = self.phase.wait_for(|phase| matches!(phase, Phase::Serving | Phase::Finished));
        if tokio::time::timeout(patience, over).await.is_err() {
            tracing::warn!("the hand-over did not end in time");
        }
    }
}

/// What became of an offer.
#[derive(Debug)]
pub(crate) struct Fate(watch::Receiver<Phase>);

impl Fate {
    /// Whether another process has taken over.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(*self.0.borrow(), Phase::HandedOver | Phase::Finished)
    }
}

impl Drop for Offering {
    fn drop(&mut self) {
        // Once another process has taken over, the name leads to its door.
        if matches!(*self.phase.borrow(), Phase::Serving) {
            Door::unlink(&self.door);
        }
    }
}

impl Offer {
    /// Opens the door and waits behind it, on a thread of its own. Needs the runtime's context.
    ///
    /// # Errors
    /// Where the door cannot be opened, as when the path of the directory is too long for a socket.
    pub(crate) fn stand(self, data: &Path) -> io::Result<Offering> {
        let door = Door::open(&data.join(DOOR))?;
        let path = door.path().to_owned();
        let (said, phase) = watch::channel(Phase::Serving);
        let (drained, told) = mpsc::channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let side = Side { offer: self, phase: said, stopping: Arc::clone(&stopping), runtime: Handle::current() };
        std::thread::Builder::new().name("hand-over".to_owned()).spawn(move || side.wait(&door, &told))?;
        Ok(Offering { phase, stopping, drained, door: path })
    }
}

/// What the thread works with.
struct Side {
    offer: Offer,
    phase: watch::Sender<Phase>,
    stopping: Arc<AtomicBool>,
    runtime: Handle,
}

impl Side {
    fn wait(self, door: &Door, drained: &Receiver<()>) {
        loop {
            let channel = match door.accept() {
                Ok(channel) => channel,
                Err(error) => {
                    tracing::warn!(%error, "the door of the hand-over could not be opened to anybody");
                    std::thread::sleep(PAUSE);
                    continue;
                }
            };
            match self.converse(&channel) {
                Ok(true) => return self.part(&channel, drained),
                Ok(false) => tracing::warn!("the hand-over was given up; this process goes on"),
                Err(error) => tracing::warn!(%error, "the hand-over failed; this process goes on"),
            }
        }
    }

    /// Whether the other process has taken over.
    fn converse(&self, channel: &Channel) -> io::Result<bool> {
        let hello = channel.receive(Some(KNOCK))?;
        let Some((Message::Hello { protocol, version, database }, _)) = hello else { return Ok(false) };
        if let Some(reason) = self.refusal(protocol, &database) {
            tracing::warn!(%reason, "the hand-over is refused");
            channel.send(&Message::Refused { reason }, &[])?;
            return Ok(false);
        }
        tracing::info!(pid = channel.peer(), %version, "another process is about to take over");
        let Some(Holdings { sockets, lock }) = &self.offer.holdings else { return Ok(false) };
        let Given { gateway, admin, managed } = sockets;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let offer = Message::Offer { version, gateway: gateway.is_some(), managed: *managed };
        let sockets: Vec<_> = std::iter::once(admin.as_fd()).chain(gateway.as_ref().map(AsFd::as_fd)).collect();
        channel.send(&offer, &sockets)?;
        let Some((Message::Release, _)) = channel.receive(Some(PREPARATION))? else { return Ok(false) };
        self.phase.send_replace(Phase::Releasing);
        let given = self.give(channel, lock);
        if !matches!(given, Ok(true)) {
            self.take_back();
            // Said after it is so: whoever hears it gives up, whoever hears nothing takes this process for dead.
            let reason = "it took too long, or something failed; the running process goes on".to_owned();
            let _ = channel.send(&Message::Refused { reason }, &[]);
            self.phase.send_replace(Phase::Serving);
        }
        given
    }

    fn refusal(&self, protocol: u32, database: &str) -> Option<String> {
        if self.stopping.load(Ordering::Acquire) {
            return Some("the running process is stopping".to_owned());
        }
        if protocol != PROTOCOL {
            return Some("the two versions hand over in different ways; restart instead".to_owned());
        }
        let ours = &self.offer.database;
        (database != ours).then(|| format!("the running process uses the database {ours}; restart to use another one"))
    }

    /// Gives away what only one process can have.
    fn give(&self, channel: &Channel, lock: &File) -> io::Result<bool> {
        self.runtime.block_on(self.offer.store.hand_over()).map_err(io::Error::other)?;
        channel.send(&Message::Released, &[lock.as_fd()])?;
        let Some((Message::Ready, _)) = channel.receive(Some(START))? else { return Ok(false) };
        // Before the other one is told: only the main process of a unit may say that it is ready.
        self.offer.notifier.main_process(channel.peer());
        if let Err(error) = channel.send(&Message::Yours, &[]) {
            self.offer.notifier.main_process(std::process::id());
            return Err(error);
        }
        self.phase.send_replace(Phase::HandedOver);
        tracing::info!(pid = channel.peer(), "another process has taken over; this one drains");
        Ok(true)
    }

    /// Writes again. While the database is away it is waited for; traffic goes on in any case.
    fn take_back(&self) {
        loop {
            match self.runtime.block_on(self.offer.store.take_back(self.offer.clock.now())) {
                Ok(()) => return,
                Err(StoreError::Unavailable(_) | StoreError::OutcomeUnknown) => std::thread::sleep(PAUSE),
                Err(error) => {
                    let hint = "traffic goes on; changes are refused until a process of the newer version takes over";
                    return tracing::error!(%error, "this process cannot write to the database any more: {hint}");
                }
            }
        }
    }

    /// Passes on what is still counted, until nothing is any more.
    fn part(mut self, channel: &Channel, drained: &Receiver<()>) {
        // The sockets and the lock are the other one's alone from now on: what it closes has to be closed.
        self.offer.holdings = None;
        loop {
            let last = !matches!(drained.recv_timeout(PACE), Err(RecvTimeoutError::Timeout));
            if let Err(error) = self.pass_on(channel).and_then(|()| self.pass_on_trials(channel)) {
                tracing::warn!(%error, "the other process is gone; this one writes its last counts by itself");
                self.take_back();
                break;
            }
            if last {
                let _ = channel.send(&Message::Done, &[]);
                break;
            }
        }
        self.phase.send_replace(Phase::Finished);
    }

    fn pass_on(&self, channel: &Channel) -> io::Result<()> {
        let mut pending = self.offer.counts.take();
        loop {
            let rows: Vec<Count> = pending.next(BATCH).iter().map(|(key, drained)| Count::new(key, drained)).collect();
            let count = rows.len();
            if count == 0 {
                return Ok(());
            }
            tell(channel, &Message::Counts { rows })?;
            pending.settle(count);
        }
    }

    fn pass_on_trials(&self, channel: &Channel) -> io::Result<()> {
        let rows = self.offer.counts.take_trials();
        for (at, batch) in rows.chunks(BATCH).enumerate() {
            let told = tell(channel, &Message::Trials { rows: batch.iter().map(TrialCount::new).collect() });
            if told.is_err() {
                self.offer.counts.add_trials(rows.iter().skip(at.saturating_mul(BATCH)).cloned());
                return told;
            }
        }
        Ok(())
    }
}

/// Tells counts, and waits until they are in the other one's hands.
fn tell(channel: &Channel, message: &Message) -> io::Result<()> {
    channel.send(message, &[])?;
    match channel.receive(Some(KNOCK))? {
        Some((Message::Counted, _)) => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
