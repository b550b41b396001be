//! The scenarios on PostgreSQL, and those of several nodes on one database.

mod away;
#[path = "../calendar.rs"]
mod calendar;
mod cluster;
#[path = "../crash.rs"]
mod crash;
#[path = "../doctor.rs"]
mod doctor;
mod fleet;
#[path = "../flip.rs"]
mod flip;
#[path = "../leak.rs"]
mod leak;
mod probe;
mod races;
mod relocate;
#[path = "../seals.rs"]
mod seals;
#[path = "../steered.rs"]
mod steered;
#[path = "../steps/mod.rs"]
mod steps;
#[path = "../take_over.rs"]
mod take_over;
mod tamper;
#[path = "../usage.rs"]
mod usage;
#[path = "../waits.rs"]
mod waits;
#[path = "../walk.rs"]
mod walk;

use std::path::PathBuf;

use testkit::postgres::Database;
use testkit::{NodeOptions, Postgres, TestNode};

use crate::house::KEYROLL;

/// What all nodes of a cluster are given at their first start, so that one token opens each of them.
const TOKEN: &str = "one-token-for-all-nodes-of-the-cluster";

/// A database of the test's own, which stays until the process ends.
fn database() -> &'static Database {
    Box::leak(Box::new(Postgres::shared().create_database()))
}

fn options() -> NodeOptions {
    NodeOptions::new(KEYROLL).arg("--database").arg(database().url())
}

/// A node, and the way to change its database behind its back.
fn tamperable() -> (TestNode, seals::Tamper) {
    let database = database();
    let node = NodeOptions::new(KEYROLL).arg("--database").arg(database.url()).start();
    // Without the database's own guards, as on SQLite.
    let change = |_: &TestNode, sql: &str| {
        let sql = sql.replace("x'", "'\\x");
        drop(database.psql(&format!("SET session_replication_role = replica; {sql}")).unwrap());
    };
    (node, Box::new(change))
}

/// How a node is started, and the way to read its database without it.
fn inspected() -> (NodeOptions, steps::Inspect) {
    let database = database();
    let read = |_: &TestNode, sql: &str| database.psql(sql).unwrap().lines().map(str::to_owned).collect();
    (NodeOptions::new(KEYROLL).arg("--database").arg(database.url()), Box::new(read))
}

fn start() -> TestNode {
    options().start()
}

/// Where the state lies beside the data directory: the whole cluster, its log included.
struct Places(Postgres);

impl Places {
    fn folders(&self) -> Vec<PathBuf> {
        // What is on its way to the files is there once the server has stopped.
        self.0.stop_immediate();
        self.0.files().into()
    }
}

fn alone() -> (NodeOptions, Places) {
    let postgres = Postgres::start();
    let url = postgres.create_database().url();
    (NodeOptions::new(KEYROLL).arg("--database").arg(url), Places(postgres))
}

/// Nodes of one database, with one KEK file and one admin token. Dropped, they are killed.
struct Cluster {
    nodes: Vec<TestNode>,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts as many nodes, each reaching the database by a URL of its own.
    fn start(urls: &[String]) -> Self {
        let mut cluster = Self { nodes: Vec::new(), folder: tempfile::tempdir().unwrap() };
        for url in urls {
            let node = cluster.options(url).start();
            cluster.nodes.push(node);
        }
        cluster
    }

    /// How a further node is started.
    fn options(&self, url: &str) -> NodeOptions {
        NodeOptions::new(KEYROLL)
            .arg("--database")
            .arg(url)
            .arg("--kek-file")
            .arg(self.folder.path().join("kek"))
            .env("KEYROLL_BOOTSTRAP_TOKEN", TOKEN)
            .env("KEYROLL_LOG__LEVEL", "debug")
    }

    /// The node of this number.
    fn node(&self, number: usize) -> &TestNode {
        &self.nodes[number]
    }
}
