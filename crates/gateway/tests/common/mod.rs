//! A gateway on a real socket, a snapshot built by hand, and an upstream that records.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "for tests, but outside of a test function"
)]

use std::collections::{BTreeMap, HashMap};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use gateway::{Gateway, GatewayOptions, Limits, Running};
use ipnet::IpNet;
use model::client::Client;
use model::name::{EnvironmentName, SecretName};
use model::route::RouteSpec;
use model::secret::{Class, Kind, Limits as SecretLimits, Secret, SecretValue, State};
use model::signing::SigningKey;
use model::snapshot::{Bound, Caller, Opened, Route, SIGNS, Sign, Signer, Snapshot, Trial, TrialCounts, bind, opened};
use model::time::{Clock, Entropy, Timestamp};
use model::token;
use model::usage::{Drained, Tally};
use outbound::{Forwarder, PoolLimits, Tls};
use serde_json::{Value, json};
use testkit::{Connection, Reply, Upstream};
use zeroize::Zeroizing;

/// A clock that goes only when told to.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// 2026-11-23T14:00:00Z.
pub const NOW: i64 = 1_795_442_400_000;

#[derive(Debug, Default)]
pub struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        for (byte, from) in out.iter_mut().zip(number.iter().cycle()) {
            *byte = *from;
        }
    }
}

/// What a snapshot is made of.
pub struct World {
    pub secrets: Vec<Arc<Opened>>,
    pub routes: Vec<RouteSpec>,
    pub clients: Vec<(String, Client)>,
    pub default_environment: Option<EnvironmentName>,
    /// How long a stream may outlive its secret.
    pub grace: Duration,
    /// The signing keys, by the id of a key of the first client.
    pub signers: Vec<(String, String)>,
    pub trusted_proxies: Vec<IpNet>,
    /// The rotations, each of one route in production.
    pub trials: Vec<Plan>,
    tallies: Mutex<HashMap<(String, String, String), Arc<Tally>>>,
}

/// A rotation of `outgoing` into `incoming` behind one route.
#[derive(Clone)]
pub struct Plan {
    pub route: String,
    pub outgoing: &'static str,
    pub incoming: &'static str,
    pub weight: &'static str,
    pub careful: bool,
    pub shield: bool,
    pub counts: Arc<TrialCounts>,
}

impl Plan {
    /// All of the route's traffic, and careful about it.
    pub fn new(route: &str, outgoing: &'static str, incoming: &'static str) -> Self {
        let (route, counts) = (route.to_owned(), Arc::default());
        Self { route, outgoing, incoming, weight: "100%", careful: true, shield: true, counts }
    }

    /// What was counted, without the signs that were not seen; and when the outgoing one was needed.
    pub fn drained(&self) -> (Vec<(Sign, u64)>, Option<Timestamp>) {
        let drained = self.counts.drain().unwrap_or_default();
        let seen = SIGNS.into_iter().zip(drained.counts).filter(|(_, count)| *count > 0);
        (seen.collect(), drained.needed_at)
    }

    /// Waits until something was counted.
    #[track_caller]
    pub fn wait(&self) -> Vec<(Sign, u64)> {
        let mut looks = 0;
        loop {
            let (seen, _) = self.drained();
            if !seen.is_empty() {
                return seen;
            }
            looks += 1;
            assert!(looks < 500, "nothing was counted");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A key by number.
pub fn key(number: u8) -> String {
    token::encode(token::CLIENT_KEY, &[number; 32])
}

pub fn secret(name: &str) -> Secret {
    Secret {
        id: format!("sec_{name}"),
        name: name.parse().unwrap(),
        kind: Kind::ApiKey,
        class: Class::Standard,
        description: String::new(),
        owner: String::new(),
        tags: Vec::new(),
        successor_of: None,
        limits: SecretLimits { environments: None, allowed_hosts: None, sensitive: true },
        probe: None,
        expires_at: None,
        strict_expiry: false,
        rotate_every: None,
        state: State::Active,
        fingerprint: String::new(),
        created_at: Timestamp::from_millis(NOW),
        created_by: "test".to_owned(),
        deleted_at: None,
        last_referenced_at: None,
        version: 1,
    }
}

pub fn client(name: &str) -> Client {
    Client {
        name: name.parse().unwrap(),
        description: String::new(),
        environments: ["production".parse().unwrap()].into(),
        routes: model::client::RouteGrant::All,
        allowed_ips: Vec::new(),
        rate_limit: None,
        expires_at: None,
        disabled: false,
        created_at: Timestamp::from_millis(NOW),
        signing: None,
        version: 1,
    }
}

impl World {
    /// One client with `key(1)` in production, and one secret `api_key`.
    pub fn new() -> Self {
        let mut world = Self {
            secrets: Vec::new(),
            routes: Vec::new(),
            clients: vec![(key(1), client("app"))],
            default_environment: Some("production".parse().unwrap()),
            grace: Duration::from_secs(3600),
            signers: Vec::new(),
            trusted_proxies: Vec::new(),
            trials: Vec::new(),
            tallies: Mutex::default(),
        };
        world.add_secret(secret("api_key"), Some("sk_live_4242"));
        world
    }

    pub fn add_secret(&mut self, secret: Secret, value: Option<&str>) {
        self.secrets.retain(|known| known.secret.name != secret.name);
        self.secrets.push(opened(secret, value.map(|value| SecretValue::new(value.to_owned()))));
    }

    /// A route that injects `Authorization: Bearer {{api_key}}`, with more settings of the base.
    pub fn route(&mut self, name: &str, upstream: &str, settings: &Value) -> &mut RouteSpec {
        let mut base = json!({"upstream": upstream, "inject": {"headers": {"Authorization": "Bearer {{api_key}}"}}});
        for (member, value) in settings.as_object().unwrap() {
            base[member] = value.clone();
        }
        let spec = json!({"name": name, "base": base, "environments": {"production": {}}});
        self.routes.retain(|known| known.name.as_str() != name);
        self.routes.push(serde_json::from_value(spec).unwrap());
        self.routes.last_mut().unwrap()
    }

    pub fn client(&mut self) -> &mut Client {
        &mut self.clients[0].1
    }

    pub fn snapshot(&self) -> Snapshot {
        let secrets: HashMap<SecretName, Arc<Opened>> =
            self.secrets.iter().map(|opened| (opened.secret.name.clone(), Arc::clone(opened))).collect();
        let mut snapshot = Snapshot { default_environment: self.default_environment.clone(), ..Snapshot::default() };
        snapshot.secrets = Arc::new(secrets.clone());
        for spec in &self.routes {
            let environments = spec.environments.keys().map(|environment| {
                let tally = |secret: &SecretName| {
                    let key = (secret.to_string(), spec.name.to_string(), environment.to_string());
                    Arc::clone(self.tallies.lock().unwrap().entry(key).or_default())
                };
                let bound = bind(spec, environment, &secrets, &[], tally).unwrap();
                (environment.clone(), Arc::new(bound))
            });
            let environments: HashMap<EnvironmentName, Arc<Bound>> = environments.collect();
            let planned = self.trials.iter().filter(|plan| plan.route == spec.name.as_str());
            let trials = planned.map(|plan| {
                let environment: EnvironmentName = "production".parse().unwrap();
                let tally = |secret: &SecretName| self.tally(secret.as_str(), spec.name.as_str());
                let text = serde_json::to_string(spec).unwrap();
                let text = text.replace(&format!("{{{{{}}}}}", plan.outgoing), &format!("{{{{{}}}}}", plan.incoming));
                let text = text.replace(&format!("\"{}\"", plan.outgoing), &format!("\"{}\"", plan.incoming));
                let with_incoming: RouteSpec = serde_json::from_str(&text).unwrap();
                let trial = Trial {
                    rotation: "rot_1".to_owned(),
                    outgoing: plan.outgoing.parse().unwrap(),
                    incoming: plan.incoming.parse().unwrap(),
                    with_outgoing: Arc::clone(&environments[&environment]),
                    with_incoming: Arc::new(bind(&with_incoming, &environment, &secrets, &[], tally).unwrap()),
                    weight: plan.weight.parse().unwrap(),
                    careful: plan.careful,
                    shield: plan.shield,
                    salt: 0x5eed,
                    counts: Arc::clone(&plan.counts),
                };
                (environment, Arc::new(trial))
            });
            let trials = trials.collect();
            let route = Route { name: spec.name.clone(), environments, trials };
            for host in &spec.hosts {
                snapshot.hosts.insert(host.clone(), spec.name.clone());
            }
            snapshot.routes.insert(spec.name.clone(), Arc::new(route));
        }
        for (key, client) in &self.clients {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
            let caller = Caller { client: Arc::new(client.clone()), key_id: "key_1".to_owned() };
            snapshot.keys.insert(digest.as_ref().try_into().unwrap(), Arc::new(caller));
        }
        for (key_id, key) in &self.signers {
            let caller = Caller { client: Arc::new(self.clients[0].1.clone()), key_id: key_id.clone() };
            let signer = Signer { caller: Arc::new(caller), key: SigningKey::new(Zeroizing::new(key.clone())) };
            snapshot.signers.insert(key_id.clone(), Arc::new(signer));
        }
        snapshot
    }

    /// The counters of a secret of a route in production.
    pub fn tally(&self, secret: &str, route: &str) -> Arc<Tally> {
        let key = (secret.to_owned(), route.to_owned(), "production".to_owned());
        Arc::clone(self.tallies.lock().unwrap().entry(key).or_default())
    }

    /// What was counted for a secret of a route in production.
    pub fn drained(&self, secret: &str, route: &str) -> Option<Drained> {
        let key = (secret.to_owned(), route.to_owned(), "production".to_owned());
        self.tallies.lock().unwrap().get(&key)?.drain()
    }
}

/// A gateway that serves a world.
pub struct Rig {
    pub running: Running,
    pub snapshot: Arc<ArcSwapOption<Snapshot>>,
    pub clock: Arc<TestClock>,
    pub world: World,
}

impl Rig {
    pub fn start(world: World) -> Self {
        Self::with(world, Limits::default())
    }

    pub fn with(world: World, limits: Limits) -> Self {
        Self::full(world, limits, None)
    }

    pub fn full(world: World, limits: Limits, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let snapshot = Arc::new(ArcSwapOption::from_pointee(Some(world.snapshot())));
        let clock = Arc::new(TestClock(AtomicI64::new(NOW)));
        let running = Gateway::start(GatewayOptions {
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            workers: 2,
            tls,
            snapshot: Arc::clone(&snapshot),
            forwarder: Forwarder::pooled(Arc::new(Tls::new()), PoolLimits::default()),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(Counting::default()),
            allow_private: Vec::new(),
            trusted_proxies: world.trusted_proxies.clone(),
            limits,
            stream_grace: world.grace,
        });
        Self { running: running.unwrap(), snapshot, clock, world }
    }

    /// A route `r` to this upstream.
    pub fn to(upstream: &Upstream) -> Self {
        Self::to_with(upstream, &json!({}))
    }

    /// The same with more settings of the route.
    pub fn to_with(upstream: &Upstream, settings: &Value) -> Self {
        let mut world = World::new();
        world.route("r", &upstream.url(), settings);
        Self::start(world)
    }

    pub fn publish(&self) {
        self.snapshot.store(Some(Arc::new(self.world.snapshot())));
    }

    pub fn connect(&self) -> Connection {
        Connection::open(&self.running.address().to_string()).unwrap()
    }

    /// Sends raw bytes on a new connection.
    pub fn raw(&self, bytes: impl AsRef<[u8]>) -> Reply {
        self.connect().call(bytes.as_ref()).unwrap()
    }

    /// A request with `Host` and `key(1)` beside these headers.
    pub fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.raw(request(method, path, headers, body))
    }

    pub fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &[], b"")
    }
}

/// The bytes of a request with `Host` and `key(1)` beside these headers.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let key = key(1);
    let mut all = vec![("Host", "gateway.test"), ("Keyroll-Key", &*key)];
    all.extend_from_slice(headers);
    testkit::wire::request(method, path, &all, body)
}

/// An answer that the gateway made: its code, after all that must be true of each was checked.
#[track_caller]
pub fn code(reply: &Reply) -> String {
    let problem = reply.json();
    assert_eq!(reply.header("content-type").as_deref(), Some("application/problem+json"));
    assert_eq!(problem["status"], reply.status);
    let code = problem["code"].as_str().unwrap().to_owned();
    let kind = gateway::KINDS.iter().find(|kind| kind.code == code).unwrap();
    assert_eq!((problem["title"].as_str(), reply.status), (Some(kind.title), kind.status));
    assert_eq!(problem["type"], format!("urn:keyroll:problem:{code}"));
    assert!(!problem["request_id"].as_str().unwrap().is_empty());
    let proxy_status = reply.header("proxy-status").unwrap();
    assert!(proxy_status.starts_with("keyroll; error="), "{proxy_status}");
    assert_eq!(reply.header("www-authenticate").is_some(), reply.status == 401);
    assert!(problem["detail"].as_str().unwrap().ends_with('.'), "{problem}");
    assert_eq!(problem["error"], serde_json::json!({"code": code, "message": problem["detail"]}));
    code
}

/// Headers as a map of lower-case names, for comparing all of them at once.
pub fn all_headers(headers: &[(String, Vec<u8>)]) -> BTreeMap<String, Vec<String>> {
    let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        map.entry(name.to_ascii_lowercase()).or_default().push(String::from_utf8_lossy(value).into_owned());
    }
    map
}
