//! A real server in the place of a third party: it keeps what it is sent and answers as told.

mod answer;
mod feed;
mod serve;
mod tls;

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::ServerConfig;

use crate::wire::{self, Headers};
pub use answer::Answer;
pub use feed::Feed;
pub use tls::Authority;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Number of the connection that carried it, from 0 in the order accepted.
    pub connection: u64,
    /// The certificate that the client showed, in DER.
    pub certificate: Option<Vec<u8>>,
    /// Request line and header lines, byte for byte, including the blank line.
    pub head: Vec<u8>,
    /// Method of the request line.
    pub method: String,
    /// Target of the request line, with its query.
    pub target: String,
    /// Header lines in the order received.
    pub headers: Headers,
    /// The body without its chunk framing.
    pub body: Vec<u8>,
    /// Trailer lines of a chunked body.
    pub trailers: Headers,
}

impl Recorded {
    /// The first value of this header, compared without case.
    pub fn header(&self, name: &str) -> Option<String> {
        wire::first(&self.headers, name)
    }

    /// Every value of this header, in order.
    pub fn all(&self, name: &str) -> Vec<String> {
        let same = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        same.map(|(_, v)| String::from_utf8_lossy(v).into_owned()).collect()
    }
}

/// The server; it stops, and its connections are closed, when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    shared: Arc<Shared>,
    address: SocketAddr,
    scheme: &'static str,
    acceptor: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Starts on a free loopback port and answers by this function, which runs on the thread of
    /// the connection.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn start(answer: impl Fn(&Recorded) -> Answer + Send + Sync + 'static) -> Self {
        Self::launch(answer, None)
    }

    /// Starts and answers every request with 200 and `ok`.
    pub fn ok() -> Self {
        Self::start(|_| Answer::text(200, "ok"))
    }

    /// As [`Upstream::start`], under TLS with a certificate of this authority for these names
    /// (host names or IP addresses).
    pub fn tls(
        authority: &Authority,
        names: &[&str],
        answer: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::launch(answer, Some(authority.issue(names, None)))
    }

    /// As [`Upstream::tls`], for clients that show a certificate of the authority `clients` alone.
    pub fn mutual_tls(
        authority: &Authority,
        names: &[&str],
        clients: &Authority,
        answer: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::launch(answer, Some(authority.issue(names, Some(clients))))
    }

    /// `http://127.0.0.1:PORT` or `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The loopback address and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers by this function from the next request on.
    pub fn answer_with(&self, answer: impl Fn(&Recorded) -> Answer + Send + Sync + 'static) {
        *self.shared.answer.write().expect("no holder panics") = Arc::new(answer);
    }

    /// What was received so far, in the order of arrival.
    pub fn records(&self) -> Vec<Recorded> {
        self.shared.records.lock().expect("no holder panics").clone()
    }

    /// The latest request.
    ///
    /// # Panics
    /// When there was none.
    #[track_caller]
    pub fn last(&self) -> Recorded {
        self.records().pop().expect("the upstream received a request")
    }

    /// How many requests were received since the start or [`Upstream::clear`].
    pub fn count(&self) -> usize {
        self.shared.records.lock().expect("no holder panics").len()
    }

    /// How many connections were accepted since the start.
    pub fn connections(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Forgets what was received.
    pub fn clear(&self) {
        self.shared.records.lock().expect("no holder panics").clear();
    }

    /// Waits up to 10 s for this many requests and returns all.
    ///
    /// # Panics
    /// When they do not come.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Recorded> {
        let until = Instant::now() + Duration::from_secs(10);
        while self.count() < count {
            assert!(Instant::now() < until, "{} of {count} requests came", self.count());
            thread::sleep(Duration::from_millis(5));
        }
        self.records()
    }

    /// Heads, bodies and trailers of all requests, for a leak watch that must find its plants here.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for request in self.records() {
            all.extend_from_slice(&request.head);
            all.extend_from_slice(&request.body);
            for (_, value) in &request.trailers {
                all.extend_from_slice(value);
            }
        }
        all
    }

    /// Closes every connection that is open now, as a third party does that restarts.
    pub fn cut(&self) {
        for (_, stream) in self.shared.open.lock().expect("no holder panics").drain() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn launch(answer: impl Fn(&Recorded) -> Answer + Send + Sync + 'static, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            answer: RwLock::new(Arc::new(answer)),
            records: Mutex::default(),
            open: Mutex::default(),
            accepted: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        });
        let acceptor = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, &shared, tls.as_ref()))
        };
        Self { shared, address, scheme, acceptor: Some(acceptor) }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        self.cut();
    }
}

type AnswerFn = dyn Fn(&Recorded) -> Answer + Send + Sync;

struct Shared {
    answer: RwLock<Arc<AnswerFn>>,
    records: Mutex<Vec<Recorded>>,
    open: Mutex<HashMap<u64, TcpStream>>,
    accepted: AtomicU64,
    stopping: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("accepted", &self.accepted).finish_non_exhaustive()
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, tls: Option<&Arc<ServerConfig>>) {
    while let Ok((stream, _)) = listener.accept() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
        let (shared, tls) = (Arc::clone(shared), tls.cloned());
        thread::spawn(move || {
            // How a connection ends is the peer's affair; what it sent is in the record.
            let _: io::Result<()> = serve::connection(stream, tls, number, &shared);
            shared.open.lock().expect("no holder panics").remove(&number);
        });
    }
}
