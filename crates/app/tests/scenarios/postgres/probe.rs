//! A database password is tried by logging in to every place that its probe lists.

use serde_json::{Value, json};
use testkit::TestNode;

use super::{database, start};

fn probe(node: &TestNode, name: &str) -> Value {
    node.api("POST", &format!("/v1/secrets/{name}/probe"), Some(&json!({}))).expect(200).json()
}

#[test]
fn a_database_password_is_alive_where_every_login_succeeds() {
    let database = database();
    let url = database.url();
    let place = url.split('@').nth(1).unwrap().split('?').next().unwrap();
    database.psql("CREATE ROLE probed LOGIN PASSWORD 'pw_planted_4711'").unwrap();
    let node = start();
    let here = format!("postgres://probed@{place}");
    let secret = |name: &str, value: &str, connections: &[&str]| {
        let body = json!({"name": name, "value": value, "kind": "database_password",
            "probe": {"postgres": {"connections": connections}}});
        node.api("POST", "/v1/secrets", Some(&body)).expect(201);
    };
    let nobody = format!("postgres://probed@{}/none", place.split('/').next().unwrap());
    secret("good", "pw_planted_4711", &[&here]);
    secret("bad", "pw_other_planted", &[&here]);
    secret("nowhere", "pw_planted_4711", &[&here, "postgres://probed@127.0.0.1:9/x"]);
    secret("no_database", "pw_planted_4711", &[&nobody]);
    for (name, reading, places) in [
        ("good", "alive", vec!["alive"]),
        ("bad", "dead", vec!["dead"]),
        ("nowhere", "unclear", vec!["alive", "unclear"]),
        ("no_database", "unclear", vec!["unclear"]),
    ] {
        let told = probe(&node, name);
        let found: Vec<&str> =
            told["places"].as_array().unwrap().iter().map(|one| one["reading"].as_str().unwrap()).collect();
        assert_eq!((told["reading"].as_str().unwrap(), found), (reading, places), "{name}: {told}");
        assert!(!told.to_string().contains("planted"), "{told}");
    }
    // A whole URL is a secret too, and logs in by itself.
    let whole = here.replace("probed@", "probed:pw_planted_4711@");
    let body = json!({"name": "whole", "value": whole, "kind": "database_url", "allowed_hosts": ["127.0.0.1"],
        "probe": {"postgres": {"connections": [here]}}});
    node.api("POST", "/v1/secrets", Some(&body)).expect(201);
    assert_eq!(probe(&node, "whole")["reading"], "alive");
    let elsewhere = whole.replace("127.0.0.1", "localhost");
    let body = json!({"name": "elsewhere", "value": elsewhere, "kind": "database_url", "allowed_hosts": ["127.0.0.1"],
        "probe": {"postgres": {"connections": [here]}}});
    node.api("POST", "/v1/secrets", Some(&body)).expect(201);
    assert_eq!(probe(&node, "elsewhere")["reading"], "unclear", "the value names a host that it may not be sent to");
    assert!(!node.log().contains("planted"));
    database.psql("DROP ROLE probed").unwrap();
}
