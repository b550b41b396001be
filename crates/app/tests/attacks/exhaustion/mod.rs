//! Everything that runs out: connections, files, memory, patience. Others are answered all the while, and afterwards
//! everything is as it was.

mod clients;
mod files;
mod hostile;
mod idle;
mod upstreams;

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Connection, NodeOptions};

use crate::scene::{KEYROLL, Scene, client, route};
use hostile::Hostile;

/// How long somebody else may wait for an answer, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(15);

/// A scene with a route `bad` to an upstream that misbehaves.
pub(super) struct Stage {
    pub(super) scene: Scene,
    /// Of a client that may use every route.
    pub(super) key: String,
    pub(super) hostile: Hostile,
}

impl Stage {
    pub(super) fn start(hostile: Hostile) -> Self {
        Self::with(NodeOptions::new(KEYROLL).env("KEYROLL_LOG__LEVEL", "warn"), hostile)
    }

    pub(super) fn with(options: NodeOptions, hostile: Hostile) -> Self {
        let timeouts = json!({"timeouts": {"connect": "2s", "response": "2s", "idle": "2s"}});
        let scene = Scene::with(options, |node| route(node, "bad", &format!("http://{}", hostile.address), &timeouts));
        let key = client(&scene.node, "all", &json!(["*"]));
        scene.eventually("the new client is served", || {
            scene.node.gateway_get("/r/x", &[("Keyroll-Key", &key)]).status == 200
        });
        Self { scene, key, hostile }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.scene.node.gateway().trim_start_matches("http://").parse().unwrap()
    }

    /// The bytes of a request with a key.
    pub(super) fn request(&self, method: &str, path: &str, more: &str) -> String {
        format!("{method} {path} HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {}\r\n{more}\r\n", self.key)
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Somebody else's request to another route, on a new connection; how long it took.
    #[track_caller]
    pub(super) fn ask(&self) -> Duration {
        let begun = Instant::now();
        let request = self.request("GET", "/r/x", "Connection: close\r\n");
        let answered = Connection::open(self.scene.node.gateway()).and_then(|mut connection| {
            connection.stream().get_ref().set_read_timeout(Some(PATIENCE))?;
            connection.call(request.as_bytes())
        });
        assert_eq!(answered.unwrap_or_else(|e| panic!("somebody else got no answer: {e}")).status, 200);
        begun.elapsed()
    }

    /// Does this while somebody else asks all the time, on new connections and on one that is kept; then looks whether
    /// all is as before. The memory that the process holds may grow by this much at most, in MiB.
    #[track_caller]
    pub(super) fn while_others_are_answered<T>(&self, what: &str, growth: u64, attack: impl FnOnce() -> T) -> T {
        self.ask();
        let before = self.resident();
        let done = AtomicBool::new(false);
        let (result, asked, slowest, most) = thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let mut kept = Connection::open(self.scene.node.gateway()).unwrap();
                let get = self.request("GET", "/r/x", "");
                let (mut asked, mut slowest, mut most) = (0, Duration::ZERO, 0);
                let mut rests = Instant::now();
                while !done.load(Ordering::Relaxed) || asked == 0 {
                    slowest = slowest.max(self.ask());
                    let begun = Instant::now();
                    let answered = kept.call(get.as_bytes()).or_else(|error| {
                        // Where there is no room, one that has rested for long is hung up on; then its owner comes anew.
                        assert!(rests.elapsed() > Duration::from_millis(900), "a connection that is in use: {error}");
                        kept = Connection::open(self.scene.node.gateway())?;
                        kept.call(get.as_bytes())
                    });
                    assert_eq!(answered.unwrap().status, 200, "on a connection that is kept");
                    rests = Instant::now();
                    slowest = slowest.max(begun.elapsed());
                    most = most.max(self.resident());
                    asked += 1;
                    thread::sleep(Duration::from_millis(50));
                }
                (asked, slowest, most)
            });
            let ending = Ending(&done);
            let result = attack();
            drop(ending);
            let (asked, slowest, most) = asking.join().unwrap();
            (result, asked, slowest, most)
        });
        println!("{what}: {asked} others answered, the slowest after {slowest:?}; {before} MiB, {most} MiB at most");
        assert!(slowest < PATIENCE, "{what}: somebody else waited for {slowest:?}");
        assert!(most <= before + growth, "{what}: from {before} MiB to {most} MiB");
        self.assert_recovered(what);
        result
    }

    /// Twenty requests at a time get their answers, and so does the admin API.
    #[track_caller]
    pub(super) fn assert_recovered(&self, what: &str) {
        thread::scope(|scope| {
            let all: Vec<_> = (0..20).map(|_| scope.spawn(|| self.ask())).collect();
            for one in all {
                one.join().unwrap_or_else(|_| panic!("{what}: not everybody is answered afterwards"));
            }
        });
        self.scene.node.api("GET", "/v1/routes", None).expect(200);
        self.scene.assert_sound();
    }

    /// The memory that the process holds, in MiB.
    pub(super) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.scene.node.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}

/// Says at its end, and on a panic too, that the attack is over.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whether the other side has ended this connection; waits for it as long as a read does.
pub(super) fn has_ended(stream: &mut TcpStream) -> bool {
    use std::io::{ErrorKind, Read};
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}
