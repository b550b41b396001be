//! A house for tests: the real router over a database in memory, with a clock that tests move and a token of each role.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses a part, and nobody else any")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "functions that only tests call")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use control::{CODES, Control, Keys, Policy, Standing};
use envelope::{FingerprintKey, Keyring};
use model::access::{Actor, Need, Permit, ROLES, Role, authorize};
use model::audit::{Event, Origin};
use model::environment::Environment;
use model::time::{Clock, Entropy, Span, Timestamp};
use serde_json::Value;
use store::{DatabaseUrl, Store, Token, WriteTx};
use tower::ServiceExt;

/// The moment at which every test begins, 2025-11-24T16:00:00Z.
pub const NOW: i64 = 1_764_000_000_000;

/// A clock that stands still until a test moves it.
pub struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that do not repeat within a test, and are the same in each run.
#[derive(Default)]
pub struct Scrambled(AtomicU64);

impl Entropy for Scrambled {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::SeqCst).to_string();
            chunk.copy_from_slice(&envelope::token::digest(&count)[..chunk.len()]);
        }
    }
}

/// A process that serves what was committed.
pub struct Serving;

impl Standing for Serving {
    fn exposure(&self) -> Option<String> {
        None
    }
    fn role(&self) -> model::node::NodeRole {
        model::node::NodeRole::All
    }
    fn serves(&self) -> Option<i64> {
        Some(1)
    }

    fn is_draining(&self) -> bool {
        false
    }

    fn audit_fault(&self) -> Option<String> {
        None
    }

    fn tampered_rows(&self) -> Arc<[String]> {
        Arc::default()
    }

    fn unusable_secrets(&self) -> usize {
        0
    }
}

/// An admin API with the environments development, staging and production (protected, the default one).
pub struct House {
    pub control: Arc<Control>,
    pub clock: Arc<SetClock>,
    router: Router,
}

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body as JSON, `null` where there is none or it is not JSON.
    pub body: Value,
    pub text: String,
}

impl Reply {
    /// The `code` of a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The status and the `code`, for one assertion.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.code())
    }

    /// The pointers of all broken members with their codes, sorted.
    pub fn errors(&self) -> Vec<(String, String)> {
        let text = |error: &Value, member: &str| error[member].as_str().unwrap_or_default().to_owned();
        let list = self.body["errors"].as_array().cloned().unwrap_or_default();
        let mut found: Vec<_> = list.iter().map(|error| (text(error, "pointer"), text(error, "code"))).collect();
        found.sort();
        found
    }

    /// Whatever a test provokes: the published list of codes has it, with this status.
    fn demand_listed_codes(&self) {
        let members = self.errors().into_iter().map(|(_, code)| (422, code));
        let problem = (self.header("content-type") == "application/problem+json")
            .then(|| (self.status.as_u16(), self.code().to_owned()));
        for (status, code) in members.chain(problem) {
            let listed = CODES.iter().any(|entry| entry.code == code && entry.statuses.contains(&status));
            assert!(listed, "codes.rs does not have {code} under {status}: {}", self.text);
        }
    }

    /// The names of the items of a list, in its order.
    pub fn names(&self) -> Vec<&str> {
        self.body["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The same reply, or a panic that shows it where the status is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

pub fn permit() -> Permit {
    authorize(&Actor::system("test"), [Need::Administer]).unwrap()
}

impl House {
    /// A node that was there, and is heard of no more.
    pub async fn silent_node(&self, id: &str) {
        let heartbeat = store::Heartbeat {
            id: id.to_owned(),
            name: "edge-1".to_owned(),
            role: model::node::NodeRole::Gateway,
            version: "0.1.0".to_owned(),
            run: "run_1".to_owned(),
            serves: Some(("inc_1".to_owned(), 1)),
            max_staleness: Span::from_hours(24),
            open: Vec::new(),
        };
        let store = &self.control.store;
        store.record(store::Telemetry::Heartbeat(heartbeat)).await.unwrap();
        store.record(store::Telemetry::Farewell(id.to_owned())).await.unwrap();
    }

    pub async fn new() -> Self {
        Self::on(&DatabaseUrl::SqliteMemory).await
    }

    /// The same over a database of the test's choice.
    pub async fn on(url: &DatabaseUrl) -> Self {
        let entropy = Arc::new(Scrambled::default());
        let keyring = Keyring::parse(&envelope::generate(entropy.as_ref(), Timestamp::from_millis(NOW))).unwrap();
        let fingerprints = FingerprintKey::generate(entropy.as_ref());
        Self::built(url, keyring, fingerprints, entropy).await
    }

    /// The same with keys of the test's choice.
    pub async fn with_keys(keyring: Keyring, fingerprints: FingerprintKey) -> Self {
        Self::built(&DatabaseUrl::SqliteMemory, keyring, fingerprints, Arc::new(Scrambled::default())).await
    }

    /// The same database after a start with other keys.
    pub fn restarted(&self, keyring: Keyring, fingerprints: FingerprintKey) -> Self {
        let keys = Keys { keyring: Arc::new(keyring), fingerprints };
        Self::over(self.control.store.clone(), keys, Arc::clone(&self.clock), Arc::clone(&self.control.entropy))
    }

    async fn built(
        url: &DatabaseUrl,
        keyring: Keyring,
        fingerprints: FingerprintKey,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let clock = Arc::new(SetClock(AtomicI64::new(NOW)));
        let store = Store::open(url, clock.now(), "inc_1".to_owned()).await.unwrap();
        let rows = fingerprints.row_key();
        store.seal_with(Arc::new(move |table, row| rows.seal(table, row)));
        let house = Self::over(store, Keys { keyring: Arc::new(keyring), fingerprints }, clock, entropy);
        house.furnish().await;
        house
    }

    fn over(store: Store, keys: Keys, clock: Arc<SetClock>, entropy: Arc<dyn Entropy>) -> Self {
        let policy = Policy {
            retention: Span::from_hours(48),
            allow_private: Vec::new(),
            naming: None,
            rotations: model::schedule::Policy::default(),
        };
        let control =
            Arc::new(Control::new(store, keys, policy, [clock.clone(), clock.clone()], entropy, Arc::new(Serving)));
        Self { router: control::router(Arc::clone(&control)), control, clock }
    }

    async fn furnish(&self) {
        let mut tx = self.begin().await;
        for (rank, name) in ["development", "staging", "production"].into_iter().enumerate() {
            let environment = Environment {
                name: name.parse().unwrap(),
                display_name: name.to_owned(),
                rank: i64::try_from(rank).unwrap(),
                protected: name == "production",
                default: name == "production",
                version: 1,
            };
            tx.insert_environment(&environment).await.unwrap();
        }
        for role in ROLES {
            let token = Token {
                id: format!("tok_{role}"),
                name: role.to_string(),
                role,
                digest: envelope::token::digest(&Self::token(role)),
                created_at: self.clock.now(),
                created_by: "system:test".to_owned(),
                expires_at: None,
                revoked_at: None,
            };
            tx.insert_token(&token).await.unwrap();
        }
        self.commit(tx).await;
    }

    /// The token of a role.
    pub fn token(role: Role) -> String {
        format!("krt_a_token_that_only_tests_have_{role}")
    }

    /// Moves the clock on.
    pub fn advance(&self, span: Span) {
        self.clock.0.fetch_add(span.as_millis(), Ordering::SeqCst);
    }

    /// A change that does not come through the API.
    pub async fn begin(&self) -> WriteTx {
        self.control.store.begin(&permit()).await.unwrap()
    }

    /// Ends such a change.
    pub async fn commit(&self, tx: WriteTx) {
        let event = Event::done(&permit(), &Origin::local(), self.clock.now(), "test.change", "test/thing".to_owned());
        tx.commit(event).await.unwrap();
    }

    /// One request; a body of `null` is none.
    pub async fn send(&self, role: Role, method: &str, path: &str, body: Value) -> Reply {
        self.send_with(role, method, path, &[], body).await
    }

    /// One request with more headers.
    pub async fn send_with(
        &self,
        role: Role,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Reply {
        let bearer = format!("Bearer {}", Self::token(role));
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).unwrap() };
        self.send_raw(method, path, &all, bytes).await
    }

    /// One request as it is, without a token unless the headers hold one.
    pub async fn send_raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        self.send_body(method, path, headers, Body::from(body)).await
    }

    /// The same with a body that may still be on its way.
    pub async fn send_body(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let reply = Reply {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        };
        reply.demand_listed_codes();
        reply
    }

    /// The latest audit events, the newest first, at most `limit`.
    pub async fn audit(&self, limit: usize) -> Vec<Value> {
        let reply = self.send(Role::Admin, "GET", &format!("/v1/audit?limit={limit}"), Value::Null).await.expect(200);
        reply.body["items"].as_array().unwrap().clone()
    }
}
