//! Phase 1: accept, TLS, HTTP/1.1 and HTTP/2, limits and time-outs on everything, drain on shutdown.
//!
//! Each worker is a thread with a runtime of its own, and accepts from the one listening socket. A connection stays
//! on the thread that accepted it, and so do the upstream connections that its requests use: nothing is shared that
//! would have to be waited for.

mod connection;
mod floods;
mod frames;
mod head;
mod multiplex;
mod seats;
mod stall;
mod unread;
mod wire;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use ipnet::IpNet;
use model::snapshot::Snapshot;
use model::time::{Clock, Entropy};
use outbound::Forwarder;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::admit::Admission;
use crate::limit::RateLimits;
use crate::open::{self, Bounds};
use crate::request::Shared;
use connection::Serving;
pub(crate) use multiplex::Flight;
use seats::Seats;
pub(crate) use unread::Answering;

/// What a gateway serves, and from what.
pub struct GatewayOptions {
    /// The listening socket; every worker accepts from it.
    pub listener: TcpListener,
    /// How many threads; at least one is started.
    pub workers: usize,
    /// TLS towards the clients; plain text where absent.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The snapshot as it is now; `None` is answered with 503 `no-snapshot`.
    pub snapshot: Arc<ArcSwapOption<Snapshot>>,
    /// The door to the upstreams; a pooled one.
    pub forwarder: Forwarder,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for the ids of requests.
    pub entropy: Arc<dyn Entropy>,
    /// `gateway.allow_private_upstreams`.
    pub allow_private: Vec<IpNet>,
    /// `gateway.trusted_proxies`.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds on what one connection may take.
    pub limits: Limits,
    /// How long an answer or a tunnel may go on after a secret that it began with is in use no longer.
    pub stream_grace: Duration,
}

/// Bounds on what clients may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections per worker. Where there is no room for more, those that have been idle the longest are ended;
    /// where none is idle, further ones wait in the listening socket's queue.
    pub connections: usize,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, from the end of the last one on: how long an idle connection is kept, too.
    pub head: Duration,
    /// How long a client may leave an answer unread.
    pub write: Duration,
    /// How long a client that has closed its side waits for an answer, or for the next piece of one. That it wants
    /// none any more looks the same until something is written to it; then its request to the upstream is given up.
    pub half_closed: Duration,
    /// How long a connection must have been idle before it is closed for draining. What a client sends at that very
    /// moment would be lost, so that there has to be a pause first; a request that still comes is answered, and told
    /// that it was the last one.
    pub parting: Duration,
    /// Header fields in one request.
    pub headers: usize,
    /// The size of a request's head, in bytes.
    pub head_size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(60),
            write: Duration::from_secs(60),
            half_closed: Duration::from_secs(10),
            parting: Duration::from_secs(1),
            headers: 100,
            head_size: 64 * 1024,
        }
    }
}

/// The gateway.
#[derive(Debug)]
pub struct Gateway;

/// A gateway that serves. Dropped, it stops at once.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<Stop>,
    workers: Mutex<Vec<JoinHandle<bool>>>,
}

/// How often a full worker looks whether somebody has become idle.
const FULL: Duration = Duration::from_millis(100);

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    No,
    /// Accept nothing more, finish what is in flight, at the latest at this moment.
    Drain(Instant),
    Now,
}

impl Gateway {
    /// Starts the workers.
    ///
    /// # Errors
    /// Where the socket cannot be shared or a thread or its runtime cannot be made.
    pub fn start(options: GatewayOptions) -> io::Result<Running> {
        let GatewayOptions {
            listener,
            workers,
            tls,
            snapshot,
            forwarder,
            clock,
            entropy,
            allow_private,
            trusted_proxies,
            limits,
            stream_grace,
        } = options;
        let bounds = Bounds { stream_grace, write: limits.write };
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let rates = RateLimits::new();
        let admission = Admission::new(trusted_proxies, &*entropy);
        let shared = Arc::new(Shared { snapshot, forwarder, clock, entropy, allow_private, rates, admission });
        let serving = Serving { shared, limits, tls: tls.map(TlsAcceptor::from) };
        let (stop, stopping) = watch::channel(Stop::No);
        let start = |number: usize| {
            let (listener, serving, stopping) = (listener.try_clone()?, serving.clone(), stopping.clone());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let work = move || runtime.block_on(work(listener, serving, stopping, bounds));
            thread::Builder::new().name(format!("gateway-{number}")).spawn(work)
        };
        let workers: io::Result<Vec<_>> = (0..workers.max(1)).map(start).collect();
        Ok(Running { address, stop, workers: Mutex::new(workers?) })
    }
}

impl Running {
    /// The address that is listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refuses new connections, lets requests in flight finish and open connections part with a last request for at most `timeout`, and returns when all workers
    /// have ended: whether every request could finish. Blocks; [`Running::abort`] from another thread cuts it short.
    pub fn drain(&self, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        self.stop.send_if_modified(|stop| {
            let first = *stop == Stop::No;
            if first {
                *stop = Stop::Drain(until);
            }
            first
        });
        self.join()
    }

    /// Stops at once, whatever is in flight, and returns when all workers have ended.
    pub fn abort(&self) {
        self.stop.send_replace(Stop::Now);
        self.join();
    }

    fn join(&self) -> bool {
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        let ends: Vec<bool> = workers.into_iter().map(|worker| worker.join().unwrap_or(false)).collect();
        ends.into_iter().all(|whole| whole)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.abort();
    }
}

/// One worker; whether all its requests could finish.
async fn work(listener: TcpListener, serving: Serving, mut stopping: watch::Receiver<Stop>, bounds: Bounds) -> bool {
    let mut connections = JoinSet::new();
    tokio::spawn(open::watch(Arc::clone(&serving.shared), bounds));
    match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => accept(listener, &serving, &stopping, &mut connections).await,
        Err(error) => tracing::error!(%error, "a gateway worker cannot listen"),
    }
    finish(connections, &mut stopping).await
}

async fn accept(
    listener: tokio::net::TcpListener,
    serving: &Serving,
    stopping: &watch::Receiver<Stop>,
    connections: &mut JoinSet<()>,
) {
    let mut told = stopping.clone();
    let mut stop = std::pin::pin!(told.wait_for(|stop| *stop != Stop::No));
    let mut seats = Seats::new();
    loop {
        let room = connections.len() < serving.limits.connections;
        if !room {
            seats.make_room();
        }
        tokio::select! {
            biased;
            // Also when nobody is left who could tell.
            _ = &mut stop => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = sleep(FULL), if !room => {}
            accepted = listener.accept(), if room => match accepted {
                Ok((stream, peer)) => {
                    let seat = seats.take();
                    connections.spawn(connection::serve(stream, peer, serving.clone(), seat, stopping.clone()));
                }
                // Out of descriptors, most likely: connections that end give some back.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
}

/// Waits for the connections: each has been told by `stopping` too.
async fn finish(mut connections: JoinSet<()>, stopping: &mut watch::Receiver<Stop>) -> bool {
    let until = match *stopping.borrow() {
        Stop::Drain(until) => until,
        Stop::No | Stop::Now => Instant::now(),
    };
    let all = async { while connections.join_next().await.is_some() {} };
    let whole = tokio::select! {
        done = timeout_at(until, all) => done.is_ok(),
        _ = stopping.wait_for(|stop| *stop == Stop::Now) => false,
    };
    connections.shutdown().await;
    whole
}
