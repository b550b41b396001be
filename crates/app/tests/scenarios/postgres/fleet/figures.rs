//! What the machine does meanwhile, for whoever wants to see it: every five seconds a line.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use testkit::postgres::Database;

use super::doors::Doors;
use super::script::Script;
use super::traffic::Traffic;

const PACE: Duration = Duration::from_secs(5);
/// Of a processor's time, as Linux counts it in `/proc`.
const TICKS_PER_SECOND: f64 = 100.0;

/// Looks at processes and at the database.
pub(super) struct Figures<'a> {
    doors: &'a Doors,
    database: &'a Database,
}

impl<'a> Figures<'a> {
    pub(super) fn new(doors: &'a Doors, database: &'a Database) -> Self {
        Self { doors, database }
    }

    /// Until the script is through.
    pub(super) fn follow(&self, script: &Script<'_>, traffic: &Traffic<'_>) {
        let begun = Instant::now();
        let mut before = (Instant::now(), self.cpu(), self.transactions(), 0_u64);
        while !script.done.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
            if before.0.elapsed() < PACE {
                continue;
            }
            let now = (Instant::now(), self.cpu(), self.transactions(), traffic.sent.load(Ordering::Relaxed));
            let seconds = (now.0 - before.0).as_secs_f64();
            let part = |which: usize| (now.1[which] - before.1[which]).max(0.0) / seconds;
            println!(
                "{:4.0} s: {} started, {} ended; processors: nodes {:.2} and {:.2}, database {:.2}; \
                 {:.0} transactions/s, {:.0} requests/s",
                begun.elapsed().as_secs_f64(),
                script.started(),
                script.ended(),
                part(0),
                part(1),
                part(2),
                (now.2 - before.2) / seconds,
                (now.3 - before.3) as f64 / seconds,
            );
            before = now;
        }
    }

    /// Seconds of both nodes and of the database's processes, as far as they live.
    fn cpu(&self) -> [f64; 3] {
        let [one, two] = [0, 1].map(|node| self.doors.pid(node).map_or(0.0, |pid| used(&pid.to_string())));
        let backends =
            fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let backends = backends.filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.starts_with(b"postgres: ") && String::from_utf8_lossy(&line).contains(self.database.name())
        });
        [one, two, backends.map(|pid| used(&pid)).sum()]
    }

    fn transactions(&self) -> f64 {
        let sql = "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()";
        self.database.psql(sql).unwrap().trim().parse().unwrap()
    }
}

fn used(pid: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name, which may hold anything: state, and then numbers; 11 and 12 further are user and system time.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_PER_SECOND
}
