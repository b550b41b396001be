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
use testkit::postgres::{Database, Postgres};

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

/// Which engine a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// A database of the test's own: a file in a directory, or one of a real server.
pub(crate) struct Db {
    pub(crate) store: Store,
    url: DatabaseUrl,
    place: Place,
}

enum Place {
    Directory(tempfile::TempDir),
    Server(Box<(Postgres, Database)>),
}

impl Db {
    pub(crate) async fn new(engine: Engine) -> Self {
        let (url, place) = match engine {
            Engine::Sqlite => {
                let directory = tempfile::tempdir().unwrap();
                (DatabaseUrl::SqliteFile(file(&directory)), Place::Directory(directory))
            }
            Engine::Postgres => {
                let postgres = Postgres::shared();
                let database = postgres.create_database();
                (database.url().parse().unwrap(), Place::Server(Box::new((postgres, database))))
            }
        };
        Self { store: open(&url).await.unwrap(), url, place }
    }

    /// The store alone; the database stays until the process ends.
    pub(crate) fn into_store(self) -> Store {
        std::mem::forget(self.place);
        self.store
    }

    pub(crate) fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Another handle, as a second process has it.
    pub(crate) async fn open(&self) -> Result<Store, StoreError> {
        open(&self.url).await
    }

    pub(crate) async fn reopen(self) -> Self {
        let Self { store, url, place } = self;
        drop(store);
        Self { store: open(&url).await.unwrap(), url, place }
    }

    /// The file; only where there is one.
    pub(crate) fn path(&self) -> PathBuf {
        match &self.place {
            Place::Directory(directory) => file(directory),
            Place::Server(_) => panic!("a server has no file of ours"),
        }
    }

    /// The server and the database in it; only where there is one.
    pub(crate) fn server(&self) -> (&Postgres, &Database) {
        match &self.place {
            Place::Server(server) => (&server.0, &server.1),
            Place::Directory(_) => panic!("a file has no server"),
        }
    }

    /// The back door: runs statements as another program with its own settings does, an attacker's or a person's at a
    /// prompt. The answer is the number of rows, or the text of the refusal.
    pub(crate) async fn raw(&self, sql: &str) -> Result<u64, String> {
        match &self.place {
            Place::Directory(_) => {
                let raw = self.connection();
                match sql.contains("; ") {
                    true => raw.execute_batch(sql).map(|()| 0),
                    false => raw.execute(sql, []).map(|rows| u64::try_from(rows).unwrap()),
                }
                .map_err(|error| error.to_string())
            }
            Place::Server(_) => {
                let refusal = |error: tokio_postgres::Error| match error.as_db_error() {
                    Some(refusal) => refusal.message().to_owned(),
                    None => error.to_string(),
                };
                let client = self.client().await;
                match sql.contains("; ") {
                    true => client.batch_execute(&spelt(sql)).await.map(|()| 0).map_err(refusal),
                    false => client.execute(&spelt(sql), &[]).await.map_err(refusal),
                }
            }
        }
    }

    /// The column `t` of a query through the back door.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        match &self.place {
            Place::Directory(_) => {
                let raw = self.connection();
                let mut statement = raw.prepare(&sql.replace("HEX", "hex")).unwrap();
                let rows = statement.query_map([], |row| row.get("t")).unwrap();
                rows.map(Result::unwrap).collect()
            }
            Place::Server(_) => {
                let sql = sql.replace("HEX(ciphertext)", "encode(ciphertext, 'hex')");
                self.client().await.query(&sql, &[]).await.unwrap().iter().map(|row| row.get("t")).collect()
            }
        }
    }

    pub(crate) fn is_file(&self) -> bool {
        matches!(self.place, Place::Directory(_))
    }

    /// Takes guards away, as the owner of a database can.
    pub(crate) async fn drop_guards(&self, table: &str, guards: &[&str]) {
        for guard in guards {
            let on = if self.is_file() { String::new() } else { format!(" ON {table}") };
            self.raw(&format!("DROP TRIGGER {guard}{on}")).await.unwrap();
        }
    }

    /// Those of the verbs or statements that the engine knows: only SQLite has `OR REPLACE` and its like.
    pub(crate) fn known<'a>(&self, verbs: &[&'a str]) -> Vec<&'a str> {
        let foreign = ["OR REPLACE", "OR IGNORE", "OR FAIL", "OR ROLLBACK", "REPLACE"];
        let known = |text: &&&str| {
            self.is_file() || foreign.iter().all(|verb| !text.contains(&format!(" {verb}")) && *text != verb)
        };
        verbs.iter().filter(known).copied().collect()
    }

    pub(crate) fn connection(&self) -> rusqlite::Connection {
        let raw = rusqlite::Connection::open(self.path()).unwrap();
        raw.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        raw.pragma_update(None, "foreign_keys", "OFF").unwrap();
        raw
    }

    async fn client(&self) -> tokio_postgres::Client {
        let (_, database) = self.server();
        let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

/// Bytes are `x'00'` in SQLite and `'\x00'` in PostgreSQL.
fn spelt(sql: &str) -> String {
    [" ", "("].iter().fold(sql.to_owned(), |sql, before| sql.replace(&format!("{before}x'"), &format!("{before}'\\x")))
}

fn file(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("data/keyroll.db")
}

pub(crate) async fn open(url: &DatabaseUrl) -> Result<Store, StoreError> {
    let store = Store::open(url, at(0), "inc_1".to_owned()).await?;
    store.seal_with(std::sync::Arc::new(seal));
    Ok(store)
}

/// Stands for the keyed digest of `envelope`: whoever does not know how it is made cannot make one.
fn seal(table: &str, row: &[u8]) -> [u8; 32] {
    store::leaf_hash(&[b"a key for tests", table.as_bytes(), row].concat())
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
        signing: None,
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
