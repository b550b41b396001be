//! What is under way on this thread, so that it can be ended: by a client key that was revoked, by a secret that is in
//! use no longer, or because its client takes nothing.
//!
//! A request decides once, from one snapshot, what it may do; an answer can stream for hours after that. A task of each
//! worker therefore looks at all that is open again, whenever there is a newer snapshot.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use model::snapshot::{Bound, Caller, Snapshot};
use model::time::Timestamp;

use crate::admit::Admitted;
use crate::answer::{self, Refusal};
use crate::client_key::Digest;
use crate::request::Shared;

/// How often is looked: well within the two seconds in which a revocation has to reach every connection.
const TICK: Duration = Duration::from_millis(500);

/// How long what is open may go on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// After a secret that it began with is in use no longer.
    pub(crate) stream_grace: Duration,
    /// While the client takes nothing of what was handed over.
    pub(crate) write: Duration,
}

/// Why something open was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ended {
    /// The client's key counts no longer, or not for this.
    #[error("the client's key was revoked")]
    Revoked,
    /// A secret that it began with has been out of use for longer than the grace.
    #[error("a secret that it began with is in use no longer")]
    Withdrawn,
    /// The client takes nothing.
    #[error("the client takes nothing")]
    Stalled,
}

/// Something that is open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Open {
    place: usize,
    flag: Arc<Flag>,
    carried: Carried,
}

/// Counts the secrets of a binding among those under way, until it is dropped.
#[derive(Debug)]
struct Carried(Arc<Bound>);

impl Carried {
    fn by(bound: &Arc<Bound>) -> Self {
        for (_, tally) in &bound.tallies {
            tally.opened();
        }
        Self(Arc::clone(bound))
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        for (_, tally) in &self.0.tallies {
            tally.closed();
        }
    }
}

#[derive(Debug, Default)]
struct Flag {
    ended: AtomicU8,
    waker: AtomicWaker,
    /// When a piece was handed over that the client has not come back from, in milliseconds of this thread's clock; 0
    /// where it waits for the upstream.
    handed: AtomicU64,
}

/// What has to hold for it to go on.
struct Terms {
    caller: Arc<Caller>,
    /// Nothing where the client signs instead of sending its key.
    key: Option<Digest>,
    bound: Arc<Bound>,
    flag: Arc<Flag>,
    withdrawn: Option<Instant>,
}

struct Table {
    start: Instant,
    terms: Vec<Option<Terms>>,
    free: Vec<usize>,
}

impl Default for Table {
    fn default() -> Self {
        Self { start: Instant::now(), terms: Vec::new(), free: Vec::new() }
    }
}

thread_local! {
    static TABLE: RefCell<Table> = RefCell::default();
}

fn with_table<T>(work: impl FnOnce(&mut Table) -> T) -> Option<T> {
    TABLE.try_with(|table| table.try_borrow_mut().ok().map(|mut table| work(&mut table))).ok().flatten()
}

impl Open {
    /// Notes that a request of this caller is under way through this binding.
    pub(crate) fn begin(admitted: &Admitted, bound: &Arc<Bound>) -> Self {
        let flag = Arc::new(Flag::default());
        let terms = Terms {
            caller: Arc::clone(&admitted.caller),
            key: admitted.key,
            bound: Arc::clone(bound),
            flag: Arc::clone(&flag),
            withdrawn: None,
        };
        let place = with_table(|table| table.put(terms)).unwrap_or(usize::MAX);
        Self { place, flag, carried: Carried::by(bound) }
    }

    /// From here on another binding carries it.
    pub(crate) fn carry(&mut self, bound: &Arc<Bound>) {
        // Opened before the other one is closed: in no moment is nothing under way.
        self.carried = Carried::by(bound);
        with_table(|table| table.carry(self.place, bound));
    }

    /// What comes of `work`, unless it is ended before.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> Result<T, Refusal> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            ended = self.ended() => Err(answer::of_ended(ended)),
        }
    }

    /// Why it was ended, where it was; otherwise whoever asks is woken when it is.
    pub(crate) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.flag.waker.register(cx.waker());
        match self.flag.ended.load(Ordering::Acquire) {
            0 => Poll::Pending,
            1 => Poll::Ready(Ended::Revoked),
            2 => Poll::Ready(Ended::Withdrawn),
            _ => Poll::Ready(Ended::Stalled),
        }
    }

    /// Waits until it is ended.
    pub(crate) async fn ended(&self) -> Ended {
        poll_fn(|cx| self.poll_ended(cx)).await
    }

    /// Notes whether the client has a piece to take, or waits for one.
    pub(crate) fn handed_over(&self, handed: bool) {
        let now = || with_table(|table| table.millis()).unwrap_or(1);
        self.flag.handed.store(if handed { now() } else { 0 }, Ordering::Release);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        with_table(|table| table.take(self.place));
    }
}

impl Table {
    fn put(&mut self, terms: Terms) -> usize {
        match self.free.pop() {
            Some(place) => {
                if let Some(seat) = self.terms.get_mut(place) {
                    *seat = Some(terms);
                }
                place
            }
            None => {
                self.terms.push(Some(terms));
                self.terms.len().saturating_sub(1)
            }
        }
    }

    fn take(&mut self, place: usize) {
        if self.terms.get_mut(place).and_then(Option::take).is_some() {
            self.free.push(place);
        }
    }

    fn carry(&mut self, place: usize, bound: &Arc<Bound>) {
        if let Some(Some(terms)) = self.terms.get_mut(place) {
            terms.bound = Arc::clone(bound);
            terms.withdrawn = None;
        }
    }

    /// Never 0.
    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    fn look(&mut self, snapshot: Option<&Snapshot>, now: Timestamp, bounds: Bounds) {
        let millis = self.millis();
        let write = u64::try_from(bounds.write.as_millis()).unwrap_or(u64::MAX);
        for terms in self.terms.iter_mut().flatten() {
            let ended = snapshot.and_then(|snapshot| terms.broken(snapshot, now, bounds.stream_grace));
            let handed = terms.flag.handed.load(Ordering::Acquire);
            let stalled = handed != 0 && millis.saturating_sub(handed) > write;
            if let Some(ended) = ended.or(stalled.then_some(Ended::Stalled)) {
                terms.flag.ended.store(1 + ended as u8, Ordering::Release);
                terms.flag.waker.wake();
            }
        }
    }
}

impl Terms {
    /// Which of them no longer holds.
    fn broken(&mut self, snapshot: &Snapshot, now: Timestamp, grace: Duration) -> Option<Ended> {
        let caller = match &self.key {
            Some(key) => snapshot.keys.get(key),
            None => snapshot.signers.get(&self.caller.key_id).map(|signer| &signer.caller),
        };
        let may = caller.is_some_and(|caller| {
            let Caller { client, .. } = &**caller;
            client.is_live(now)
                && client.routes.allows(&self.bound.route)
                && client.environments.contains(&self.bound.environment)
        });
        if !may {
            return Some(Ended::Revoked);
        }
        let in_use = self.bound.tallies.iter().all(|(secret, _)| snapshot.secrets.contains_key(secret));
        if in_use {
            self.withdrawn = None;
            return None;
        }
        let since = self.withdrawn.get_or_insert_with(Instant::now);
        (since.elapsed() > grace).then_some(Ended::Withdrawn)
    }
}

/// Looks after all that is open on this thread, for as long as the thread serves.
pub(crate) async fn watch(shared: Arc<Shared>, bounds: Bounds) {
    loop {
        tokio::time::sleep(TICK).await;
        let snapshot = shared.snapshot.load_full();
        let now = shared.clock.now();
        with_table(|table| table.look(snapshot.as_deref(), now, bounds));
    }
}
