//! A furnished node: what most scenarios begin with.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::TestNode;

/// The binary under test.
pub(crate) const KEYROLL: &str = env!("CARGO_BIN_EXE_keyroll");

/// Creates a secret through the API.
#[track_caller]
pub(crate) fn secret(node: &TestNode, name: &str, value: &str) {
    node.api("POST", "/v1/secrets", Some(&json!({"name": name, "value": value, "kind": "api_key"}))).expect(201);
}

/// Creates a route with these headers, served everywhere.
#[track_caller]
pub(crate) fn route(node: &TestNode, name: &str, upstream: &str, headers: &Value) {
    let body = json!({
        "name": name,
        "base": {"upstream": upstream, "inject": {"headers": headers}},
        "environments": {"development": {}, "staging": {}, "production": {}},
    });
    node.api("POST", "/v1/routes", Some(&body)).expect(201);
}

/// Creates a client of one environment, and answers its key.
#[track_caller]
pub(crate) fn client(node: &TestNode, name: &str, environment: &str) -> String {
    let body = json!({"name": name, "environments": [environment], "routes": ["*"]});
    node.api("POST", "/v1/clients", Some(&body)).expect(201);
    let key = node.api("POST", &format!("/v1/clients/{name}/keys"), None).expect(201).json();
    key["key"].as_str().unwrap().to_owned()
}

/// Waits until something holds, at most five seconds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(5), "in five seconds it did not happen that {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the gateway takes a client's key and serves a route with it.
#[track_caller]
pub(crate) fn served(node: &TestNode, path: &str, key: &str) {
    eventually("the gateway serves the route", || node.gateway_get(path, &[("Keyroll-Key", key)]).status == 200);
}
