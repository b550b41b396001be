//! What was measured: times and sizes by name and engine.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// All figures of a run, in the order in which they were first taken.
#[derive(Default)]
pub(crate) struct Figures {
    engine: &'static str,
    all: Vec<Value>,
    /// The version of the server.
    pub(crate) postgres: String,
}

impl Figures {
    /// From here on the figures are of this engine.
    pub(crate) fn begin(&mut self, engine: &'static str) {
        self.engine = engine;
        eprintln!("── {engine}");
    }

    /// Adds durations as milliseconds.
    pub(crate) fn times(&mut self, table: &str, what: &str, mut taken: Vec<Duration>) {
        taken.sort_unstable();
        let millis = |at: usize| taken[at].as_secs_f64() * 1000.0;
        let (min, median, max) = (millis(0), millis(taken.len() / 2), millis(taken.len() - 1));
        eprintln!("   {what}: median {median:.2} ms, {min:.2} to {max:.2} ms, {} times", taken.len());
        self.add(table, what, "ms", &json!({"times": taken.len(), "min": min, "median": median, "max": max}));
    }

    /// Adds one size in MiB.
    pub(crate) fn size(&mut self, table: &str, what: &str, mebibytes: f64) {
        eprintln!("   {what}: {mebibytes:.1} MiB");
        self.add(table, what, "MiB", &json!({"times": 1, "min": mebibytes, "median": mebibytes, "max": mebibytes}));
    }

    /// The document.
    pub(crate) fn json(&self) -> Value {
        json!({"postgres": self.postgres, "figures": self.all})
    }

    fn add(&mut self, table: &str, what: &str, unit: &str, figure: &Value) {
        let value = json!({"table": table, "what": what, "unit": unit, "engine": self.engine, "figure": figure});
        self.all.push(value);
    }
}

/// Takes the time of each of these calls.
pub(crate) fn timed(times: usize, mut call: impl FnMut(usize)) -> Vec<Duration> {
    let one = |n| {
        let begun = Instant::now();
        call(n);
        begun.elapsed()
    };
    (0..times).map(one).collect()
}
