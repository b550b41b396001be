//! Two nodes on one database: what is changed on one is served by the other.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::{Connection, Postgres, TestNode, Upstream, wire};

use super::{Cluster, database};
use crate::house::{client, eventually, route, secret, served};

/// The promise: a change is served by every live node within a second of its commit.
const PROMISE: Duration = Duration::from_secs(1);

/// What the gateway of a node adds, asked over and over on one connection.
struct Look {
    connection: Connection,
    request: Vec<u8>,
}

impl Look {
    fn new(node: &TestNode, key: &str) -> Self {
        let request = wire::request("GET", "/payments/x", &[("Host", "gateway"), ("Keyroll-Key", key)], b"");
        Self { connection: Connection::open(node.gateway()).unwrap(), request }
    }

    /// How long it takes until the upstream is sent this value.
    fn until(&mut self, upstream: &Upstream, value: &str) -> Duration {
        let begun = Instant::now();
        loop {
            let reply = self.connection.call(&self.request).unwrap();
            assert_eq!(reply.status, 200, "{}", reply.text());
            if upstream.last().header("authorization").is_some_and(|found| found.ends_with(value)) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "never served");
        }
    }
}

fn nodes(node: &TestNode) -> Vec<Value> {
    node.api("GET", "/v1/nodes", None).expect(200).json()["items"].as_array().unwrap().clone()
}

#[test]
fn a_change_on_one_node_is_served_by_the_other_within_a_second() {
    changes_are_served(1_000);
}

#[test]
#[ignore = "soak"]
fn five_thousand_changes_on_one_node_are_served_by_the_other_within_a_second() {
    changes_are_served(5_000);
}

fn changes_are_served(changes: usize) {
    let url = database().url();
    let cluster = Cluster::start(&[url.clone(), url]);
    let upstream = Upstream::ok();
    let values = ["sk_cluster_one_01", "sk_cluster_two_02"];
    secret(cluster.node(0), "one", values[0]);
    secret(cluster.node(0), "two", values[1]);
    route(cluster.node(0), "payments", &upstream.url(), &json!({"Authorization": "Bearer {{one}}"}));
    let key = client(cluster.node(0), "shop", "production");
    served(cluster.node(1), "/payments/x", &key);
    let mut look = Look::new(cluster.node(1), &key);
    let postgres = Postgres::shared();
    let mut times: Vec<Duration> = (0..changes)
        .map(|number| {
            // The connection that listens is not what the promise rests on.
            if number % 10 == 9 {
                postgres.kill_backends("keyroll-listen");
            }
            let (from, to) = if number % 2 == 0 { ("one", "two") } else { ("two", "one") };
            let body = json!({"from": from, "to": to});
            cluster.node(0).api("POST", "/v1/routes/replace-secret", Some(&body)).expect(200);
            let time = look.until(&upstream, values[1 - number % 2]);
            upstream.clear();
            time
        })
        .collect();
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 1000).min(times.len() - 1)];
    println!(
        "{changes} changes, served by the other node after: median {:?}, 90 % {:?}, 99 % {:?}, all {:?}",
        at(500),
        at(900),
        at(990),
        at(1000)
    );
    let log: Vec<String> =
        cluster.node(1).log().lines().filter(|line| !line.contains("INFO")).map(str::to_owned).collect();
    assert!(at(1000) < PROMISE, "{:?}\n{}", at(1000), log.join("\n"));
}

#[test]
fn a_node_that_is_killed_leaves_the_other_and_comes_back_as_itself() {
    let url = database().url();
    let mut cluster = Cluster::start(&[url.clone(), url]);
    let upstream = Upstream::ok();
    secret(cluster.node(0), "key", "sk_survivor_0001");
    route(cluster.node(0), "payments", &upstream.url(), &json!({"Authorization": "Bearer {{key}}"}));
    let key = client(cluster.node(0), "shop", "production");
    served(cluster.node(1), "/payments/x", &key);
    eventually("both are live", || nodes(cluster.node(1)).iter().filter(|node| node["state"] == "live").count() == 2);
    let ids = |found: &[Value]| found.iter().map(|node| node["id"].to_string()).collect::<Vec<_>>();
    let before = ids(&nodes(cluster.node(1)));

    let call = |cluster: &Cluster| cluster.node(1).gateway_get("/payments/x", &[("Keyroll-Key", &key)]).status;
    let mut killed = cluster.nodes.remove(0);
    cluster.nodes.insert(0, {
        killed.kill();
        killed
    });
    let mut calls = 0;
    let begun = Instant::now();
    while !nodes(cluster.node(1)).iter().any(|node| node["state"] == "silent") {
        assert_eq!(call(&cluster), 200);
        calls += 1;
        assert!(begun.elapsed() < Duration::from_secs(10), "never silent");
    }
    assert!(calls > 10);
    secret(cluster.node(1), "made_meanwhile", "sk_meanwhile_0001");
    let silent = nodes(cluster.node(1)).into_iter().find(|node| node["state"] == "silent").unwrap();
    assert!(silent["may_serve_until"].is_string() && silent["lag_ms"].is_number(), "{silent}");

    // An operator who knows that it is stopped says so; the node's own word goes before.
    let path = format!("/v1/nodes/{}/attest-stopped", silent["id"].as_str().unwrap());
    let body = json!({"reason": "killed by a test"});
    let attested = cluster.node(1).api("POST", &path, Some(&body)).expect(200).json();
    assert_eq!((&attested["state"], &attested["may_serve_until"]), (&json!("stopped"), &Value::Null));
    cluster.nodes[0].restart();
    eventually("it is live again", || nodes(cluster.node(1)).iter().all(|node| node["state"] == "live"));
    assert_eq!(ids(&nodes(cluster.node(1))), before, "the same node, not another one");
    let refused = cluster.node(1).api("POST", &path, Some(&body)).expect(409);
    assert_eq!(refused.json()["code"], "node-is-live");
    cluster.nodes[0].stop();
    let states: Vec<_> = nodes(cluster.node(1)).iter().map(|node| node["state"].clone()).collect();
    assert!(states.contains(&json!("stopped")), "a node that ends says so: {states:?}");
}

#[test]
fn waiting_for_a_change_sees_a_node_that_does_not_follow() {
    let url = database().url();
    let cluster = Cluster::start(&[url.clone(), url]);
    let upstream = Upstream::ok();
    for name in ["one", "two"] {
        secret(cluster.node(0), name, &format!("sk_waiting_{name}_01"));
    }
    route(cluster.node(0), "payments", &upstream.url(), &json!({"Authorization": "Bearer {{one}}"}));
    let replace = |from: &str, to: &str, seconds: &str| {
        let args = ["route", "replace-secret", from, to, "--wait", "--wait-timeout", seconds];
        cluster.node(0).cli(&args, "")
    };
    let said = replace("one", "two", "30").expect(0).stderr;
    assert!(said.contains("all 2 live nodes serve revision"), "{said}");
    cluster.node(1).signal(Signal::STOP);
    let said = replace("two", "one", "1").expect(6).stderr;
    assert!(said.contains("the change is made, but revision"), "{said}");
    let said = replace("one", "two", "10").expect(0).stderr;
    assert!(said.contains("is silent since") && said.contains("it may serve what it had before until"), "{said}");
    cluster.node(1).signal(Signal::CONT);
    let said = replace("two", "one", "30").expect(0).stderr;
    assert!(said.contains("live nodes serve revision"), "{said}");
    let listed = cluster.node(0).cli(&["node", "list", "-o", "json"], "").expect(0).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

#[test]
fn each_role_does_its_part() {
    let url = database().url();
    let cluster = Cluster::start(&[]);
    let control = cluster.options(&url).arg("--role").arg("control").start();
    let gateway =
        cluster.options(&url).env("KEYROLL_NODE__ROLE", "gateway").env("KEYROLL_NODE__NAME", "edge-1").start();
    assert_eq!(control.gateway(), "", "no gateway listens");
    let upstream = Upstream::ok();
    secret(&control, "key", "sk_by_role_0001");
    route(&control, "payments", &upstream.url(), &json!({"Authorization": "Bearer {{key}}"}));
    let key = client(&control, "shop", "production");
    served(&gateway, "/payments/x", &key);
    assert_eq!(upstream.last().header("authorization").unwrap(), "Bearer sk_by_role_0001");
    assert_eq!(gateway.api("GET", "/v1/secrets", None).expect(404).json()["code"], "endpoint-not-found");
    gateway.api("GET", "/healthz", None).expect(200);
    let find = |role: &str| nodes(&control).into_iter().find(|node| node["role"] == role).unwrap();
    eventually("the gateway node says what it serves", || find("gateway")["revision"].is_number());
    let all = nodes(&control);
    let found = |role: &str| all.iter().find(|node| node["role"] == role).unwrap();
    assert_eq!(found("gateway")["name"], "edge-1");
    assert!(found("gateway")["revision"].is_number() && found("control")["revision"].is_null());
    for (node, role, status) in
        [(&control, "control", 200), (&control, "gateway", 503), (&gateway, "gateway", 200), (&gateway, "control", 503)]
    {
        node.api("GET", &format!("/readyz?role={role}"), None).expect(status);
    }
    control.api("GET", "/readyz?role=proxy", None).expect(422);
    eventually("what the gateway counted is told by the other", || {
        control.api("GET", "/v1/secrets/key", None).expect(200).json()["use_count"].as_u64().unwrap() > 0
    });
}
