//! Measures the release binary on databases with many routes and secrets, on SQLite and on PostgreSQL.
//!
//! Arguments: the binary, the folder of filled databases, how many routes and secrets, and how
//! often each thing is measured. Progress goes to standard error, the figures as one JSON document
//! to standard output: `cargo xtask bench` makes tables of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that measures stops with a message at a surprise, and writes to the terminal"
)]

mod figures;
mod fill;
mod http;
mod kept;
mod lists;
mod publish;
mod runs;

use std::path::PathBuf;

use figures::Figures;
use kept::{Engine, Kept};
use testkit::Postgres;

/// What is asked for on the command line.
pub(crate) struct Plan {
    binary: PathBuf,
    count: u64,
    /// How often each thing is measured.
    times: usize,
    /// After how many changes the memory is looked at again.
    changes: u64,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [binary, folder, count, times, changes] = args.as_slice() else {
        panic!("usage: bench BINARY FOLDER COUNT TIMES CHANGES");
    };
    let number = |text: &String| text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    let plan = Plan {
        binary: PathBuf::from(binary),
        count: number(count),
        times: usize::try_from(number(times)).unwrap(),
        changes: number(changes),
    };
    let mut figures = Figures::default();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let kept = Kept::find_or_fill(&plan, engine, folder.as_ref());
        measure(&plan, &kept, &mut figures);
    }
    println!("{}", figures.json());
}

fn measure(plan: &Plan, kept: &Kept, figures: &mut Figures) {
    figures.begin(kept.engine.name());
    let postgres = (kept.engine == Engine::Postgres).then(Postgres::durable);
    let database = postgres.as_ref().map(|cluster| {
        eprintln!("   restoring the database");
        let database = cluster.create_database();
        database.restore(&kept.dump());
        figures.postgres = database.psql("show server_version").expect("it answers");
        database
    });
    let url = database.as_ref().map(testkit::Database::url);
    let mut node = kept.node(plan, url.as_deref()).start();
    runs::starts(plan, &mut node, figures);
    lists::all(plan, &node, figures);
    runs::changes(plan, &node, figures);
    let second = url.as_deref().map(|url| kept.second(plan, url, &node).start());
    publish::one_by_one(plan, kept, &node, second.as_ref(), figures);
    drop(second);
    runs::memory(plan, &mut node, figures);
}
