//! Routes, clients, tokens and environments that somebody changed in the database: noticed, told, and not acted upon.

use serde_json::{Value, json};
use testkit::{TestNode, Upstream};

use super::tamperable;
use crate::house::{client, eventually, route, secret, served};

/// A token that Keyroll never gave out, in the hands of whoever can write the database.
const FORGED: &str = "krt_forged_by_somebody_who_can_write_the_database";

/// Changes the database of a node behind its back.
pub(super) type Tamper = Box<dyn Fn(&TestNode, &str)>;

struct Scene {
    node: TestNode,
    change: Tamper,
    upstream: Upstream,
    key: String,
}

fn scene() -> Scene {
    let ((node, change), upstream) = (tamperable(), Upstream::ok());
    secret(&node, "one", "sk_value_of_one_0001");
    for name in ["first", "second"] {
        route(&node, name, &upstream.url(), &json!({"Authorization": "Bearer {{one}}"}));
    }
    let key = client(&node, "shop", "production");
    served(&node, "/first/", &key);
    served(&node, "/second/", &key);
    Scene { node, change, upstream, key }
}

impl Scene {
    /// Changes the database behind Keyroll's back and starts the node anew, which reads everything again.
    fn tamper(&mut self, sql: &str) {
        (self.change)(&self.node, sql);
        self.node.kill();
        self.node.restart();
        let rows = || {
            let ready = self.node.api("GET", "/readyz", None).expect(200).json();
            ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == "rows").unwrap()["ready"].clone()
        };
        eventually("the rows are told to be changed", || rows() == json!(false));
    }

    fn get(&self, path: &str) -> u16 {
        self.node.gateway_get(path, &[("Keyroll-Key", &self.key)]).status
    }

    fn doctor(&self) -> Value {
        let findings = self.node.api("GET", "/v1/doctor", None).expect(200).json();
        findings["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "rows").unwrap().clone()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_route_that_was_pointed_elsewhere_sends_nothing_there() {
    let mut scene = scene();
    let elsewhere = Upstream::ok();
    scene.tamper(&format!(
        "UPDATE routes SET spec = replace(spec, '{}', '{}') WHERE name = 'first'",
        scene.upstream.url(),
        elsewhere.url()
    ));
    eventually("the other route is served", || scene.get("/second/") == 200);
    assert_eq!(scene.get("/first/"), 404);
    assert_eq!(elsewhere.count(), 0);
    let finding = scene.doctor();
    assert_eq!(finding["state"], "problem", "{finding}");
    assert!(finding["detail"].as_str().unwrap().contains("route first"), "{finding}");
    assert!(scene.node.log().contains("route first"));

    // Nobody edits on top of it; an admin does away with it and makes it anew.
    let patch = json!({"description": "x"});
    for (method, body) in [("GET", None), ("PATCH", Some(&patch))] {
        let refused = scene.node.api(method, "/v1/routes/first", body).expect(409).json();
        assert_eq!(refused["code"], "row-tampered");
    }
    let operator = scene.node.api("POST", "/v1/tokens", Some(&json!({"name": "op", "role": "operator"}))).expect(201);
    let operator = operator.json()["token"].as_str().unwrap().to_owned();
    scene.node.api_as(Some(&operator), "DELETE", "/v1/routes/first", None).expect(403);
    scene.node.api("DELETE", "/v1/routes/first", None).expect(204);
    route(&scene.node, "first", &scene.upstream.url(), &json!({"Authorization": "Bearer {{one}}"}));
    eventually("the route is served again", || scene.get("/first/") == 200);
    assert_eq!(elsewhere.count(), 0);
}

#[test]
fn a_client_that_was_changed_gets_nothing() {
    let mut scene = scene();
    scene.tamper("UPDATE clients SET environments = '[\"staging\",\"production\"]' WHERE name = 'shop'");
    assert_eq!(scene.get("/first/"), 401);
    scene.node.api("DELETE", "/v1/clients/shop", None).expect(204);
    scene.key = client(&scene.node, "shop", "production");
    eventually("the new key is taken", || scene.get("/first/") == 200);
}

#[test]
fn a_key_that_was_put_into_the_database_opens_nothing() {
    let mut scene = scene();
    let forged = "krk_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3yjyXs";
    let digest = hex(&envelope::token::digest(forged));
    scene.tamper(&format!(
        "INSERT INTO client_keys (id, client, digest, created_at, seal) \
         SELECT 'key_evil', client, x'{digest}', created_at, seal FROM client_keys"
    ));
    eventually("the true key is taken", || scene.get("/first/") == 200);
    assert_eq!(scene.node.gateway_get("/first/", &[("Keyroll-Key", forged)]).status, 401);
    scene.node.api("DELETE", "/v1/clients/shop/keys/key_evil", None).expect(204);
}

#[test]
fn a_token_that_was_put_into_the_database_opens_nothing() {
    let mut scene = scene();
    let digest = hex(&envelope::token::digest(FORGED));
    scene.tamper(&format!(
        "INSERT INTO tokens (id, name, role, digest, created_at, created_by, seal) \
         SELECT 'tok_evil', 'evil', 'admin', x'{digest}', created_at, created_by, seal FROM tokens"
    ));
    scene.node.api_as(Some(FORGED), "GET", "/v1/secrets", None).expect(401);
    scene.node.api("GET", "/v1/secrets", None).expect(200);
    scene.node.api("DELETE", "/v1/tokens/evil", None).expect(204);
    scene.node.api_as(Some(FORGED), "GET", "/v1/secrets", None).expect(401);
}

#[test]
fn a_token_cannot_be_given_a_greater_role() {
    let mut scene = scene();
    let viewer = scene.node.api("POST", "/v1/tokens", Some(&json!({"name": "eyes", "role": "viewer"}))).expect(201);
    let viewer = viewer.json()["token"].as_str().unwrap().to_owned();
    scene.node.api_as(Some(&viewer), "GET", "/v1/secrets", None).expect(200);
    scene.tamper("UPDATE tokens SET role = 'admin' WHERE name = 'eyes'");
    scene.node.api_as(Some(&viewer), "GET", "/v1/secrets", None).expect(401);
}

#[test]
fn a_protection_that_was_taken_away_opens_nothing() {
    let mut scene = scene();
    scene.tamper("UPDATE environments SET protected = 0 WHERE name = 'production'");
    let developer =
        scene.node.api("POST", "/v1/tokens", Some(&json!({"name": "dev", "role": "developer"}))).expect(201);
    let developer = developer.json()["token"].as_str().unwrap().to_owned();
    let body = json!({"name": "third", "base": {"upstream": scene.upstream.url()}, "environments": {"production": {}}});
    let refused = scene.node.api_as(Some(&developer), "POST", "/v1/routes", Some(&body)).expect(409).json();
    assert_eq!(refused["code"], "row-tampered", "{refused}");
}
