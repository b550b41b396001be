//! Steady traffic over all places, by both nodes, of which no request may fail.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use testkit::wire;

use super::doors::{Caller, Doors, Listener};

/// A route in an environment.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) route: String,
    pub(super) environment: &'static str,
}

/// What all drivers share.
pub(super) struct Traffic<'a> {
    pub(super) doors: &'a Doors,
    pub(super) places: &'a [Place],
    /// The keys of the clients, by environment.
    pub(super) keys: &'a [(&'static str, String)],
    /// Requests a second, by all drivers together.
    pub(super) rate: u32,
    pub(super) ending: AtomicBool,
    next: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) slowest: RwLock<Duration>,
    pub(super) faults: Mutex<Vec<String>>,
}

impl<'a> Traffic<'a> {
    pub(super) fn new(doors: &'a Doors, places: &'a [Place], keys: &'a [(&'static str, String)], rate: u32) -> Self {
        Self {
            doors,
            places,
            keys,
            rate,
            ending: AtomicBool::new(false),
            next: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            slowest: RwLock::default(),
            faults: Mutex::default(),
        }
    }

    /// The request of this number: every place in turn, one in three with a body that can be sent twice.
    pub(super) fn request(&self, place: &Place, number: u64) -> Vec<u8> {
        let key = &self.keys.iter().find(|(environment, _)| *environment == place.environment).unwrap().1;
        let path = format!("/{0}/{0}/v1/{number}", place.route);
        let headers = [("Host", "gateway"), ("Keyroll-Key", key.as_str())];
        match number % 3 {
            0 => wire::request("POST", &path, &headers, &[b'x'; 700]),
            _ => wire::request("GET", &path, &headers, b""),
        }
    }

    /// One driver's part, until the end is asked for.
    pub(super) fn drive(&self, drivers: u32) {
        let mut caller = Caller::new(self.doors, Listener::Gateway);
        let pause = Duration::from_secs(1) * drivers / self.rate;
        let mut due = Instant::now();
        while !self.ending.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let places = u64::try_from(self.places.len()).unwrap();
            let place = &self.places[usize::try_from(number % places).unwrap()];
            // Each place is asked for at both nodes in turn.
            let node = usize::try_from((number + number / places) % 2).unwrap();
            let begun = Instant::now();
            let reply = self.caller_says(&mut caller, node, place, number);
            self.sent.fetch_add(1, Ordering::Relaxed);
            if let Err(fault) = reply {
                self.faults.lock().unwrap().push(format!("{place:?} by node {node}: {fault}"));
            }
            let took = begun.elapsed();
            if took > *self.slowest.read().unwrap() {
                *self.slowest.write().unwrap() = took;
            }
            due += pause;
            match due.checked_duration_since(Instant::now()) {
                Some(rest) => std::thread::sleep(rest),
                // What was missed is not caught up with.
                None => due = Instant::now(),
            }
        }
    }

    /// The number of the value that the stand-in took.
    pub(super) fn caller_says(
        &self,
        caller: &mut Caller<'_>,
        node: usize,
        place: &Place,
        number: u64,
    ) -> Result<usize, String> {
        let reply = caller.call(node, &self.request(place, number))?;
        if reply.status != 200 {
            return Err(format!("{} {}", reply.status, reply.text()));
        }
        reply.text().parse().map_err(|_| format!("an answer of somebody else: {}", reply.text()))
    }
}
