//! A node that is killed for good in the middle of a rotation: as long as it might still serve, nothing is taken from it.
//! One that did not know of the promotion holds up the withdrawal; one that did may serve with the outgoing secret as its
//! shield, and holds up the deletion.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::Upstream;

use super::super::{Cluster, database};
use crate::house::{client, eventually, secret, served};

/// When the second node is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// In the last canary: it never hears of the promotion.
    Canary,
    /// Once it serves the promotion.
    Watching,
}

/// Two nodes, of which the second is gone for good, and a rotation past its last promotion.
struct Scene {
    cluster: Cluster,
    upstream: Upstream,
    rotation: String,
    key: String,
    /// The state in which the rotation has to wait.
    stuck_in: &'static str,
    /// When the node was killed.
    killed_at: Instant,
}

impl Scene {
    fn new(max_staleness: &str, moment: Moment) -> Self {
        let url = database().url();
        let mut cluster = Cluster { nodes: Vec::new(), folder: tempfile::tempdir().unwrap() };
        for _ in 0..2 {
            let options = cluster.options(&url).env("KEYROLL_POLICY__MAX_STALENESS", max_staleness);
            cluster.nodes.push(options.start());
        }
        let upstream = Upstream::ok();
        let node = cluster.node(0);
        secret(node, "key", "sk_silent_out_0001");
        // In one environment alone, or the outgoing secret would stay for the others.
        let route = json!({"name": "payments", "environments": {"production": {}}, "base": {"upstream": upstream.url(),
            "inject": {"headers": {"Authorization": "Bearer {{key}}"}}}});
        node.api("POST", "/v1/routes", Some(&route)).expect(201);
        let key = client(node, "shop", "production");
        served(cluster.node(1), "/payments/x", &key);
        // The last step is long enough to kill somebody in it.
        let plan = json!({"canary": ["50%", "100%"], "canary_step": "30s", "soak": "3s",
            "advance": "automatic", "delete_outgoing": "automatic"});
        let body = json!({"outgoing": "key", "incoming": {"value": "sk_silent_in_0002"}, "plan": plan});
        let started = node.api("POST", "/v1/rotations", Some(&body)).expect(201).json();
        let mut scene = Self {
            cluster,
            upstream,
            rotation: started["id"].as_str().unwrap().to_owned(),
            key,
            stuck_in: if moment == Moment::Canary { "watching" } else { "withdrawn" },
            killed_at: Instant::now(),
        };
        scene.reaches("canary");
        if moment == Moment::Canary {
            scene.kill();
        }
        for _ in 0..2 {
            let path = format!("/v1/rotations/{}/advance", scene.rotation);
            scene.cluster.node(0).api("POST", &path, None).expect(200);
        }
        scene.reaches("watching");
        if moment == Moment::Watching {
            let follows = |node: &Value| node["lag_ms"] == 0;
            eventually("both serve the promotion", || scene.nodes().iter().all(follows));
            scene.kill();
        }
        scene
    }

    fn kill(&mut self) {
        self.cluster.nodes[1].kill();
        self.killed_at = Instant::now();
    }

    fn reaches(&self, state: &str) {
        let begun = Instant::now();
        while self.shown()["state"] != state {
            assert!(begun.elapsed() < Duration::from_secs(20), "{}", self.shown());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn nodes(&self) -> Vec<Value> {
        let nodes = self.cluster.node(0).api("GET", "/v1/nodes", None).expect(200).json();
        nodes["items"].as_array().unwrap().clone()
    }

    fn shown(&self) -> Value {
        self.cluster.node(0).api("GET", &format!("/v1/rotations/{}", self.rotation), None).expect(200).json()
    }

    fn silent(&self) -> Value {
        let nodes = self.nodes();
        nodes.iter().find(|node| node["state"] == "silent").unwrap_or_else(|| panic!("{nodes:?}")).clone()
    }

    /// Waits until the rotation waits for nothing but the node.
    fn waits_for_the_node(&self) {
        let waits = || self.shown()["next"]["waits_for"].as_str().is_some_and(|text| text.contains("(silent"));
        let begun = Instant::now();
        while !waits() {
            assert!(begun.elapsed() < Duration::from_secs(10), "{}", self.shown());
            std::thread::sleep(Duration::from_millis(50));
        }
        let shown = self.shown();
        assert_eq!(shown["state"], self.stuck_in);
        let name = self.silent()["name"].as_str().unwrap().to_owned();
        assert!(shown["next"]["waits_for"].as_str().unwrap().contains(&name), "{}", shown["next"]);
        let key = self.cluster.node(0).api("GET", "/v1/secrets/key", None).expect(200).json();
        assert_eq!(key["state"], "active");
    }

    /// Waits for the end; what was deleted then is gone, and the live node serves the incoming value.
    fn completes(&self) {
        self.reaches("completed");
        let key = self.cluster.node(0).api("GET", "/v1/secrets/key", None).expect(200).json();
        assert_eq!(key["state"], "deleted");
        served(self.cluster.node(0), "/payments/x", &self.key);
        assert_eq!(self.upstream.last().header("authorization").unwrap(), "Bearer sk_silent_in_0002");
    }
}

/// It is stuck for as long as the node might serve by its own limit, and goes on by itself then.
fn waits_out(moment: Moment) {
    let scene = Scene::new("12s", moment);
    scene.waits_for_the_node();
    // The limit counts from its last sign of life, up to a second or two before it was killed.
    while scene.killed_at.elapsed() < Duration::from_secs(9) {
        assert_eq!(scene.shown()["state"], scene.stuck_in, "{:?} after the kill", scene.killed_at.elapsed());
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(Duration::from_secs(2));
    scene.completes();
    println!("completed {:?} after the kill", scene.killed_at.elapsed());
}

/// It goes on as soon as somebody says that the node is stopped.
fn takes_a_word(moment: Moment) {
    let scene = Scene::new("24h", moment);
    scene.waits_for_the_node();
    let path = format!("/v1/nodes/{}/attest-stopped", scene.silent()["id"].as_str().unwrap());
    let attested = scene.cluster.node(0).api("POST", &path, Some(&json!({"reason": "it burnt down"})));
    assert_eq!(attested.expect(200).json()["state"], "stopped");
    scene.completes();
}

#[test]
fn a_withdrawal_waits_for_a_node_that_may_not_know_of_the_promotion() {
    waits_out(Moment::Canary);
}

#[test]
fn a_deletion_waits_for_a_node_that_may_not_know_of_the_withdrawal() {
    waits_out(Moment::Watching);
}

#[test]
fn a_withdrawal_goes_on_at_the_word_that_the_silent_node_is_stopped() {
    takes_a_word(Moment::Canary);
}

#[test]
fn a_deletion_goes_on_at_the_word_that_the_silent_node_is_stopped() {
    takes_a_word(Moment::Watching);
}
