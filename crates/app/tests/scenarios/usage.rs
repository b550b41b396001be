//! Last used and counts: kept across a restart, nearly all across kill -9, never later than it happened.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, TestNode, Upstream};

use crate::house::{client, eventually, route, secret, served};

fn shown(node: &TestNode) -> Value {
    node.api("GET", "/v1/secrets/key", None).expect(200).json()
}

/// A moment by the node's own clock; RFC 3339 in one form, so that texts compare as moments do.
fn moment(node: &TestNode, name: &str) -> String {
    let token = node.api("POST", "/v1/tokens", Some(&json!({"name": name, "role": "viewer"}))).expect(201).json();
    token["created_at"].as_str().unwrap().to_owned()
}

fn count(node: &TestNode) -> u64 {
    shown(node)["use_count"].as_u64().unwrap()
}

#[test]
fn uses_are_counted_by_outcome_and_survive() {
    let mut node = super::start();
    let upstream = Upstream::start(|request| {
        let status = request.target.rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or(200);
        Answer::text(status, "x")
    });
    secret(&node, "key", "sk_counted_0001");
    secret(&node, "idle", "sk_never_used_0001");
    assert_eq!((shown(&node)["last_used_at"].clone(), count(&node)), (Value::Null, 0));
    route(&node, "payments", &upstream.url(), &json!({"Authorization": "Bearer {{key}}"}));
    let key = client(&node, "shop", "staging");
    served(&node, "/payments/200", &key);
    let first = u64::try_from(upstream.count()).unwrap();
    let before = moment(&node, "before");
    for status in [200, 401, 403, 429, 500] {
        node.gateway_get(&format!("/payments/{status}"), &[("Keyroll-Key", &key)]).expect(status);
    }
    eventually("all uses are counted", || count(&node) == first + 5);
    let usage = node.api("GET", "/v1/secrets/key/usage", None).expect(200).json();
    let of = |outcome: &str| -> u64 {
        let buckets = usage["buckets"].as_array().unwrap();
        buckets
            .iter()
            .filter(|bucket| bucket["outcome"] == outcome)
            .map(|bucket| bucket["count"].as_u64().unwrap())
            .sum()
    };
    let expected = [("accepted", first + 1), ("rejected", 1), ("refused", 1), ("throttled", 1), ("failed", 1)];
    assert_eq!(expected.map(|(outcome, _)| (outcome, of(outcome))), expected);
    assert_eq!(usage["total"], first + 5);
    let places = node.api("GET", "/v1/secrets/key/routes", None).expect(200).json();
    let staging = places["items"].as_array().unwrap().iter().find(|item| item["environment"] == "staging").unwrap();
    assert!(staging["last_used_at"].is_string());
    let last: String = shown(&node)["last_used_at"].as_str().unwrap().to_owned();
    assert!(last > before && last < moment(&node, "after"), "{before} {last}");
    let limit = node.api("GET", "/v1/secrets?unused_for=30d", None).expect(200).json();
    let unused: Vec<_> = limit["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
    assert!(!unused.contains(&json!("key")), "{unused:?}");

    node.stop();
    node.restart();
    assert_eq!((shown(&node)["last_used_at"].clone(), count(&node)), (json!(last), first + 5));
    assert_eq!(node.api("GET", "/v1/secrets/idle", None).expect(200).json()["last_used_at"], Value::Null);

    served(&node, "/payments/200", &key);
    let counted = count_settled(&node);
    for _ in 0..10 {
        node.gateway_get("/payments/200", &[("Keyroll-Key", &key)]).expect(200);
    }
    std::thread::sleep(Duration::from_millis(2_100));
    node.kill();
    node.restart();
    assert_eq!(count(&node), counted + 10, "what is older than two seconds is never lost");
}

/// The count once it stands still.
fn count_settled(node: &TestNode) -> u64 {
    let mut last = count(node);
    loop {
        std::thread::sleep(Duration::from_millis(1_500));
        let now = count(node);
        if now == last {
            return now;
        }
        last = now;
    }
}
