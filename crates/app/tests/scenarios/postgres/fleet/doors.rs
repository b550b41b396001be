//! Two nodes behind one door: who finds one gone goes to the other, as behind a load balancer.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{Connection, Reply, TestNode, wire};

use super::super::{Cluster, TOKEN};

/// How long one who asks goes from door to door.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which listener of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listener {
    Gateway,
    Admin,
}

/// Where the nodes listen, and the nodes themselves.
pub(super) struct Doors {
    cluster: Mutex<Cluster>,
    addresses: RwLock<Vec<[String; 2]>>,
    /// The processes, while they run.
    pids: RwLock<Vec<Option<u32>>>,
    /// Whether a node is being killed, is gone, or has just come back: no other time has a reason to send again.
    trouble: AtomicBool,
    /// Requests that were sent again at another door.
    pub(super) again: AtomicU64,
}

impl Doors {
    pub(super) fn new(cluster: Cluster) -> Self {
        let addresses = cluster.nodes.iter().map(|node| [node.gateway().to_owned(), node.admin().to_owned()]).collect();
        let pids = cluster.nodes.iter().map(|node| Some(node.pid())).collect();
        Self {
            cluster: Mutex::new(cluster),
            addresses: RwLock::new(addresses),
            pids: RwLock::new(pids),
            trouble: AtomicBool::new(false),
            again: AtomicU64::new(0),
        }
    }

    /// Does something with a node.
    pub(super) fn with<T>(&self, number: usize, act: impl FnOnce(&mut TestNode) -> T) -> T {
        act(&mut self.cluster.lock().unwrap().nodes[number])
    }

    /// kill -9; some time later the node is started again and, once it is ready, is given requests.
    pub(super) fn kill_and_restart(&self, number: usize, gone_for: Duration) {
        self.trouble.store(true, Ordering::SeqCst);
        self.with(number, TestNode::kill);
        self.pids.write().unwrap()[number] = None;
        std::thread::sleep(gone_for);
        let (addresses, pid) = self.with(number, |node| {
            node.restart();
            ([node.gateway().to_owned(), node.admin().to_owned()], node.pid())
        });
        self.addresses.write().unwrap()[number] = addresses;
        self.pids.write().unwrap()[number] = Some(pid);
        std::thread::sleep(Duration::from_secs(1));
        self.trouble.store(false, Ordering::SeqCst);
    }

    /// The process of a node, while it runs.
    pub(super) fn pid(&self, number: usize) -> Option<u32> {
        self.pids.read().unwrap()[number]
    }

    fn address(&self, node: usize, listener: Listener) -> String {
        self.addresses.read().unwrap()[node][usize::from(listener == Listener::Admin)].clone()
    }
}

/// A caller with its connections.
pub(super) struct Caller<'a> {
    doors: &'a Doors,
    listener: Listener,
    open: [Option<(String, Connection)>; 2],
}

impl<'a> Caller<'a> {
    pub(super) fn new(doors: &'a Doors, listener: Listener) -> Self {
        Self { doors, listener, open: [None, None] }
    }

    /// Asks the preferred node, and the other one where a connection is refused or ends without an answer.
    pub(super) fn call(&mut self, prefer: usize, request: &[u8]) -> Result<Reply, String> {
        let begun = Instant::now();
        let mut node = prefer % 2;
        loop {
            let trouble = self.doors.trouble.load(Ordering::SeqCst);
            let error = match self.ask(node, request) {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            // What ended just before the sign was set had its reason all the same.
            let reason = trouble || self.doors.trouble.load(Ordering::SeqCst);
            if !reason || begun.elapsed() > PATIENCE || error.kind() == io::ErrorKind::WouldBlock {
                return Err(format!("no answer of node {node}, trouble {reason}: {error}"));
            }
            self.doors.again.fetch_add(1, Ordering::Relaxed);
            node = 1 - node;
        }
    }

    fn ask(&mut self, node: usize, request: &[u8]) -> io::Result<Reply> {
        let address = self.doors.address(node, self.listener);
        let kept = self.open[node].take().filter(|(at, _)| *at == address);
        let mut connection = match kept {
            Some((_, connection)) => connection,
            None => Connection::open(&address)?,
        };
        let reply = connection.call(request)?;
        // A listener ends connections that nobody uses for a while, as operators do; traffic never rests for so long.
        let stays = reply.header("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close"));
        if stays && self.listener == Listener::Gateway {
            self.open[node] = Some((address, connection));
        }
        Ok(reply)
    }

    /// A request to the admin API. Repeated at another node it is the same one: what changes something has a key.
    pub(super) fn api(&mut self, prefer: usize, method: &str, path: &str, key: &str, body: Option<&Value>) -> Reply {
        let token = format!("Bearer {TOKEN}");
        let mut headers = vec![("Host", "admin"), ("Authorization", token.as_str())];
        if method == "POST" {
            headers.extend([("Idempotency-Key", key), ("Content-Type", "application/json")]);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = wire::request(method, path, &headers, body.as_bytes());
        let begun = Instant::now();
        loop {
            let reply = self.call(prefer, &request).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
            // A database that is busy is away for a moment, and says so: the same request is the same one later.
            if reply.status != 503 || begun.elapsed() > PATIENCE {
                return reply;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}
