//! The database stops, hangs or is slow, under traffic: no request fails, changes are told so in time, all heals.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Connection, FaultProxy, Mode, Postgres, TestNode, Upstream, wire};

use super::Cluster;
use crate::house::{client, eventually, route, secret, served};

/// The promise: the admin API answers within five seconds, and everything heals within five.
const PROMISE: Duration = Duration::from_secs(5);

/// A node behind a network that fails when told to, with a cluster of the test's own behind that.
struct Scene {
    cluster: Cluster,
    proxy: FaultProxy,
    postgres: Postgres,
    upstream: Upstream,
    key: String,
    url: String,
}

impl Scene {
    fn new() -> Self {
        let postgres = Postgres::start();
        let proxy = FaultProxy::start(([127, 0, 0, 1], postgres.port()));
        let url = postgres.create_database().url_by(proxy.port());
        let cluster = Cluster::start(std::slice::from_ref(&url));
        let upstream = Upstream::ok();
        let node = cluster.node(0);
        secret(node, "key", "sk_outage_0001");
        route(node, "payments", &upstream.url(), &json!({"Authorization": "Bearer {{key}}"}));
        let key = client(node, "shop", "production");
        served(node, "/payments/x", &key);
        Self { cluster, proxy, postgres, upstream, key, url }
    }

    fn node(&self) -> &TestNode {
        self.cluster.node(0)
    }

    /// Tries to create a secret; the status and how long it took.
    fn change(&self, name: &str) -> (u16, Duration) {
        let begun = Instant::now();
        let body = json!({"name": name, "value": "sk_meanwhile_0001"});
        let reply = self.node().api("POST", "/v1/secrets", Some(&body));
        (reply.status, begun.elapsed())
    }

    /// Runs `trouble` under traffic, of which no request may fail. The answer is how many there were.
    fn under_traffic(&self, trouble: impl FnOnce()) -> usize {
        let (done, count) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut connection = Connection::open(self.node().gateway()).unwrap();
                    let headers = [("Host", "gateway"), ("Keyroll-Key", self.key.as_str())];
                    let request = wire::request("GET", "/payments/x", &headers, b"");
                    while !done.load(Ordering::Relaxed) {
                        let reply = connection.call(&request).unwrap();
                        assert_eq!(reply.status, 200, "{}", reply.text());
                        count.fetch_add(1, Ordering::Relaxed);
                        self.upstream.clear();
                    }
                });
            }
            let ending = Ending(&done);
            trouble();
            drop(ending);
        });
        count.load(Ordering::Relaxed)
    }

    /// Waits until changes are made and served again, within the promise.
    fn heals(&self, name: &str) {
        let begun = Instant::now();
        loop {
            match self.change(name).0 {
                201 => break,
                // It was made while nobody could be told.
                409 => break,
                status => assert_eq!(status, 503),
            }
            assert!(begun.elapsed() < PROMISE, "no change in {:?}", begun.elapsed());
        }
        eventually("it is ready", || self.node().api("GET", "/readyz", None).status == 200);
        let served = || self.node().api("GET", "/v1/nodes", None).json()["items"][0]["lag_ms"] == 0;
        eventually("the change is served", served);
        assert!(begun.elapsed() < PROMISE + Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}

/// Ends the traffic, also when the trouble panics.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn database_check(node: &TestNode) -> Value {
    let ready = node.api("GET", "/readyz", None).expect(503).json();
    ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == "database").unwrap().clone()
}

/// Each trouble lasts this long.
fn troubles(time: Duration) {
    let scene = Scene::new();
    let lasts = |name: &str| {
        let begun = Instant::now();
        let mut tried = 0;
        while begun.elapsed() < time {
            let (status, took) = scene.change(&format!("{name}_{tried}"));
            assert_eq!(status, 503, "{name}");
            assert!(took < PROMISE, "{name}: {took:?}");
            assert_eq!(database_check(scene.node())["ready"], false, "{name}");
            scene.node().api("GET", "/readyz?role=gateway", None).expect(200);
            tried += 1;
        }
    };
    let count = scene.under_traffic(|| {
        scene.postgres.stop_immediate();
        lasts("stopped");
        scene.postgres.start_again();
        scene.heals("after_stop");

        scene.proxy.set(Mode::BlackHole);
        lasts("black_holed");
        scene.proxy.set(Mode::Pass);
        scene.heals("after_black_hole");

        scene.proxy.set(Mode::Cut);
        lasts("cut");
        scene.proxy.set(Mode::Pass);
        scene.heals("after_cut");

        scene.proxy.set(Mode::Slow { delay: Duration::from_millis(150) });
        let begun = Instant::now();
        while begun.elapsed() < time {
            let (status, took) = scene.change(&format!("slow_{}", begun.elapsed().as_millis()));
            assert!(took < PROMISE && [201, 503].contains(&status), "{status} {took:?}");
        }
        scene.proxy.set(Mode::Pass);
        scene.heals("after_slow");
    });
    println!("{count} requests, none failed");
    assert!(count > 500, "{count}");
    let counted = scene.node().api("GET", "/v1/secrets/key", None).expect(200).json()["use_count"].as_u64().unwrap();
    eventually("all are counted", || {
        let now = scene.node().api("GET", "/v1/secrets/key", None).expect(200).json()["use_count"].as_u64().unwrap();
        now >= u64::try_from(count).unwrap() && now >= counted
    });
}

#[test]
fn no_request_fails_while_the_database_is_stopped_black_holed_cut_or_slow() {
    troubles(Duration::from_secs(6));
}

#[test]
#[ignore = "soak"]
fn no_request_fails_while_each_trouble_lasts_a_minute() {
    troubles(Duration::from_secs(60));
}

#[test]
fn a_node_that_starts_while_the_database_is_away_waits_and_then_serves_by_itself() {
    let mut scene = Scene::new();
    let node = &mut scene.cluster.nodes[0];
    node.stop();
    scene.proxy.set(Mode::Refuse);
    node.restart_unready();
    assert_eq!(node.api("GET", "/healthz", None).status, 200);
    assert_eq!(database_check(node)["ready"], false);
    let refused = node.api("GET", "/v1/secrets", None).expect(503);
    assert_eq!(refused.json()["code"], "database-unavailable");
    let refused = node.gateway_get("/payments/x", &[("Keyroll-Key", &scene.key)]).expect(503);
    assert_eq!(refused.json()["code"], "no-snapshot");
    assert!(node.log().contains("waiting for the database"), "{}", node.log());
    scene.proxy.set(Mode::Pass);
    served(&scene.cluster.nodes[0], "/payments/x", &scene.key);
    scene.heals("after_start");
}

#[test]
fn a_login_that_is_refused_ends_the_start_and_says_so() {
    let postgres = Postgres::shared();
    let url = postgres.create_database().url();
    let (before, after) = url.split_once("keyroll:").unwrap();
    let (_, rest) = after.split_once('@').unwrap();
    let wrong = format!("{before}keyroll:wrong-password-7731@{rest}");
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(crate::house::KEYROLL)
        .args(["serve", "--gateway-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--database", &wrong])
        .arg("--data-dir")
        .arg(folder.path())
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("password authentication failed") && !said.contains("wrong-password-7731"), "{said}");
}

#[test]
fn a_snapshot_that_got_too_old_is_withdrawn_and_comes_back() {
    let scene = Scene::new();
    let short = scene.cluster.options(&scene.url).env("KEYROLL_POLICY__MAX_STALENESS", "3s").start();
    served(&short, "/payments/x", &scene.key);
    scene.proxy.set(Mode::BlackHole);
    let status = || short.gateway_get("/payments/x", &[("Keyroll-Key", &scene.key)]).status;
    let begun = Instant::now();
    while status() == 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "still served");
    }
    assert!(begun.elapsed() > Duration::from_secs(2));
    assert_eq!(scene.node().gateway_get("/payments/x", &[("Keyroll-Key", &scene.key)]).status, 200);
    short.api("GET", "/readyz?role=gateway", None).expect(503);
    scene.proxy.set(Mode::Pass);
    eventually("it serves again", || status() == 200);
}
