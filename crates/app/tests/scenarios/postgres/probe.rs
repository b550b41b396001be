//! A database password is tried by logging in to every place that its probe lists.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Answer, TestNode, Upstream};

use super::{database, start};
use crate::house::route;

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

/// Waits until a rotation is in one of the states; the answer is the rotation.
fn reaches(node: &TestNode, id: &str, states: &[&str]) -> Value {
    let begun = Instant::now();
    loop {
        let found = node.api("GET", &format!("/v1/rotations/{id}"), None).expect(200).json();
        if states.contains(&found["state"].as_str().unwrap()) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{found}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// As the playbook of database passwords has it: a role of its own beside the other, every connection tried with the new
/// password, and no word of a human needed but for the removal of the old one.
#[test]
fn a_rotation_of_a_database_password_logs_in_to_every_place_before_anything_moves() {
    let database = database();
    let url = database.url();
    let place = url.split('@').nth(1).unwrap().split('?').next().unwrap();
    database.psql("CREATE ROLE rotated LOGIN PASSWORD 'pw_planted_old_1'").unwrap();
    let node = start();
    let here = [format!("postgres://rotated@{place}"), format!("postgres://rotated@{place}?application_name=two")];
    let body = json!({"name": "db_password", "value": "pw_planted_old_1", "kind": "database_password",
        "probe": {"postgres": {"connections": here}}});
    node.api("POST", "/v1/secrets", Some(&body)).expect(201);
    let upstream = Upstream::start(|_| Answer::text(200, "x"));
    route(&node, "reports", &upstream.url(), &json!({"X-Database-Password": "{{db_password}}"}));
    let start = |value: &str| {
        let plan = json!({"canary_step": "1s", "soak": "1s", "advance": "automatic"});
        let body = json!({"outgoing": "db_password", "incoming": {"value": value}, "plan": plan});
        node.api("POST", "/v1/rotations", Some(&body)).expect(201).json()["id"].as_str().unwrap().to_owned()
    };

    // Not the server's password: it is refused twice, and nothing has moved.
    let wrong = start("pw_planted_wrong_2");
    let stuck = reaches(&node, &wrong, &["needs_operator"]);
    assert!(stuck["history"].to_string().contains("refused"), "{stuck}");
    node.api("POST", &format!("/v1/rotations/{wrong}/abandon"), Some(&json!({"note": "mistyped"}))).expect(200);

    // The server takes the new one from now on. No request needs a probe of a route: the secret's own one speaks for it.
    database.psql("ALTER ROLE rotated PASSWORD 'pw_planted_new_3'").unwrap();
    let id = start("pw_planted_new_3");
    let done = reaches(&node, &id, &["withdrawn"]);
    let probed = done["history"].as_array().unwrap().iter().filter(|line| line["event"] == "probed").count();
    assert!(probed >= 1, "{done}");
    let list = node.api("GET", &format!("/v1/rotations/{id}/checklist"), None).expect(200).json();
    assert!(list.to_string().contains("remove_password"), "{list}");
    assert!(!list.to_string().contains("planted") && !done.to_string().contains("planted"));
    let reports = node.api("GET", "/v1/routes/reports", None).expect(200).json();
    assert!(reports["base"].to_string().contains("{{db_password_v3}}"), "{reports}");
    assert!(!node.log().contains("planted"));
    database.psql("DROP ROLE rotated").unwrap();
}
