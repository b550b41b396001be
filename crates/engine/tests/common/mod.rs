//! A store with an engine beside it, changed as an operator would and looked at as traffic would.
#![allow(dead_code, unused_imports, reason = "each test file uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions that only tests call"
)]

mod look;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use engine::{Engine, EngineOptions, NodeIdentity, Pace, Running};
use envelope::{Binding, FingerprintKey, Keyring};
use model::access::{Actor, Need, Permit, authorize};
use model::audit::{Event, Origin};
use model::client::{Client, ClientKey};
use model::environment::Environment;
use model::node::NodeRole;
use model::secret::{Limits, Secret, SecretValue, State};
use model::snapshot::Snapshot;
use model::time::{Clock, Entropy, Span, Timestamp};
use serde_json::Value;
use store::{DatabaseUrl, Sealed, Store, WriteTx};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) use look::{bound, carried, eventually, sent, spec};

pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, span: Span) {
        self.0.fetch_add(span.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
pub(crate) struct Scrambled(AtomicU64);

impl Entropy for Scrambled {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed).to_string();
            chunk.copy_from_slice(&envelope::token::digest(&count)[..chunk.len()]);
        }
    }
}

/// Quick where a test waits for a task, and never by itself where it nudges.
pub(crate) fn quick() -> Pace {
    let ms = Duration::from_millis;
    Pace { poll: ms(50), flush: ms(20), beat: ms(500), verify: ms(50), rotate: ms(50), retain: ms(200) }
}

/// As [`quick`], with one check at the start and none after.
pub(crate) fn unchecked() -> Pace {
    Pace { verify: Duration::from_secs(3_600), ..quick() }
}

pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) snapshot: Arc<ArcSwapOption<Snapshot>>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) running: Running,
    keyring: Arc<Keyring>,
    entropy: Scrambled,
    permit: Permit,
    shutdown: CancellationToken,
    directory: Option<TempDir>,
    pace: Pace,
}

impl House {
    /// A database in a file, which can be tampered with.
    pub(crate) async fn in_file(pace: Pace) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::SqliteFile(directory.path().join("keyroll.db"));
        Self::open(url, Some(directory), pace).await
    }

    /// A database in memory.
    pub(crate) async fn in_memory(pace: Pace) -> Self {
        Self::open(DatabaseUrl::SqliteMemory, None, pace).await
    }

    async fn open(url: DatabaseUrl, directory: Option<TempDir>, pace: Pace) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_780_000_000_000)));
        let store = Store::open(&url, clock.now(), "first-life".to_owned()).await.unwrap();
        let entropy = Scrambled::default();
        let rows = FingerprintKey::generate(&entropy).row_key();
        store.seal_with(Arc::new(move |table, row| rows.seal(table, row)));
        let keyring = Arc::new(Keyring::parse(&envelope_text(&entropy, clock.now())).unwrap());
        let permit = authorize(&Actor::system("test"), [Need::Administer]).unwrap();
        let snapshot = Arc::new(ArcSwapOption::empty());
        let shutdown = CancellationToken::new();
        let running = start(&store, &keyring, &snapshot, &clock, &shutdown, pace);
        let house = Self { store, snapshot, clock, running, keyring, entropy, permit, shutdown, directory, pace };
        house.environment("staging", 1, false).await;
        house.environment("production", 2, true).await;
        house.running.ready().await.unwrap();
        house
    }

    /// Ends the engine and begins another one on the same database, as after a restart.
    pub(crate) async fn restart(self) -> Self {
        let Self { store, clock, running, keyring, entropy, permit, shutdown, directory, pace, .. } = self;
        shutdown.cancel();
        running.join().await;
        let (snapshot, shutdown) = (Arc::new(ArcSwapOption::empty()), CancellationToken::new());
        let running = start(&store, &keyring, &snapshot, &clock, &shutdown, pace);
        running.ready().await.unwrap();
        Self { store, snapshot, clock, running, keyring, entropy, permit, shutdown, directory, pace }
    }

    /// Another engine on the same database, which takes itself for the same node.
    pub(crate) fn beside(&self) -> Beside {
        let (snapshot, shutdown) = (Arc::new(ArcSwapOption::empty()), CancellationToken::new());
        let running = start(&self.store, &self.keyring, &snapshot, &self.clock, &shutdown, self.pace);
        Beside { running, shutdown }
    }

    /// Ends the engine and waits for it.
    pub(crate) async fn stop(self) -> Store {
        self.shutdown.cancel();
        self.running.join().await;
        self.store
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.as_ref().unwrap().path().join("keyroll.db")
    }

    /// What somebody does who has the file and another program.
    pub(crate) fn tamper(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection
            .execute_batch(
                "DROP TRIGGER IF EXISTS secrets_value_is_fixed; DROP TRIGGER IF EXISTS secrets_identity_is_fixed; \
                 DROP TRIGGER IF EXISTS audit_is_fixed; DROP TRIGGER IF EXISTS audit_stays; \
                 DROP TRIGGER IF EXISTS revision_goes_forward;",
            )
            .unwrap();
        connection.execute_batch(sql).unwrap();
    }

    pub(crate) async fn begin(&self) -> WriteTx {
        self.store.begin(&self.permit).await.unwrap()
    }

    pub(crate) async fn commit(&self, tx: WriteTx) -> i64 {
        let now = self.clock.now();
        let event = Event::done(&self.permit, &Origin::local(), now, "test.change", "test/thing".to_owned());
        tx.commit(event).await.unwrap().revision
    }

    pub(crate) async fn environment(&self, name: &str, rank: i64, default: bool) -> i64 {
        let environment = Environment {
            name: name.parse().unwrap(),
            display_name: name.to_owned(),
            rank,
            protected: false,
            default,
            version: 1,
        };
        let mut tx = self.begin().await;
        match tx.environment(name).await.unwrap() {
            Some(_) => drop(tx.update_environment(&environment).await.unwrap()),
            None => tx.insert_environment(&environment).await.unwrap(),
        }
        self.commit(tx).await
    }

    pub(crate) async fn secret(&self, name: &str, value: &str) -> i64 {
        let limits = Limits { environments: None, allowed_hosts: None, sensitive: true };
        self.limited_secret(name, value, limits).await
    }

    pub(crate) async fn limited_secret(&self, name: &str, value: &str, limits: Limits) -> i64 {
        let secret = self.secret_facts(name, limits);
        let value = SecretValue::new(value.to_owned());
        let sealed = envelope::seal(&self.keyring, &value, &Binding::from(&secret), &self.entropy);
        let mut tx = self.begin().await;
        tx.insert_secret(&secret, &stored(sealed)).await.unwrap();
        self.commit(tx).await
    }

    /// Whose seal was never one.
    pub(crate) async fn garbage(&self, name: &str) -> i64 {
        let limits = Limits { environments: None, allowed_hosts: None, sensitive: true };
        let secret = self.secret_facts(name, limits);
        let sealed = Sealed {
            format: envelope::FORMAT,
            dek_id: format!("dek_{name}"),
            kek_id: self.keyring.current().to_string(),
            wrapped_dek: vec![7; 60],
            ciphertext: vec![7; 40],
        };
        let mut tx = self.begin().await;
        tx.insert_secret(&secret, &sealed).await.unwrap();
        self.commit(tx).await
    }

    fn secret_facts(&self, name: &str, limits: Limits) -> Secret {
        Secret {
            id: format!("sec_{name}"),
            name: name.parse().unwrap(),
            kind: "api_key".parse().unwrap(),
            class: "standard".parse().unwrap(),
            description: String::new(),
            owner: String::new(),
            tags: Vec::new(),
            successor_of: None,
            limits,
            probe: None,
            expires_at: None,
            strict_expiry: false,
            rotate_every: None,
            state: State::Active,
            fingerprint: "kf_test".to_owned(),
            created_at: self.clock.now(),
            created_by: "system:test".to_owned(),
            deleted_at: None,
            last_referenced_at: None,
            version: 1,
        }
    }

    /// Edits what is known about a secret; where `limits` are given, its data key is bound to them.
    pub(crate) async fn edit_secret(&self, name: &str, description: &str, limits: Option<Limits>) -> i64 {
        let mut tx = self.begin().await;
        let row = tx.sealed_secret(name).await.unwrap().unwrap();
        let mut secret = row.secret.clone();
        description.clone_into(&mut secret.description);
        let rebound = limits.map(|limits| {
            let sealed = envelope::Sealed {
                format: row.sealed.format,
                ciphertext: row.sealed.ciphertext.clone(),
                dek_id: row.sealed.dek_id.clone(),
                wrapped_dek: row.sealed.wrapped_dek.clone(),
                kek_id: row.sealed.kek_id.clone(),
            };
            secret.limits = limits;
            let from = Binding::from(&row.secret);
            let wrapped = envelope::rebind(&self.keyring, &sealed, &from, &secret.limits, &self.entropy).unwrap();
            store::Rebound { kek_id: wrapped.kek_id.clone(), wrapped_dek: wrapped.bytes.clone() }
        });
        tx.update_secret(&secret, rebound.as_ref()).await.unwrap();
        self.commit(tx).await
    }

    /// Makes a route, or replaces it.
    pub(crate) async fn route(&self, spec: Value) -> i64 {
        self.routes([spec]).await
    }

    /// Makes or replaces several in one change. A host that moves has to be let go of by the first.
    pub(crate) async fn routes(&self, specs: impl IntoIterator<Item = Value>) -> i64 {
        let mut tx = self.begin().await;
        for spec in specs {
            let spec: model::route::RouteSpec = serde_json::from_value(spec).unwrap();
            match tx.route(spec.name.as_str()).await.unwrap() {
                Some(_) => tx.update_route(&spec, "update", self.clock.now()).await.unwrap(),
                None => tx.insert_route(&spec, self.clock.now()).await.unwrap(),
            };
        }
        self.commit(tx).await
    }

    pub(crate) async fn delete_route(&self, name: &str) -> i64 {
        let mut tx = self.begin().await;
        tx.delete_route(name, self.clock.now()).await.unwrap();
        self.commit(tx).await
    }

    pub(crate) async fn client(&self, name: &str, keys: &[u8]) -> i64 {
        let client = Client {
            name: name.parse().unwrap(),
            description: String::new(),
            environments: ["production".parse().unwrap()].into(),
            routes: model::client::RouteGrant::All,
            allowed_ips: Vec::new(),
            rate_limit: None,
            expires_at: None,
            disabled: false,
            created_at: self.clock.now(),
            signing: None,
            version: 1,
        };
        let mut tx = self.begin().await;
        tx.insert_client(&client).await.unwrap();
        for key in keys {
            let key = ClientKey {
                id: format!("key_{key}"),
                client: client.name.clone(),
                digest: [*key; 32],
                created_at: self.clock.now(),
                revoked_at: None,
            };
            tx.insert_client_key(&key).await.unwrap();
        }
        self.commit(tx).await
    }

    /// Waits until the revision is served.
    pub(crate) async fn serves(&self, revision: i64) -> Arc<Snapshot> {
        let mut served = self.running.standing().follow();
        let reached = served.wait_for(|served| served.is_some_and(|served| served >= revision));
        tokio::time::timeout(Duration::from_secs(30), reached).await.expect("it is never served").unwrap();
        self.snapshot.load_full().unwrap()
    }

    /// Waits until what the snapshot shows is so.
    pub(crate) async fn shows(&self, what: &str, is_so: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        eventually(what, async || self.snapshot.load_full().filter(|snapshot| is_so(snapshot))).await
    }

    /// Waits for some checks to pass by; none may object.
    pub(crate) async fn stays_sound(&self) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(self.running.standing().unusable_secrets(), []);
        assert_eq!(self.running.standing().audit_fault(), None);
    }

    /// Waits until these secrets, and no others, are reported as unusable.
    pub(crate) async fn reports(&self, expected: &[&str]) {
        let standing = self.running.standing();
        let names = || standing.unusable_secrets().iter().map(ToString::to_string).collect::<Vec<_>>();
        eventually(&format!("{expected:?} reported"), async || (names() == expected).then_some(())).await;
    }
}

/// An engine beside the one of a house.
pub(crate) struct Beside {
    running: Running,
    shutdown: CancellationToken,
}

impl Beside {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.running.join().await;
    }
}

fn start(
    store: &Store,
    keyring: &Arc<Keyring>,
    snapshot: &Arc<ArcSwapOption<Snapshot>>,
    clock: &Arc<TestClock>,
    shutdown: &CancellationToken,
    pace: Pace,
) -> Running {
    Engine::start(EngineOptions {
        store: store.clone(),
        keyring: Arc::clone(keyring),
        // The same ones after a restart.
        signing_keys: Arc::new(FingerprintKey::generate(&Scrambled::default()).signing_keys()),
        snapshot: Arc::clone(snapshot),
        node: NodeIdentity {
            id: "node_test".to_owned(),
            name: "test".to_owned(),
            role: NodeRole::All,
            version: "0.1.0".to_owned(),
            run: "run_1".to_owned(),
        },
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        rotation_clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Arc::new(Scrambled::default()),
        stop_at: None,
        allow_private: Vec::new(),
        max_staleness: Span::from_hours(24),
        rotations: model::schedule::Policy::default(),
        pace,
        shutdown: shutdown.clone(),
    })
}

fn envelope_text(entropy: &Scrambled, now: Timestamp) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kek");
    envelope::kek_file::create(&path, entropy, now).unwrap();
    std::fs::read_to_string(path).unwrap()
}

fn stored(sealed: envelope::Sealed) -> Sealed {
    Sealed {
        format: sealed.format,
        dek_id: sealed.dek_id,
        kek_id: sealed.kek_id,
        wrapped_dek: sealed.wrapped_dek,
        ciphertext: sealed.ciphertext,
    }
}
