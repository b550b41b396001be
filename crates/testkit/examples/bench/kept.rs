//! Filled databases, kept by engine, count and version, and only ever used as a copy.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use testkit::{NodeOptions, Postgres, TestNode};

use crate::http::Api;
use crate::{Plan, fill};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// A filled database.
pub(crate) struct Kept {
    pub(crate) engine: Engine,
    folder: PathBuf,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Kept {
    /// Takes what is there, or fills a new one.
    pub(crate) fn find_or_fill(plan: &Plan, engine: Engine, all: &Path) -> Self {
        let version = Command::new(&plan.binary).arg("version").output().expect("the binary runs").stdout;
        let version = String::from_utf8_lossy(&version);
        let version = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let name = format!("{}-{}-{}", engine.name(), plan.count, version.expect("a version"));
        let kept = Self { engine, folder: all.join(&name) };
        if !kept.folder.exists() {
            eprintln!("── filling {name}");
            // By this name nothing is found before it is whole.
            let partial = Self { engine, folder: all.join(format!("{name}.partial")) };
            let _ = fs::remove_dir_all(&partial.folder);
            fs::create_dir_all(&partial.folder).expect("a folder of our own");
            partial.make(plan);
            fs::rename(&partial.folder, &kept.folder).expect("both are in one folder");
        }
        kept
    }

    /// A node on a copy of this.
    pub(crate) fn node(&self, plan: &Plan, url: Option<&str>) -> NodeOptions {
        options(plan, url).data(self.data())
    }

    /// One more node on the same database, with the same key.
    pub(crate) fn second(&self, plan: &Plan, url: &str, first: &TestNode) -> NodeOptions {
        options(plan, Some(url)).env("KEYROLL_KEYS__KEK_FILE", first.data_dir().join("kek"))
    }

    /// The key of the client that may use all routes.
    pub(crate) fn client_key(&self) -> String {
        fs::read_to_string(self.folder.join("client-key")).expect("written by the filling")
    }

    /// The database itself, where it is not in the data directory.
    pub(crate) fn dump(&self) -> PathBuf {
        self.folder.join("database.dump")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn make(&self, plan: &Plan) {
        // It forgets its data when the machine loses power: then the filling begins anew.
        let postgres = (self.engine == Engine::Postgres).then(Postgres::start);
        let database = postgres.as_ref().map(Postgres::create_database);
        let url = database.as_ref().map(testkit::Database::url);
        // Without a gateway, so that nothing is published between two requests.
        let mut node = options(plan, url.as_deref()).arg("--role").arg("control").start();
        // What autovacuum does on a server that is in use; without it, every insertion comes to read the whole table.
        let part_done = || drop(database.as_ref().map(|database| database.psql("ANALYZE").expect("our own database")));
        let key = fill::fill(&node, plan.count, &part_done);
        // The first token ends after a day.
        let token = json!({"name": "bench", "role": "admin"});
        let token = Api::open(&node).call("POST", "/v1/tokens", Some(&token), 201).json();
        node.stop();
        if let Some(database) = &database {
            database.dump(&self.dump());
        }
        let status = Command::new("cp").arg("-a").arg(node.data_dir()).arg(self.data()).status();
        assert!(status.expect("every Linux has cp").success(), "the data directory cannot be kept");
        fs::write(self.data().join("admin-token"), token["token"].as_str().expect("shown once")).expect("our own");
        fs::write(self.folder.join("client-key"), key).expect("our own");
    }
}

fn options(plan: &Plan, url: Option<&str>) -> NodeOptions {
    // The level at which the product is shipped; a node under test traces.
    let options = NodeOptions::new(&plan.binary).env("KEYROLL_LOG__LEVEL", "info");
    match url {
        Some(url) => options.env("KEYROLL_DATABASE__URL", url),
        None => options,
    }
}
