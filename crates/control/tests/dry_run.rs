//! `?dry_run=true`: the answer is that of the change, and nothing is changed; who cannot be tried refuses to be asked.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use common::House;
use control::{ENDPOINTS, Least};
use model::access::Role;
use serde_json::{Value, json};

/// What every kind of thing is, before and after.
async fn state(house: &House) -> Vec<String> {
    let mut all = Vec::new();
    for path in ["/v1/secrets", "/v1/routes", "/v1/clients", "/v1/environments", "/v1/rotations", "/v1/audit"] {
        all.push(house.send(Role::Admin, "GET", path, Value::Null).await.expect(200).text);
    }
    all
}

async fn furnished() -> House {
    let house = House::new().await;
    let base = json!({"upstream": "https://api.example.com"});
    for (path, body) in [
        ("/v1/secrets", json!({"name": "known", "value": "a-value-of-some-length"})),
        ("/v1/routes", json!({"name": "known", "base": base, "environments": {"staging": {}}})),
        ("/v1/routes", json!({"name": "other", "base": base})),
        ("/v1/clients", json!({"name": "known", "environments": ["staging"], "routes": ["known"]})),
    ] {
        house.send(Role::Admin, "POST", path, body).await.expect(201);
    }
    house.send(Role::Admin, "PATCH", "/v1/routes/known", json!({"description": "x"})).await.expect(200);
    house
}

#[tokio::test]
async fn a_change_is_judged_and_answered_and_not_made() {
    let house = furnished().await;
    let before = state(&house).await;
    let route = json!({"name": "fresh", "base": {"upstream": "https://api.example.com"}});
    for (method, path, body, status) in [
        ("POST", "/v1/secrets", json!({"name": "fresh", "value": "planted-value"}), 201),
        ("PATCH", "/v1/secrets/known", json!({"owner": "payments"}), 200),
        ("DELETE", "/v1/secrets/known", Value::Null, 204),
        ("POST", "/v1/routes", route, 201),
        ("PUT", "/v1/routes/known", json!({"base": {"upstream": "https://b.example.com"}}), 200),
        ("PATCH", "/v1/routes/known", json!({"description": "y"}), 200),
        ("DELETE", "/v1/routes/other", Value::Null, 204),
        ("POST", "/v1/routes/known/roll-back", json!({"revision": 1}), 200),
        ("POST", "/v1/clients", json!({"name": "fresh", "environments": ["staging"], "routes": ["*"]}), 201),
        ("PATCH", "/v1/clients/known", json!({"disabled": true}), 200),
        ("DELETE", "/v1/clients/known", Value::Null, 204),
        ("POST", "/v1/environments", json!({"name": "fresh"}), 201),
        ("POST", "/v1/rotations", json!({"outgoing": "known", "incoming": {"value": "planted-value"}}), 200),
        ("PATCH", "/v1/environments/staging", json!({"rank": 5}), 200),
        ("DELETE", "/v1/environments/development", Value::Null, 204),
        // What would be refused is refused.
        ("POST", "/v1/secrets", json!({"name": "known", "value": "planted-value"}), 409),
        ("POST", "/v1/routes", json!({"name": "bare"}), 422),
        ("DELETE", "/v1/routes/known", Value::Null, 409),
    ] {
        let headers = [("idempotency-key", path)];
        let reply = house.send_with(Role::Admin, method, &format!("{path}?dry_run=true"), &headers, body).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path}: {}", reply.text);
        assert!(!reply.text.contains("planted-value"));
    }
    assert_eq!(state(&house).await, before);
    // `false` makes it, and a dry run under the same key was no first time.
    let body = json!({"name": "fresh"});
    let headers = [("idempotency-key", "/v1/environments")];
    house.send_with(Role::Admin, "POST", "/v1/environments?dry_run=false", &headers, body).await.expect(201);
    house.send(Role::Admin, "GET", "/v1/environments/fresh", Value::Null).await.expect(200);
    // Rights are asked for as ever.
    let reply = house.send(Role::Viewer, "POST", "/v1/environments?dry_run=true", json!({"name": "more"})).await;
    assert_eq!(reply.refusal(), (403, "permission-denied"));
}

#[tokio::test]
async fn whoever_asks_for_a_dry_run_never_makes_the_change() {
    let house = furnished().await;
    let document = serde_json::to_value(control::openapi()).unwrap();
    let before = state(&house).await;
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.method != "GET") {
        let Least::Token(_) = endpoint.least else { continue };
        let path = endpoint.path.replace("{name}", "known").replace("{id}", "key_0");
        let told = &document["paths"][endpoint.path][endpoint.method.to_lowercase()]["parameters"];
        let has = told.as_array().into_iter().flatten().any(|parameter| parameter["name"] == "dry_run");
        for value in ["true", "1", "true&dry_run=false"] {
            let address = format!("{path}?dry_run={value}");
            let body = if endpoint.method == "DELETE" { Value::Null } else { json!({}) };
            let reply = house.send(Role::Admin, endpoint.method, &address, body).await;
            let refused = reply.refusal() == (422, "query-invalid");
            assert!(refused || (has && value == "true"), "{} {address}: {}", endpoint.method, reply.text);
            assert!(!(refused && has && value == "true"), "{} {address}: {}", endpoint.method, reply.text);
        }
    }
    assert_eq!(state(&house).await, before);
}
