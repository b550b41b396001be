//! What the tests of the store share: a database on disk, things to put in it, and a back door.

use std::path::PathBuf;

use model::access::{Actor, Need, Permit, authorize};
use model::audit::{Event, Origin};
use model::client::{Client, ClientKey, RouteGrant};
use model::environment::Environment;
use model::route::RouteSpec;
use model::secret::{Class, Kind, Limits, Secret, State};
use model::time::Timestamp;
use store::{Committed, DatabaseUrl, Sealed, Store, StoreError, WriteTx};

pub(crate) const NOW: i64 = 1_764_000_000_000;

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW + millis)
}

pub(crate) fn permit() -> Permit {
    authorize(&Actor::system("test"), [Need::Administer]).unwrap()
}

pub(crate) fn event(action: &str, subject: &str) -> Event {
    Event::done(&permit(), &Origin::local(), at(0), action, subject.to_owned())
}

pub(crate) async fn memory() -> Store {
    Store::open(&DatabaseUrl::SqliteMemory, at(0), "inc_1".to_owned()).await.unwrap()
}

/// A database in a directory of its own.
pub(crate) struct OnDisk {
    pub(crate) store: Store,
    directory: tempfile::TempDir,
}

impl OnDisk {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory.path().join("data/keyroll.db")).await.unwrap();
        Self { store, directory }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("data/keyroll.db")
    }

    /// The back door: another program with its own settings, as an attacker or a person at a prompt has it.
    pub(crate) fn raw(&self) -> rusqlite::Connection {
        let raw = rusqlite::Connection::open(self.path()).unwrap();
        raw.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        raw.pragma_update(None, "foreign_keys", "OFF").unwrap();
        raw
    }

    pub(crate) async fn reopen(self) -> Self {
        let Self { store, directory } = self;
        drop(store);
        let store = open(&directory.path().join("data/keyroll.db")).await.unwrap();
        Self { store, directory }
    }
}

pub(crate) async fn open(path: &std::path::Path) -> Result<Store, StoreError> {
    Store::open(&DatabaseUrl::SqliteFile(path.to_owned()), at(0), "inc_1".to_owned()).await
}

pub(crate) async fn begin(store: &Store) -> WriteTx {
    store.begin(&permit()).await.unwrap()
}

pub(crate) async fn commit(tx: WriteTx) -> Committed {
    tx.commit(event("test.change", "test/thing")).await.unwrap()
}

pub(crate) fn secret(name: &str) -> Secret {
    Secret {
        id: format!("sec_{name}"),
        name: name.parse().unwrap(),
        kind: Kind::ApiKey,
        class: Class::Standard,
        description: String::new(),
        owner: "payments".to_owned(),
        tags: vec!["pci".to_owned()],
        successor_of: None,
        limits: Limits { environments: None, allowed_hosts: None, sensitive: true },
        probe: None,
        expires_at: None,
        strict_expiry: false,
        rotate_every: None,
        state: State::Active,
        fingerprint: format!("kf_{name}"),
        created_at: at(0),
        created_by: "token:ops".to_owned(),
        deleted_at: None,
        last_referenced_at: None,
        version: 1,
    }
}

pub(crate) fn sealed(name: &str) -> Sealed {
    Sealed {
        format: 1,
        dek_id: format!("dek_{name}"),
        kek_id: "kek_1".to_owned(),
        wrapped_dek: format!("wrapped {name}").into_bytes(),
        ciphertext: format!("sealed {name}").into_bytes(),
    }
}

pub(crate) fn environment(name: &str, rank: i64, default: bool) -> Environment {
    Environment {
        name: name.parse().unwrap(),
        display_name: name.to_owned(),
        rank,
        protected: default,
        default,
        version: 1,
    }
}

/// A route in staging and production with one header from one secret.
pub(crate) fn route(name: &str, secret: &str) -> RouteSpec {
    spec(&format!(
        r#"{{"name": "{name}", "base": {{"upstream": "https://api.example.com",
            "inject": {{"headers": {{"Authorization": "Bearer {{{{{secret}}}}}"}}}}}},
            "environments": {{"staging": {{}}, "production": {{}}}}}}"#
    ))
}

pub(crate) fn spec(json: &str) -> RouteSpec {
    serde_json::from_str(json).unwrap()
}

pub(crate) fn client(name: &str) -> Client {
    Client {
        name: name.parse().unwrap(),
        description: "a client".to_owned(),
        environments: ["staging".parse().unwrap()].into(),
        routes: RouteGrant::All,
        allowed_ips: vec!["10.0.0.0/8".parse().unwrap()],
        rate_limit: None,
        expires_at: None,
        disabled: false,
        created_at: at(0),
        version: 1,
    }
}

pub(crate) fn client_key(client: &str, number: u8) -> ClientKey {
    ClientKey {
        id: format!("key_{client}_{number}"),
        client: client.parse().unwrap(),
        digest: [number; 32],
        created_at: at(i64::from(number)),
        revoked_at: None,
    }
}

pub(crate) async fn add_secrets(store: &Store, names: &[&str]) {
    let mut tx = begin(store).await;
    for name in names {
        tx.insert_secret(&secret(name), &sealed(name)).await.unwrap();
    }
    commit(tx).await;
}

/// Staging, production, two secrets, and a route that names the first.
pub(crate) async fn furnish(store: &Store) {
    let mut tx = begin(store).await;
    tx.insert_environment(&environment("staging", 1, false)).await.unwrap();
    tx.insert_environment(&environment("production", 2, true)).await.unwrap();
    for name in ["stripe_api_key", "partner_api_key"] {
        tx.insert_secret(&secret(name), &sealed(name)).await.unwrap();
    }
    tx.insert_route(&route("payments", "stripe_api_key"), at(0)).await.unwrap();
    commit(tx).await;
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, StoreError>, rule: store::Rule) {
    match result {
        Err(StoreError::Refused(found)) => assert_eq!(found, rule),
        other => panic!("expected {rule:?}, found {other:?}"),
    }
}
