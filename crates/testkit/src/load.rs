//! A closed-loop load: N connections kept alive, M requests in all, every answer counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::wire::{Connection, Reply};

/// Different bodies kept in a report; more are counted under an empty-handed `…`.
const BODIES_KEPT: usize = 64;

/// What to send, and how much of it.
pub struct LoadPlan<'a> {
    /// `host:port` or `http://host:port`.
    pub address: &'a str,
    /// Connections, each driven by a thread of its own.
    pub connections: usize,
    /// Requests over all connections.
    pub total: u64,
    /// The bytes of request number n (from 0); see [`crate::wire::request`].
    pub request: &'a (dyn Fn(u64) -> Vec<u8> + Sync),
}

/// What came back.
#[derive(Debug, Default)]
pub struct LoadReport {
    /// Answers by status code.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers by body; after 64 different ones the rest is counted under `…`.
    pub bodies: BTreeMap<Vec<u8>, u64>,
    /// Requests that got no whole answer, each with its number and the reason.
    pub errors: Vec<String>,
    /// Connections opened: as many as planned unless the server closed some.
    pub opened: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

impl LoadReport {
    /// Asserts that each of `total` requests got this status.
    ///
    /// # Panics
    /// When not; the message shows the statuses, the first errors and the first bodies.
    #[track_caller]
    pub fn assert_all(&self, status: u16, total: u64) {
        let good = self.statuses.get(&status).copied().unwrap_or_default();
        assert!(
            good == total && self.errors.is_empty(),
            "{good} of {total} answers were {status}; statuses {:?}; errors {:?}; bodies {:?}",
            self.statuses,
            self.errors.iter().take(5).collect::<Vec<_>>(),
            self.bodies.keys().take(5).map(|b| String::from_utf8_lossy(b)).collect::<Vec<_>>(),
        );
    }

    fn count(&mut self, reply: Reply) {
        *self.statuses.entry(reply.status).or_default() += 1;
        let known = self.bodies.len() < BODIES_KEPT || self.bodies.contains_key(&reply.body);
        let body = if known { reply.body } else { "…".as_bytes().to_vec() };
        *self.bodies.entry(body).or_default() += 1;
    }

    fn merge(&mut self, other: Self) {
        for (status, n) in other.statuses {
            *self.statuses.entry(status).or_default() += n;
        }
        for (body, n) in other.bodies {
            *self.bodies.entry(body).or_default() += n;
        }
        self.errors.extend(other.errors);
        self.opened += other.opened;
    }
}

/// Sends the load and waits for its end. A failed request is reported and never sent again; the
/// connection is opened anew after a failure and after an answer with `Connection: close`.
pub fn run(plan: &LoadPlan<'_>) -> LoadReport {
    let next = AtomicU64::new(0);
    let begun = Instant::now();
    let mut report = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.connections).map(|_| scope.spawn(|| drive(plan, &next))).collect();
        let mut all = LoadReport::default();
        for worker in workers {
            all.merge(worker.join().expect("a load worker does not panic"));
        }
        all
    });
    report.elapsed = begun.elapsed();
    report
}

fn drive(plan: &LoadPlan<'_>, next: &AtomicU64) -> LoadReport {
    let mut report = LoadReport::default();
    let mut open: Option<Connection> = None;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= plan.total {
            return report;
        }
        let answered = match open.take() {
            Some(connection) => Ok(connection),
            None => {
                report.opened += 1;
                Connection::open(plan.address)
            }
        }
        .and_then(|mut connection| {
            let reply = connection.call(&(plan.request)(number))?;
            Ok((connection, reply))
        });
        match answered {
            Ok((connection, reply)) => {
                let closing = reply.header("connection");
                if !closing.is_some_and(|v| v.eq_ignore_ascii_case("close")) {
                    open = Some(connection);
                }
                report.count(reply);
            }
            Err(error) => report.errors.push(format!("request {number}: {error}")),
        }
    }
}
