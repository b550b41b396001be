//! Connections to be used again, kept per thread: nothing is shared, so no request ever waits for a lock.
//!
//! One of HTTP/1.1 lies here while nobody uses it; one of HTTP/2 as long as it lives, since many use it at a time.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http2;
use model::upstream::{Host, Scheme, Upstream};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use crate::connection::{Connection, Sender, Share, Usage};
use crate::wire::Meter;
use crate::{OutBody, TlsSettings};

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

/// How many requests share a connection of HTTP/2 before another one is made: what servers commonly allow.
const STREAMS: usize = 100;

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
        let tls = if upstream.scheme().is_plain() { TlsSettings::default() } else { tls.clone() };
        Self { scheme: upstream.scheme(), host: upstream.host().clone(), port: upstream.port(), tls }
    }
}

struct Idle {
    connection: Connection,
    until: Instant,
}

/// A connection that many requests share.
struct Trunk {
    sender: http2::SendRequest<OutBody>,
    usage: Arc<Usage>,
    meter: Arc<Meter>,
    peer: std::net::IpAddr,
    limits: PoolLimits,
    made: Instant,
    until: Instant,
}

impl Trunk {
    fn connection(&self) -> Connection {
        let sender = Sender::Http2(self.sender.clone(), Share::of(&self.usage));
        Connection { sender, meter: Arc::clone(&self.meter), peer: self.peer }
    }

    /// Whether one more stream can be opened now, as far as is known.
    fn has_room(&self) -> bool {
        // An upstream that allows none at the moment is asked with one, which waits for its turn.
        self.usage.streams() < self.usage.allowed().clamp(1, STREAMS)
    }

    fn is_over(&self) -> bool {
        self.sender.is_closed() || self.usage.is_abandoned()
    }
}

#[derive(Default)]
struct Shelf {
    idle: HashMap<Key, Vec<Idle>>,
    trunks: HashMap<Key, Vec<Trunk>>,
    dialling: HashMap<Key, Arc<Notify>>,
    /// Upstreams that were seen to speak HTTP/2.
    many: HashSet<Key>,
    sweeping: bool,
}

/// More upstreams than this are not remembered: they are then met as for the first time.
const REMEMBERED: usize = 10_000;

thread_local! {
    static SHELF: RefCell<Shelf> = RefCell::default();
}

/// Runs `work` on this thread's shelf; nothing where the thread is ending.
fn with_shelf<T>(work: impl FnOnce(&mut Shelf) -> T) -> Option<T> {
    SHELF.try_with(|shelf| shelf.try_borrow_mut().ok().map(|mut shelf| work(&mut shelf))).ok().flatten()
}

/// Takes the connection that was used last, for it is the least likely to have been closed meanwhile. With `since`, only
/// one that was made after that moment, and that many can use.
///
/// `usable` is asked about the peer of each: what may be dialled can have changed since it was.
pub(crate) fn take(key: &Key, since: Option<Instant>, usable: impl Fn(std::net::IpAddr) -> bool) -> Option<Connection> {
    with_shelf(|shelf| {
        let trunk = shelf.trunk(key, since, &usable);
        trunk.or_else(|| if since.is_none() { shelf.idle(key, &usable) } else { None })
    })
    .flatten()
}

impl Shelf {
    fn trunk(
        &mut self,
        key: &Key,
        since: Option<Instant>,
        usable: &impl Fn(std::net::IpAddr) -> bool,
    ) -> Option<Connection> {
        let list = self.trunks.get_mut(key)?;
        list.retain(|trunk| !trunk.is_over());
        let now = Instant::now();
        let is_new = |trunk: &Trunk| since.is_none_or(|since| trunk.made > since);
        let trunk = list.iter_mut().find(|trunk| trunk.has_room() && is_new(trunk) && usable(trunk.peer))?;
        trunk.until = now + trunk.limits.idle;
        Some(trunk.connection())
    }

    fn idle(&mut self, key: &Key, usable: &impl Fn(std::net::IpAddr) -> bool) -> Option<Connection> {
        let list = self.idle.get_mut(key)?;
        let now = Instant::now();
        loop {
            let Some(Idle { connection, until }) = list.pop() else {
                self.idle.remove(key);
                return None;
            };
            if until > now && connection.is_ready() && usable(connection.peer) {
                return Some(connection);
            }
        }
    }

    fn sweep_later(&mut self) {
        if !std::mem::replace(&mut self.sweeping, true) {
            tokio::spawn(sweep(Sweeping));
        }
    }
}

fn put(key: Key, connection: Connection, limits: PoolLimits) {
    with_shelf(|shelf| {
        let list = shelf.idle.entry(key).or_default();
        if list.len() < limits.per_upstream {
            list.push(Idle { connection, until: Instant::now() + limits.idle });
        }
        shelf.sweep_later();
    });
}

/// Lets others use a new connection too, where its protocol can.
pub(crate) fn share(key: &Key, connection: &Connection, limits: PoolLimits) {
    let Sender::Http2(sender, share) = &connection.sender else { return };
    let (sender, usage) = (sender.clone(), Arc::clone(share.usage()));
    let (meter, peer, made) = (Arc::clone(&connection.meter), connection.peer, Instant::now());
    with_shelf(|shelf| {
        if shelf.many.len() < REMEMBERED {
            shelf.many.insert(key.clone());
        }
        let trunk = Trunk { sender, usage, meter, peer, limits, made, until: made + limits.idle };
        shelf.trunks.entry(key.clone()).or_default().push(trunk);
        shelf.sweep_later();
    });
}

/// Whose turn it is to connect.
pub(crate) enum Turn {
    /// This request's.
    Ours(Dialling),
    /// Another's: told when it has a connection, which can be shared, or none.
    Theirs(Arc<Notify>),
}

/// Others wait for this request to connect, until it is dropped.
pub(crate) struct Dialling(Option<Key>);

impl Drop for Dialling {
    fn drop(&mut self) {
        let Some(key) = self.0.take() else { return };
        if let Some(waiting) = with_shelf(|shelf| shelf.dialling.remove(&key)).flatten() {
            waiting.notify_waiters();
        }
    }
}

/// To an upstream of HTTP/2 one connects for all: a burst of requests would otherwise make a connection each.
pub(crate) fn turn(key: &Key) -> Turn {
    let turn = with_shelf(|shelf| {
        if key.scheme != Scheme::H2c && !shelf.many.contains(key) {
            return Turn::Ours(Dialling(None));
        }
        if let Some(waiting) = shelf.dialling.get(key) {
            return Turn::Theirs(Arc::clone(waiting));
        }
        shelf.dialling.insert(key.clone(), Arc::default());
        Turn::Ours(Dialling(Some(key.clone())))
    });
    turn.unwrap_or(Turn::Ours(Dialling(None)))
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
                list.retain(|idle| idle.until > now && !idle.connection.is_closed());
                !list.is_empty()
            });
            shelf.trunks.retain(|_, list| {
                for trunk in list.iter_mut().filter(|trunk| trunk.usage.streams() > 0) {
                    trunk.until = now + trunk.limits.idle;
                }
                list.retain(|trunk| trunk.until > now && !trunk.is_over());
                !list.is_empty()
            });
            let trunks = shelf.trunks.values().flatten().map(|trunk| trunk.until);
            shelf.idle.values().flatten().map(|idle| idle.until).chain(trunks).min()
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
        let Self { connection, key, limits } = self;
        let Connection { sender: Sender::Http1(mut sender), meter, peer } = connection else {
            // Its share ends here; the connection has been on the shelf all the time.
            return;
        };
        if sender.is_closed() || Handle::try_current().is_err() {
            return;
        }
        if sender.is_ready() {
            put(key, Connection { sender: Sender::Http1(sender), meter, peer }, limits);
            return;
        }
        // The answer is complete but the request is not yet: an upstream may answer early. The task also lets the
        // connection's own task see that the answer was read.
        tokio::spawn(async move {
            if let Ok(Ok(())) = timeout(limits.idle, sender.ready()).await {
                put(key, Connection { sender: Sender::Http1(sender), meter, peer }, limits);
            }
        });
    }
}
