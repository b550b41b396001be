//! The scenarios on SQLite, and those about its file.

#[path = "../calendar.rs"]
mod calendar;
#[path = "../crash.rs"]
mod crash;
#[path = "../doctor.rs"]
mod doctor;
#[path = "../flip.rs"]
mod flip;
#[path = "../leak.rs"]
mod leak;
mod process;
#[path = "../seals.rs"]
mod seals;
#[path = "../steered.rs"]
mod steered;
#[path = "../steps/mod.rs"]
mod steps;
#[path = "../take_over.rs"]
mod take_over;
mod tamper;
mod trace;
#[path = "../usage.rs"]
mod usage;
#[path = "../waits.rs"]
mod waits;
#[path = "../walk.rs"]
mod walk;

use std::path::PathBuf;

use testkit::{NodeOptions, TestNode};

use crate::house::KEYROLL;

fn options() -> NodeOptions {
    NodeOptions::new(KEYROLL)
}

/// A node, and the way to change its database behind its back.
fn tamperable() -> (TestNode, seals::Tamper) {
    (start(), Box::new(tamper::change))
}

/// How a node is started, and the way to read its database without it.
fn inspected() -> (NodeOptions, steps::Inspect) {
    (options(), Box::new(tamper::read))
}

fn start() -> TestNode {
    options().start()
}

/// Where the state lies beside the data directory: nowhere.
struct Places;

impl Places {
    fn folders(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

fn alone() -> (NodeOptions, Places) {
    (options(), Places)
}
