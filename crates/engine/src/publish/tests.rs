//! What the world holds, seen from inside: no value stays for longer than a route names it.

use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use model::access::{Actor, Need, Permit, authorize};
use model::audit::{Event, Origin};
use model::secret::Secret;
use model::time::{Clock, Entropy};
use serde_json::json;
use store::{DatabaseUrl, Sealed, Store, WriteTx};

use super::*;
use crate::{EngineOptions, Pace, Registry, Standing};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000)
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        out.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed) as u8);
    }
}

async fn shared() -> Arc<Shared> {
    let entropy = Counting(AtomicU64::new(0));
    let directory = tempfile::tempdir().unwrap();
    let kek = directory.path().join("kek");
    envelope::kek_file::create(&kek, &entropy, Fixed.now()).unwrap();
    let options = EngineOptions {
        store: Store::open(&DatabaseUrl::SqliteMemory, Fixed.now(), "life".to_owned()).await.unwrap(),
        keyring: Arc::new(envelope::kek_file::load(&kek).unwrap()),
        snapshot: Arc::new(ArcSwapOption::empty()),
        clock: Arc::new(Fixed),
        allow_private: Vec::new(),
        max_staleness: Span::from_hours(24),
        pace: Pace::default(),
        shutdown: tokio_util::sync::CancellationToken::new(),
    };
    Arc::new(Shared { options, registry: Registry::default(), standing: Arc::new(Standing::default()) })
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
    let mut tx = begin(&shared).await;
    let production =
        json!({"name": "production", "display_name": "", "rank": 0, "protected": true, "default": true, "version": 1});
    tx.insert_environment(&serde_json::from_value(production).unwrap()).await.unwrap();
    commit(tx).await;
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
