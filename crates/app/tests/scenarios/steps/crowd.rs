//! Applications that call all the time, whoever serves them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Connection, Reply, wire};

/// Between two requests of one application.
const PAUSE: Duration = Duration::from_millis(20);
/// How soon it shows that the process which cut a request off is dead.
const NOTICE: Duration = Duration::from_secs(5);

/// What all applications know, and what became of their requests.
#[derive(Default)]
pub(super) struct Crowd {
    /// Where the gateway is; `None` while nobody serves.
    address: Mutex<Option<String>>,
    ending: AtomicBool,
    sent: AtomicU64,
    cut: AtomicU64,
    faults: Mutex<Vec<String>>,
}

impl Crowd {
    pub(super) fn served_at(&self, address: Option<&str>) {
        *self.address.lock().unwrap() = address.map(str::to_owned);
    }

    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// How many requests were answered.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many were cut off by a process that died.
    pub(super) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }

    /// What no valid key should meet with.
    pub(super) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }

    fn address(&self) -> Option<String> {
        self.address.lock().unwrap().clone()
    }

    /// One application: three requests that can be sent again, one that cannot, and so on.
    pub(super) fn call(&self, key: &str, paths: &[&str]) {
        let mut open: Option<(String, Connection)> = None;
        for number in 0_usize.. {
            if self.ending.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(PAUSE);
            let Some(address) = self.address() else { continue };
            let method = if number % 4 == 3 { "POST" } else { "GET" };
            let path = paths[number % paths.len()];
            let headers = [("Host", "gateway"), ("Keyroll-Key", key)];
            let request = wire::request(method, path, &headers, if method == "POST" { b"a body" } else { b"" });
            let kept = open.take().filter(|(at, _)| *at == address).map(|(_, connection)| connection);
            let connection = kept.map_or_else(|| Connection::open(&address), Ok);
            match connection.and_then(|mut connection| Ok((connection.call(&request)?, connection))) {
                Ok((reply, connection)) => {
                    self.answered(method, path, &reply);
                    let last = reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
                    open = (!last).then_some((address, connection));
                }
                Err(error) => self.cut_off(&address, &format!("{method} {path}: {error}")),
            }
        }
    }

    fn answered(&self, method: &str, path: &str, reply: &Reply) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        if reply.status != 200 {
            self.fault(format!("{method} {path}: {} {}", reply.status, reply.text()));
        }
    }

    /// Nothing is wrong with it where the process has died.
    fn cut_off(&self, address: &str, error: &str) {
        let until = Instant::now() + NOTICE;
        while self.address().as_deref() == Some(address) {
            if Instant::now() > until {
                return self.fault(format!("{error}, of a process that lives"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    fn fault(&self, fault: String) {
        self.faults.lock().unwrap().push(fault);
    }
}
