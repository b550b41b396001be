//! Where seeds are played: real nodes that all of them share, the provider, and what befalls the processes meanwhile.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::{Connection, Database, NodeOptions, Postgres, Reply, TestNode, wire};

use crate::dice::Dice;
use crate::provider::{Provider, now};
use crate::scenario::Temper;

const KEYROLL: &str = env!("CARGO_BIN_EXE_keyroll");
const TOKEN: &str = "one-token-for-all-nodes-of-the-cluster";
/// How long a request may take, kills and halts included.
const PATIENCE: i64 = 40_000;

/// What the nodes keep their state in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// One node.
    Sqlite,
    /// Two nodes on one database.
    Postgres,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Admin,
    /// An operator, who may approve what the other one has started.
    Other,
}

pub(crate) struct Hall {
    nodes: Vec<RwLock<TestNode>>,
    pub(crate) provider: Provider,
    other: String,
    temper: Temper,
    seed: u64,
    /// From when until when a process was being killed.
    cuts: Mutex<Vec<(i64, i64)>>,
    /// When one was halted.
    halts: Mutex<Vec<i64>>,
    /// How often each word was reached, over all seeds.
    words: Mutex<BTreeMap<String, usize>>,
    turn: AtomicUsize,
    keys: AtomicUsize,
    _folder: tempfile::TempDir,
}

/// The listeners of one node.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) gateway: String,
    /// How many processes were killed before: a connection to one of them is none to its successor.
    pub(crate) life: usize,
    admin: String,
    token: String,
}

impl Hall {
    pub(crate) fn open(engine: Engine, temper: Temper, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = || NodeOptions::new(KEYROLL).env("KEYROLL_LOG__LEVEL", "warn");
        let nodes = match engine {
            Engine::Sqlite => vec![options().start()],
            Engine::Postgres => {
                // It stays until the process ends.
                let database: &'static Database = Box::leak(Box::new(Postgres::shared().create_database()));
                let options = || {
                    let options = options().arg("--database").arg(database.url());
                    options.arg("--kek-file").arg(folder.path().join("kek")).env("KEYROLL_BOOTSTRAP_TOKEN", TOKEN)
                };
                vec![options().start(), options().start()]
            }
        };
        let node = &nodes[0];
        for (name, rank) in [("staging", 10), ("production", 30)] {
            node.api("PATCH", &format!("/v1/environments/{name}"), Some(&json!({"rank": rank}))).expect(200);
        }
        node.api("POST", "/v1/environments", Some(&json!({"name": "qa", "rank": 20}))).expect(201);
        let body = json!({"name": "other", "role": "operator"});
        let other = node.api("POST", "/v1/tokens", Some(&body)).expect(201).json();
        Self {
            other: other["token"].as_str().unwrap().to_owned(),
            nodes: nodes.into_iter().map(RwLock::new).collect(),
            provider: Provider::start(seed),
            temper,
            seed,
            cuts: Mutex::default(),
            halts: Mutex::default(),
            words: Mutex::default(),
            turn: AtomicUsize::new(0),
            keys: AtomicUsize::new(0),
            _folder: folder,
        }
    }

    /// Plays all seeds at once, and answers those that failed.
    pub(crate) fn play(&self, seeds: &[u64], one: impl Fn(u64) + Sync) -> Vec<u64> {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let befalling = scope.spawn(|| self.befall(&over));
            let one = &one;
            let players: Vec<_> = seeds.iter().map(|seed| (*seed, scope.spawn(move || one(*seed)))).collect();
            let failed = players.into_iter().filter_map(|(seed, player)| player.join().is_err().then_some(seed));
            let failed: Vec<u64> = failed.collect();
            over.store(true, Ordering::Relaxed);
            befalling.join().unwrap();
            failed
        })
    }

    /// What becomes of processes until all is over: kill -9 and a new start, a halt of a second or two.
    fn befall(&self, over: &AtomicBool) {
        let mut dice = Dice::new(self.seed.wrapping_add(7_777));
        let mut rest = 20;
        while !over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
            self.provider.tidy();
            rest = usize::saturating_sub(rest, 1);
            if rest > 0 || self.temper == Temper::Calm {
                continue;
            }
            rest = 15 + dice.below(20);
            let node = &self.nodes[dice.below(self.nodes.len())];
            if dice.falls(600) {
                self.saw("process killed", 1);
                self.cuts.lock().unwrap().push((now(), i64::MAX));
                let mut node = node.write().unwrap();
                node.kill();
                node.restart();
                drop(node);
                self.cuts.lock().unwrap().iter_mut().for_each(|cut| cut.1 = cut.1.min(now()));
            } else {
                let node = node.read().unwrap();
                self.saw("process halted", 1);
                self.halts.lock().unwrap().push(now());
                node.signal(Signal::STOP);
                thread::sleep(Duration::from_millis(500 + 100 * u64::try_from(dice.below(15)).unwrap()));
                node.signal(Signal::CONT);
            }
        }
    }

    /// Counts what was reached.
    pub(crate) fn saw(&self, word: &str, times: usize) {
        *self.words.lock().unwrap().entry(word.to_owned()).or_default() += times;
    }

    /// How often each word was reached.
    pub(crate) fn seen(&self) -> BTreeMap<String, usize> {
        self.words.lock().unwrap().clone()
    }

    /// Whether a process was being killed at or after this moment, a moment ago included.
    pub(crate) fn was_cut(&self, since: i64) -> bool {
        self.cuts.lock().unwrap().iter().any(|(_, to)| *to >= since - 50)
    }

    /// Whether a process was killed or halted at or after this moment, or shortly before.
    pub(crate) fn was_disturbed(&self, since: i64) -> bool {
        self.was_cut(since) || self.halts.lock().unwrap().iter().any(|at| *at >= since - 3_000)
    }

    /// One of the nodes; another one each time, and rather one that is not about to start.
    pub(crate) fn place(&self) -> Place {
        let life = self.cuts.lock().unwrap().len();
        let of = |node: &TestNode| Place {
            gateway: node.gateway().to_owned(),
            life,
            admin: node.admin().to_owned(),
            token: node.token().to_owned(),
        };
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.nodes.len();
        for at in first..first + count {
            if let Ok(node) = self.nodes[at % count].try_read() {
                return of(&node);
            }
        }
        of(&self.nodes[first % count].read().unwrap())
    }

    /// Every node, once it is there.
    pub(crate) fn gateways(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.read().unwrap().gateway().to_owned()).collect()
    }

    /// Asks the admin API, again where a node was killed meanwhile, as the same request.
    pub(crate) fn api(&self, who: Who, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let begun = now();
        let key = format!("sim-{}", self.keys.fetch_add(1, Ordering::Relaxed));
        loop {
            match self.exchange(who, &key, method, path, body) {
                Ok(reply) if reply.status != 503 => return reply,
                Ok(_) => {}
                Err(error) => assert!(self.was_cut(begun), "{method} {path}: {error}"),
            }
            assert!(now() - begun < PATIENCE, "{method} {path}: no answer in {PATIENCE} ms");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn exchange(&self, who: Who, key: &str, method: &str, path: &str, body: Option<&Value>) -> io::Result<Reply> {
        let place = self.place();
        let token = if who == Who::Admin { &place.token } else { &self.other };
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Host", "admin"), ("Authorization", &bearer), ("Connection", "close")];
        if method == "POST" {
            headers.push(("Idempotency-Key", key));
        }
        let patch = method == "PATCH";
        if body.is_some() {
            headers.push(("Content-Type", if patch { "application/merge-patch+json" } else { "application/json" }));
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        Connection::open(&place.admin)?.call(&wire::request(method, path, &headers, body.as_bytes()))
    }

    /// A document that is there.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        self.api(Who::Admin, "GET", path, None).expect(200).json()
    }

    /// At the end: the audit is whole, and nothing was sent that no secret holds.
    pub(crate) fn verify(&self) {
        self.nodes[0].read().unwrap().cli(&["audit", "verify"], "").expect(0);
        assert_eq!(self.provider.strangers(), Vec::<String>::new(), "values that no secret has");
    }
}
