//! What the world holds, seen from inside: no value stays for longer than a route names it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use model::access::{Actor, Need, Permit, authorize};
use model::audit::{Event, Origin};
use model::client::{Client, ClientKey, RouteGrant};
use model::node::NodeRole;
use model::secret::Secret;
use model::time::{Clock, Entropy, Span, Timestamp};
use serde_json::json;
use store::{DatabaseUrl, Sealed, Store, WriteTx};

use super::*;
use crate::freshness::Freshness;
use crate::{EngineOptions, NodeIdentity, Pace, Standing};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000)
    }
}

/// Goes on only where a test says so: by so many milliseconds.
#[derive(Default)]
struct Leaping(AtomicI64);

impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        Fixed.now().plus(Span::from_millis(self.0.load(Ordering::SeqCst)))
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        out.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed) as u8);
    }
}

async fn shared() -> Arc<Shared> {
    shared_in(&DatabaseUrl::SqliteMemory, Span::from_hours(24), Arc::new(Fixed)).await
}

async fn shared_in(url: &DatabaseUrl, max_staleness: Span, clock: Arc<dyn Clock>) -> Arc<Shared> {
    let entropy = Counting(AtomicU64::new(0));
    let directory = tempfile::tempdir().unwrap();
    let kek = directory.path().join("kek");
    envelope::kek_file::create(&kek, &entropy, Fixed.now()).unwrap();
    let store = Store::open(url, Fixed.now(), "life".to_owned()).await.unwrap();
    let fingerprints = envelope::FingerprintKey::generate(&entropy);
    let rows = fingerprints.row_key();
    store.seal_with(Arc::new(move |table, row| rows.seal(table, row)));
    let options = EngineOptions {
        store,
        keyring: Arc::new(envelope::kek_file::load(&kek).unwrap()),
        signing_keys: Arc::new(fingerprints.signing_keys()),
        snapshot: Arc::new(ArcSwapOption::empty()),
        node: NodeIdentity {
            id: "node_test".to_owned(),
            name: "test".to_owned(),
            role: NodeRole::All,
            version: "0.1.0".to_owned(),
            run: "run_1".to_owned(),
        },
        clock,
        rotation_clock: Arc::new(Fixed),
        entropy: Arc::new(Counting(AtomicU64::new(0))),
        stop_at: None,
        allow_private: Vec::new(),
        max_staleness,
        rotations: model::schedule::Policy::default(),
        pace: Pace { poll: Duration::from_millis(10), ..Pace::default() },
        shutdown: tokio_util::sync::CancellationToken::new(),
    };
    Arc::new(Shared {
        options,
        registry: Arc::default(),
        standing: Arc::new(Standing::default()),
        freshness: Freshness::new(Fixed.now()),
    })
}

fn permit() -> Permit {
    authorize(&Actor::system("test"), [Need::Administer]).unwrap()
}

async fn begin(shared: &Shared) -> WriteTx {
    shared.options.store.begin(&permit()).await.unwrap()
}

async fn commit(tx: WriteTx) {
    let event = Event::done(&permit(), &Origin::local(), Fixed.now(), "test.change", "test/thing".to_owned());
    tx.commit(event).await.unwrap();
}

async fn environment(shared: &Shared) {
    let production =
        json!({"name": "production", "display_name": "", "rank": 0, "protected": true, "default": true, "version": 1});
    let mut tx = begin(shared).await;
    tx.insert_environment(&serde_json::from_value(production).unwrap()).await.unwrap();
    commit(tx).await;
}

async fn secret(shared: &Shared, name: &str) {
    let secret: Secret = serde_json::from_value(json!({
        "id": format!("sec_{name}"), "name": name, "kind": "api_key", "class": "standard", "description": "",
        "owner": "", "tags": [], "successor_of": null, "probe": null, "expires_at": null, "strict_expiry": false,
        "limits": {"environments": null, "allowed_hosts": null, "sensitive": true}, "rotate_every": null,
        "state": "active", "fingerprint": "kf_1", "created_at": "2026-01-01T00:00:00Z", "created_by": "system:test",
        "deleted_at": null, "last_referenced_at": null, "version": 1}))
    .unwrap();
    let entropy = Counting(AtomicU64::new(name.len() as u64));
    let value = SecretValue::new("a-value".to_owned());
    let sealed = envelope::seal(&shared.options.keyring, &value, &(&secret).into(), &entropy);
    let envelope::Sealed { format, ciphertext, dek_id, wrapped_dek, kek_id } = sealed;
    let mut tx = begin(shared).await;
    tx.insert_secret(&secret, &Sealed { format, dek_id, kek_id, wrapped_dek, ciphertext }).await.unwrap();
    commit(tx).await;
}

async fn route(shared: &Shared, name: &str, secret: &str) {
    let spec = serde_json::from_value(json!({"name": name, "environments": {"production": {}},
        "base": {"upstream": "https://a.example", "inject": {"headers": {"X-Key": format!("{{{{{secret}}}}}")}}}}))
    .unwrap();
    let mut tx = begin(shared).await;
    match tx.route(name).await.unwrap() {
        Some(_) => tx.update_route(&spec, "update", Fixed.now()).await.unwrap(),
        None => tx.insert_route(&spec, Fixed.now()).await.unwrap(),
    };
    commit(tx).await;
}

#[tokio::test]
async fn values_are_held_only_while_a_route_names_them() {
    let shared = shared().await;
    environment(&shared).await;
    secret(&shared, "one").await;
    secret(&shared, "other").await;

    let mut world = None;
    let mut held = async || {
        tick(&shared, &mut world).await.unwrap();
        let world = world.as_ref().unwrap();
        let names = ["one", "other"].into_iter().filter(|name| world.holds(&name.parse().unwrap()));
        (names.collect::<Vec<_>>(), world.published().unopened.len())
    };
    assert_eq!(held().await, (vec![], 0));
    route(&shared, "first", "one").await;
    route(&shared, "second", "one").await;
    assert_eq!(held().await, (vec!["one"], 0));
    route(&shared, "first", "other").await;
    assert_eq!(held().await, (vec!["one", "other"], 0));
    route(&shared, "second", "other").await;
    assert_eq!(held().await, (vec!["other"], 0));
    let mut tx = begin(&shared).await;
    tx.delete_route("first", Fixed.now()).await.unwrap();
    tx.delete_route("second", Fixed.now()).await.unwrap();
    commit(tx).await;
    assert_eq!(held().await, (vec![], 0));
}

#[tokio::test]
async fn nothing_new_is_nothing_done() {
    let shared = shared().await;
    let mut world = None;
    tick(&shared, &mut world).await.unwrap();
    let first = shared.options.snapshot.load_full().unwrap();
    tick(&shared, &mut world).await.unwrap();
    assert!(Arc::ptr_eq(&first, &shared.options.snapshot.load_full().unwrap()));
}

async fn is_withdrawn(shared: &Shared) -> bool {
    for _ in 0..500 {
        if shared.options.snapshot.load().is_none() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn a_look_that_never_ends_and_a_clock_that_stands_still_keep_nothing_in_service() {
    let shared = shared_in(&DatabaseUrl::SqliteMemory, Span::from_millis(300), Arc::new(Fixed)).await;
    let mut world = None;
    tick(&shared, &mut world).await.unwrap();
    let first = shared.options.snapshot.load_full().unwrap();
    // Nobody looks any more, as where an answer never comes.
    let watching = tokio::spawn(freshness::run(Arc::clone(&shared)));
    assert!(is_withdrawn(&shared).await);
    assert_eq!(shared.standing.served(), None);
    tick(&shared, &mut world).await.unwrap();
    assert!(Arc::ptr_eq(&first, &shared.options.snapshot.load_full().unwrap()), "the next look brings it back");
    assert_eq!(shared.standing.served(), Some(0));
    shared.options.shutdown.cancel();
    watching.await.unwrap();
}

#[tokio::test]
async fn a_task_that_begins_anew_makes_nothing_newer() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keyroll.db");
    let shared = shared_in(&DatabaseUrl::SqliteFile(file.clone()), Span::from_millis(400), Arc::new(Fixed)).await;
    let watching = tokio::spawn(freshness::run(Arc::clone(&shared)));
    let runs = async |times: usize| {
        for _ in 0..times {
            let run = tokio::spawn(run(Arc::clone(&shared)));
            tokio::time::sleep(Duration::from_millis(100)).await;
            run.abort();
            drop(run.await);
        }
    };
    runs(12).await;
    assert!(shared.options.snapshot.load().is_some(), "the database answers");
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.execute_batch("ALTER TABLE revision RENAME TO revision_away").unwrap();
    runs(12).await;
    assert!(shared.options.snapshot.load().is_none());
    shared.options.shutdown.cancel();
    watching.await.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_set_forward_takes_nothing_away_that_is_fresh() {
    let clock = Arc::new(Leaping::default());
    let leaping = Arc::clone(&clock) as Arc<dyn Clock>;
    let shared = shared_in(&DatabaseUrl::SqliteMemory, Span::from_hours(24), leaping).await;
    let mut world = None;
    tick(&shared, &mut world).await.unwrap();
    let tasks = [tokio::spawn(run(Arc::clone(&shared))), tokio::spawn(freshness::run(Arc::clone(&shared)))];
    clock.0.fetch_add(Span::from_days(3).as_millis(), Ordering::SeqCst);
    for _ in 0..100 {
        assert!(shared.options.snapshot.load().is_some());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    shared.options.shutdown.cancel();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn client(shared: &Shared) {
    let client = Client {
        name: "shop".parse().unwrap(),
        description: String::new(),
        environments: ["production".parse().unwrap()].into(),
        routes: RouteGrant::All,
        allowed_ips: Vec::new(),
        rate_limit: None,
        expires_at: None,
        disabled: false,
        created_at: Fixed.now(),
        signing: None,
        version: 1,
    };
    let mut tx = begin(shared).await;
    tx.insert_client(&client).await.unwrap();
    for digest in [1, 2] {
        let key = ClientKey {
            id: format!("key_{digest}"),
            client: client.name.clone(),
            digest: [digest; 32],
            created_at: Fixed.now(),
            revoked_at: None,
        };
        tx.insert_client_key(&key).await.unwrap();
    }
    commit(tx).await;
}

#[tokio::test]
async fn a_revoked_key_leaves_before_anything_is_compiled() {
    let shared = shared().await;
    environment(&shared).await;
    secret(&shared, "one").await;
    secret(&shared, "other").await;
    route(&shared, "first", "one").await;
    client(&shared).await;
    let mut world = None;
    tick(&shared, &mut world).await.unwrap();
    let before = shared.options.snapshot.load_full().unwrap();

    route(&shared, "first", "other").await;
    let mut tx = begin(&shared).await;
    assert!(tx.revoke_client_key("shop", "key_1", Fixed.now()).await.unwrap());
    commit(tx).await;
    let mut known = world.unwrap();
    let tx = shared.options.store.read().await.unwrap();
    let mut update = Update::read(&tx, Some(&known), shared.standing.suspects()).await.unwrap();
    assert!(known.admit(&mut update, &shared.options.signing_keys));
    let amended = known.snapshot();
    assert_eq!(amended.keys.keys().collect::<Vec<_>>(), [&[2; 32]]);
    assert_eq!(amended.revision, before.revision, "all else is as it was");
    assert!(Arc::ptr_eq(&amended.routes["first"], &before.routes["first"]));
    freshness::amend(&shared, Arc::clone(&amended));
    assert!(Arc::ptr_eq(&amended, &shared.options.snapshot.load_full().unwrap()));
    assert!(!known.admit(&mut update, &shared.options.signing_keys), "and only once");

    // What was withdrawn does not come back by this.
    shared.options.snapshot.store(None);
    freshness::amend(&shared, amended);
    assert!(shared.options.snapshot.load().is_none());

    let after = known.apply(update, &shared).snapshot();
    assert_eq!((after.revision, after.keys.len()), (before.revision + 2, 1));
    assert!(!Arc::ptr_eq(&after.routes["first"], &before.routes["first"]));
}
