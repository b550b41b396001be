//! A network that fails when told to: a TCP forwarder in front of any server.

mod relay;

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a thread sleeps at most before it asks for the mode again.
const TICK: Duration = Duration::from_millis(10);

/// How long it may take until all threads keep to a new mode; a connection attempt is the longest.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the network does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything on, the end of a connection too.
    #[default]
    Pass,
    /// New connections are refused; those that are open go on.
    Refuse,
    /// All connections are reset: those that are open, and new ones as soon as they are accepted.
    Cut,
    /// No byte and no end of a connection passes, and nobody is told; new connections are accepted
    /// and not served. What was held back passes when the mode changes.
    BlackHole,
    /// What clients send arrives, and what the server answers does not, the end of a connection included.
    LoseAnswers,
    /// Every piece of data arrives this much later, in both directions, and in its order.
    Slow {
        /// Added to each direction: an answer comes twice as late.
        delay: Duration,
    },
}

/// The forwarder; its connections are reset when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Listens on a free loopback port and passes connections on to this address.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn start(to: impl Into<SocketAddr>) -> Self {
        let (listener, address) = listen();
        let shared = Arc::new(Shared::default());
        shared.enter(ACCEPTOR);
        let acceptor = {
            let (shared, to) = (Arc::clone(&shared), to.into());
            thread::spawn(move || accept(listener, address, to, &shared))
        };
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// Where it listens; the same after [`Mode::Refuse`].
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`FaultProxy::address`].
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Changes the mode; on return it holds for every connection.
    ///
    /// # Panics
    /// When a thread does not follow, such as one whose port was taken.
    #[track_caller]
    pub fn set(&self, mode: Mode) {
        self.shared.order(Some(mode));
    }

    /// Connections accepted since the start, whatever became of them.
    pub fn connections(&self) -> u64 {
        self.shared.state.lock().expect("no holder panics").accepted
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        let state = self.shared.state.lock().expect("no holder panics");
        state.seen.keys().filter(|k| **k != ACCEPTOR).count()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.state.lock().expect("no holder panics").turn(None);
        self.shared.changed.notify_all();
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Number of the accepting thread among those of the connections.
const ACCEPTOR: u64 = 0;

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// `None` at the end.
    mode: Option<Mode>,
    /// Counts the orders.
    order: u64,
    /// The latest order that each thread keeps to.
    seen: HashMap<u64, u64>,
    accepted: u64,
}

impl Default for State {
    fn default() -> Self {
        Self { mode: Some(Mode::Pass), order: 0, seen: HashMap::new(), accepted: 0 }
    }
}

impl State {
    fn turn(&mut self, mode: Option<Mode>) {
        self.mode = mode;
        self.order += 1;
    }
}

impl Shared {
    /// Gives the order and waits until every thread keeps to it: otherwise what a test does next
    /// might still see the mode before.
    #[track_caller]
    fn order(&self, mode: Option<Mode>) {
        let mut state = self.state.lock().expect("no holder panics");
        state.turn(mode);
        let order = state.order;
        self.changed.notify_all();
        let until = Instant::now() + PATIENCE;
        while state.seen.values().any(|seen| *seen < order) {
            assert!(Instant::now() < until, "a thread of the forwarder does not follow to {mode:?}");
            state = self.changed.wait_timeout(state, TICK).expect("no holder panics").0;
        }
    }

    /// The mode, and its order, to be named to [`Shared::keeps`].
    fn mode(&self) -> (Option<Mode>, u64) {
        let state = self.state.lock().expect("no holder panics");
        (state.mode, state.order)
    }

    /// This thread does nothing any more by an order before this one.
    fn keeps(&self, thread: u64, order: u64) {
        let before = self.state.lock().expect("no holder panics").seen.insert(thread, order);
        if before != Some(order) {
            self.changed.notify_all();
        }
    }

    fn enter(&self, thread: u64) {
        let mut state = self.state.lock().expect("no holder panics");
        let order = state.order;
        state.seen.insert(thread, order);
    }

    fn leave(&self, thread: u64) {
        self.state.lock().expect("no holder panics").seen.remove(&thread);
        self.changed.notify_all();
    }

    /// Sleeps until the mode may have changed.
    fn rest(&self) {
        let state = self.state.lock().expect("no holder panics");
        let _ = self.changed.wait_timeout(state, TICK).expect("no holder panics");
    }
}

fn listen() -> (TcpListener, SocketAddr) {
    // Another process may be faster: then another port.
    let bound = (0..5).find_map(|_| TcpListener::bind(("127.0.0.1", crate::port::free())).ok());
    let listener = bound.expect("a free loopback port");
    let address = listener.local_addr().expect("a bound socket has an address");
    (listener, address)
}

fn accept(listener: TcpListener, address: SocketAddr, to: SocketAddr, shared: &Arc<Shared>) {
    let mut listener = Some(listener);
    loop {
        let (mode, order) = shared.mode();
        match mode {
            None => break,
            Some(Mode::Refuse) => listener = None,
            // Nobody else is given this port by the kernel; see `port`.
            Some(_) if listener.is_none() => listener = TcpListener::bind(address).ok(),
            Some(_) => {}
        }
        match &listener {
            Some(listener) => {
                shared.keeps(ACCEPTOR, order);
                // A failed accept is the affair of a client that is gone.
                let _ = accept_waiting(listener, to, shared);
            }
            None => {
                if mode == Some(Mode::Refuse) {
                    shared.keeps(ACCEPTOR, order);
                }
                shared.rest();
            }
        }
    }
    shared.leave(ACCEPTOR);
}

fn accept_waiting(listener: &TcpListener, to: SocketAddr, shared: &Arc<Shared>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    relay::wait(&[(listener, rustix::event::PollFlags::IN)], TICK);
    let (client, _) = listener.accept()?;
    let number = {
        let mut state = shared.state.lock().expect("no holder panics");
        state.accepted += 1;
        state.accepted
    };
    shared.enter(number);
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        relay::run(client, to, number, &shared);
        shared.leave(number);
    });
    Ok(())
}
