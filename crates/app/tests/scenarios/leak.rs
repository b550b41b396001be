//! Known values are planted and found in the upstream's record, and nowhere else.

use serde_json::json;
use testkit::{LeakWatch, TestNode, Upstream};

use crate::house::{client, route, secret, served};

const PLANTS: [(&str, &str); 3] = [
    ("planted_key", "sk_planted_7f3a9c1e5b\"\\&=+/"),
    ("planted_url", "postgres://app:planted-pass-91c2@db/prod"),
    ("planted_next", "sk_planted_successor_c4d8e2"),
];

/// A value that is typed in the wrong places, as careless people do.
const TYPED: &str = "sk_typed_by_mistake_5d1f";

#[test]
fn values_are_in_the_upstream_s_record_and_nowhere_else() {
    let (options, places) = super::alone();
    let mut node = options.start();
    let mut watch = LeakWatch::new();
    let upstream = Upstream::ok();
    for (name, value) in PLANTS {
        watch.plant(name, value);
        secret(&node, name, value);
    }
    watch.plant("typed", TYPED);
    let headers = json!({"Authorization": "Bearer {{planted_key}}", "X-Url": "{{planted_url}}"});
    route(&node, "payments", &upstream.url(), &headers);
    let key = client(&node, "shop", "production");
    served(&node, "/payments/v1/x", &key);

    mistakes(&node);
    let body = json!({"from": "planted_key", "to": "planted_next"});
    node.api("POST", "/v1/routes/replace-secret", Some(&body)).expect(200);
    crate::house::eventually("the successor is sent", || {
        node.gateway_get("/payments/v1/x", &[("Keyroll-Key", &key)]).expect(200);
        upstream.last().header("authorization").is_some_and(|value| value.contains(PLANTS[2].1))
    });
    let test = json!({"environment": "production", "path": "/v1/balance"});
    node.api("POST", "/v1/routes/payments/test", Some(&test)).expect(200);
    node.cli(&["route", "test", "payments", "--environment", "production"], "").expect(0);
    for list in [
        "/v1/secrets",
        "/v1/routes",
        "/v1/clients",
        "/v1/audit",
        "/v1/audit/export",
        "/openapi.json",
        "/readyz",
        "/v1/routes/payments/doctor",
        "/v1/lint",
    ] {
        node.api("GET", list, None).expect(200);
    }
    for args in [["secret", "list", "-o", "yaml"], ["route", "list", "-o", "json"], ["audit", "list", "-o", "table"]] {
        node.cli(&args, "").expect(0);
    }
    node.cli(&["secret", "get", "planted_key"], "").expect(0);

    for (name, _) in PLANTS {
        watch.require("the upstream's record", &upstream.bytes(), name);
    }
    watch.search_proc(node.pid());
    watch.search_dir(&node.data_dir());
    node.stop();
    watch.search_dir(&node.data_dir());
    for place in places.folders() {
        watch.search_dir(&place);
    }
    watch.search_dir(&node.log_path());
    watch.search_transcript(node.transcript());
    assert!(node.log().contains("DEBUG"), "the log was as chatty as it can be");
    watch.assert_clean();
}

/// Whatever is refused must not say what it was given.
fn mistakes(node: &TestNode) {
    for body in [
        json!({"name": "1bad", "value": TYPED}),
        json!({"name": TYPED, "valu": TYPED}),
        json!({"name": "planted_key", "value": TYPED}),
        json!({"name": "fresh", "value": [TYPED]}),
        json!({"name": "fresh", "value": TYPED, "kind": {"a": TYPED}}),
        json!({"name": "fresh", "kind": "api_key", "value": format!("{TYPED}\n")}),
        json!({"name": "fresh", "value": format!("{TYPED}\u{0}")}),
    ] {
        let reply = node.api("POST", "/v1/secrets", Some(&body));
        assert!((400..500).contains(&reply.status), "{}", reply.status);
    }
    let broken = format!("{{\"name\": \"fresh\", \"value\": \"{TYPED}");
    let token = format!("Bearer {}", node.token());
    node.api_raw("POST", "/v1/secrets", &[("Authorization", &token)], broken.as_bytes()).expect(400);
    node.api("PATCH", "/v1/secrets/planted_key", Some(&json!({"value": TYPED}))).expect(409);
    node.api("POST", "/v1/secrets/planted_key/compare", Some(&json!({"value": TYPED}))).expect(200);
    let compare = json!({"value": PLANTS[0].1});
    let reply = node.api("POST", "/v1/secrets/planted_key/compare", Some(&compare)).expect(200);
    assert_eq!(reply.json()["match"], true);
    // Where a name belongs, the answer repeats it to whoever typed it; the log must not.
    let host = node.admin().trim_start_matches("http://");
    let request = testkit::wire::request(
        "DELETE",
        &format!("/v1/secrets/{TYPED}"),
        &[("Host", host), ("Authorization", &token)],
        b"",
    );
    assert_eq!(testkit::Connection::open(host).unwrap().call(&request).unwrap().status, 404);
    node.gateway_get("/payments/v1/x", &[("Keyroll-Key", TYPED)]).expect(401);
    node.gateway_get("/payments/v1/x", &[("Authorization", &format!("Bearer {TYPED}"))]).expect(401);
    node.gateway_get("/payments/%2e%2e/x", &[("Keyroll-Key", TYPED)]);
    node.cli(&["secret", "create", "fresh", "--value-stdin"], &format!(" {TYPED}\n")).expect(1);
}
