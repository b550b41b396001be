//! Idle connections, kept per thread: nothing is shared, so no request ever waits for a lock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use model::upstream::{Host, Scheme, Upstream};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::TlsSettings;
use crate::connection::Connection;

/// How many idle connections are kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// How long an unused connection is kept; shorter than most servers keep theirs, because a request on a
    /// connection that the server is just closing may be lost.
    pub idle: Duration,
    /// How many unused connections to one upstream a thread keeps.
    pub per_upstream: usize,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { idle: Duration::from_secs(30), per_upstream: 256 }
    }
}

/// What two requests must have in common to use the same connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    scheme: Scheme,
    host: Host,
    port: u16,
    tls: TlsSettings,
}

impl Key {
    pub(crate) fn new(upstream: &Upstream, tls: &TlsSettings) -> Self {
        let tls = match upstream.scheme() {
            Scheme::Http => TlsSettings::default(),
            Scheme::Https => tls.clone(),
        };
        Self { scheme: upstream.scheme(), host: upstream.host().clone(), port: upstream.port(), tls }
    }
}

struct Idle {
    connection: Connection,
    until: Instant,
}

#[derive(Default)]
struct Shelf {
    idle: HashMap<Key, Vec<Idle>>,
    sweeping: bool,
}

thread_local! {
    static SHELF: RefCell<Shelf> = RefCell::default();
}

/// Runs `work` on this thread's shelf; nothing where the thread is ending.
fn with_shelf<T>(work: impl FnOnce(&mut Shelf) -> T) -> Option<T> {
    SHELF.try_with(|shelf| shelf.try_borrow_mut().ok().map(|mut shelf| work(&mut shelf))).ok().flatten()
}

/// Takes the connection that was used last, for it is the least likely to have been closed meanwhile.
///
/// `usable` is asked about each: what may be dialled can have changed since it was.
pub(crate) fn take(key: &Key, usable: impl Fn(&Connection) -> bool) -> Option<Connection> {
    with_shelf(|shelf| {
        let list = shelf.idle.get_mut(key)?;
        let now = Instant::now();
        loop {
            let Some(Idle { connection, until }) = list.pop() else {
                shelf.idle.remove(key);
                return None;
            };
            if until > now && connection.sender.is_ready() && usable(&connection) {
                return Some(connection);
            }
        }
    })
    .flatten()
}

fn put(key: Key, connection: Connection, limits: PoolLimits) {
    with_shelf(|shelf| {
        let list = shelf.idle.entry(key).or_default();
        if list.len() < limits.per_upstream {
            list.push(Idle { connection, until: Instant::now() + limits.idle });
        }
        if !std::mem::replace(&mut shelf.sweeping, true) {
            tokio::spawn(sweep(Sweeping));
        }
    });
}

/// Says that no sweep is running, also when its runtime ended under it.
struct Sweeping;

impl Drop for Sweeping {
    fn drop(&mut self) {
        with_shelf(|shelf| shelf.sweeping = false);
    }
}

/// Closes connections whose time is over; ends when none is left.
async fn sweep(running: Sweeping) {
    loop {
        let now = Instant::now();
        let next = with_shelf(|shelf| {
            shelf.idle.retain(|_, list| {
                list.retain(|idle| idle.until > now && !idle.connection.sender.is_closed());
                !list.is_empty()
            });
            shelf.idle.values().flatten().map(|idle| idle.until).min()
        });
        match next.flatten() {
            Some(until) => sleep_until(until).await,
            None => break,
        }
    }
    drop(running);
}

/// A connection in use, with where it goes afterwards.
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    pub(crate) key: Key,
    pub(crate) limits: PoolLimits,
}

impl Lease {
    /// Puts the connection on the shelf as soon as it can take another request.
    pub(crate) fn give_back(self) {
        let Self { mut connection, key, limits } = self;
        if connection.sender.is_closed() || Handle::try_current().is_err() {
            return;
        }
        if connection.sender.is_ready() {
            put(key, connection, limits);
            return;
        }
        // The answer is complete but the request is not yet: an upstream may answer early. The task also lets the
        // connection's own task see that the answer was read.
        tokio::spawn(async move {
            if let Ok(Ok(())) = timeout(limits.idle, connection.sender.ready()).await {
                put(key, connection, limits);
            }
        });
    }
}
