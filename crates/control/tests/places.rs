//! Environments, clients and their keys, idempotency keys, entity tags.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use common::House;
use model::access::Role;
use serde_json::{Value, json};

const ADMIN: Role = Role::Admin;

fn client(name: &str, environments: &[&str]) -> Value {
    json!({"name": name, "environments": environments, "routes": ["*"]})
}

#[tokio::test]
async fn environments_are_made_edited_and_deleted() {
    let house = House::new().await;
    let made = house.send(ADMIN, "POST", "/v1/environments", json!({"name": "qa"})).await.expect(201);
    assert_eq!(made.body, json!({"name": "qa", "display_name": "qa", "rank": 3, "protected": false, "default": false}));
    assert_eq!(made.header("location"), "/v1/environments/qa");
    let taken = house.send(ADMIN, "POST", "/v1/environments", json!({"name": "qa"})).await;
    assert_eq!(taken.refusal(), (409, "name-taken"));

    let path = "/v1/environments/qa";
    let stale = [("if-match", "\"7\"")];
    let refused = house.send_with(ADMIN, "PATCH", path, &stale, json!({"rank": 1})).await;
    assert_eq!(refused.refusal(), (412, "precondition-failed"));
    let current = [("if-match", made.header("etag"))];
    let edited = house.send_with(ADMIN, "PATCH", path, &current, json!({"rank": 1, "default": true})).await.expect(200);
    assert_eq!((edited.body["rank"].clone(), edited.header("etag")), (json!(1), "\"2\""));
    let list = house.send(ADMIN, "GET", "/v1/environments", Value::Null).await.expect(200);
    assert_eq!(list.names(), ["development", "qa", "staging", "production"]);
    let defaults: Vec<_> =
        list.body["items"].as_array().unwrap().iter().filter(|item| item["default"] == true).collect();
    assert_eq!(defaults.len(), 1);

    let refused = house.send(ADMIN, "DELETE", path, Value::Null).await;
    assert_eq!(refused.refusal(), (409, "environment-is-default"));
    house.send(ADMIN, "PATCH", "/v1/environments/production", json!({"default": true})).await.expect(200);
    house.send(ADMIN, "POST", "/v1/clients", client("shop", &["qa"])).await.expect(201);
    let refused = house.send(ADMIN, "DELETE", path, Value::Null).await;
    assert_eq!(refused.refusal(), (409, "environment-in-use"));
    assert!(refused.text.contains("client shop"), "{}", refused.text);
    house.send(ADMIN, "DELETE", "/v1/clients/shop", Value::Null).await.expect(204);
    house.send(ADMIN, "DELETE", path, Value::Null).await.expect(204);
    let gone = house.send(ADMIN, "GET", path, Value::Null).await;
    assert_eq!(gone.refusal(), (404, "environment-not-found"));
}

#[tokio::test]
async fn a_list_is_paged() {
    let house = House::new().await;
    let mut seen = Vec::new();
    let mut path = "/v1/environments?limit=2".to_owned();
    loop {
        let page = house.send(ADMIN, "GET", &path, Value::Null).await.expect(200);
        seen.extend(page.names().iter().map(|name| (*name).to_owned()));
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("/v1/environments?limit=2&cursor={next}");
    }
    assert_eq!(seen, ["development", "staging", "production"]);
    for (query, pointer) in [("limit=0", "/limit"), ("limit=501", "/limit"), ("cursor=nope", "/cursor"), ("x=1", "/x")]
    {
        let reply = house.send(ADMIN, "GET", &format!("/v1/environments?{query}"), Value::Null).await.expect(422);
        assert_eq!(reply.errors()[0].0, pointer, "{}", reply.text);
    }
}

#[tokio::test]
async fn a_client_and_its_keys() {
    let house = House::new().await;
    let body = json!({"name": "shop", "environments": ["staging"], "routes": ["*"], "allowed_ips": ["10.1.2.3", "10.0.0.7/8"],
        "rate_limit": {"requests": 5, "per": "1m"}, "expires_at": "2027-01-01T00:00:00Z"});
    let made = house.send(Role::Developer, "POST", "/v1/clients", body).await.expect(201);
    assert_eq!(made.body["allowed_ips"], json!(["10.1.2.3/32", "10.0.0.0/8"]));
    let key = house.send(Role::Developer, "POST", "/v1/clients/shop/keys", Value::Null).await.expect(201);
    assert!(model::token::well_formed(key.body["key"].as_str().unwrap(), model::token::CLIENT_KEY));
    house.send(Role::Developer, "POST", "/v1/clients/shop/keys", json!({})).await.expect(201);
    let shown = house.send(Role::Viewer, "GET", "/v1/clients/shop", Value::Null).await.expect(200);
    assert_eq!(shown.body["keys"].as_array().unwrap().len(), 2);
    assert!(!shown.text.contains("krk_"));
    let id = key.body["id"].as_str().unwrap();
    let path = format!("/v1/clients/shop/keys/{id}");
    house.send(Role::Developer, "DELETE", &path, Value::Null).await.expect(204);
    house.send(Role::Developer, "DELETE", &path, Value::Null).await.expect(204);
    let shown = house.send(Role::Viewer, "GET", "/v1/clients/shop", Value::Null).await.expect(200);
    assert!(shown.body["keys"][0]["revoked_at"].is_string());
    let unknown = house.send(ADMIN, "DELETE", "/v1/clients/shop/keys/key_x", Value::Null).await;
    assert_eq!(unknown.refusal(), (404, "key-not-found"));
    let unknown = house.send(ADMIN, "GET", "/v1/clients/shpo", Value::Null).await;
    assert_eq!(unknown.body["did_you_mean"], "shop");
}

#[tokio::test]
async fn a_client_that_signs_gets_a_signing_key_with_each_key() {
    let house = House::new().await;
    let mut body = client("shop", &["staging"]);
    body["signing"] = json!("required");
    let made = house.send(ADMIN, "POST", "/v1/clients", body).await.expect(201);
    assert_eq!(made.body["signing"], "required");
    let key = [("idempotency-key", "k-1")];
    let path = "/v1/clients/shop/keys";
    let first = house.send_with(ADMIN, "POST", path, &key, Value::Null).await.expect(201);
    let again = house.send_with(ADMIN, "POST", path, &key, Value::Null).await.expect(201);
    let signing_key = first.body["signing_key"].as_str().unwrap();
    assert!(model::token::well_formed(signing_key, model::token::SIGNING_KEY));
    assert!(again.body["id"] == first.body["id"] && again.body.get("signing_key").is_none(), "shown once");
    let second = house.send(ADMIN, "POST", path, Value::Null).await.expect(201);
    assert_ne!(second.body["signing_key"], first.body["signing_key"]);
    let shown = house.send(ADMIN, "GET", "/v1/clients/shop", Value::Null).await.expect(200);
    assert!(shown.body["signing"] == "required" && !shown.text.contains("krs_"));

    for (patch, signing) in
        [(json!({"signing": null}), Value::Null), (json!({"signing": "required"}), json!("required"))]
    {
        let edited = house.send(ADMIN, "PATCH", "/v1/clients/shop", patch).await.expect(200);
        assert_eq!(edited.body["signing"], signing);
    }
    let kept = house.send(ADMIN, "PATCH", "/v1/clients/shop", json!({"description": "x"})).await.expect(200);
    assert_eq!(kept.body["signing"], "required", "what is absent stays");
    let events = house.audit(500).await;
    assert!(events.iter().any(|event| event["after"]["signing"] == "required" && event["before"]["signing"].is_null()));
    assert!(!events.iter().any(|event| event.to_string().contains("krs_")));

    house.send(ADMIN, "POST", "/v1/clients", client("plain", &["staging"])).await.expect(201);
    let plain = house.send(ADMIN, "POST", "/v1/clients/plain/keys", Value::Null).await.expect(201);
    assert!(plain.body["key"].is_string() && plain.body.get("signing_key").is_none());
    for wrong in [json!("optional"), json!(true), json!("")] {
        let refused = house.send(ADMIN, "PATCH", "/v1/clients/shop", json!({"signing": wrong})).await.expect(422);
        assert_eq!(refused.errors()[0].0, "/signing", "{wrong}");
    }
}

#[tokio::test]
async fn a_client_of_a_protected_environment_needs_an_operator() {
    let house = House::new().await;
    for (environments, role, status) in [
        (&["staging"][..], Role::Developer, 201),
        (&["staging", "production"][..], Role::Developer, 403),
        (&["staging", "production"][..], Role::Operator, 201),
    ] {
        let name = format!("c{}{role}{status}", environments.len());
        house.send(role, "POST", "/v1/clients", client(&name, environments)).await.expect(status);
    }
    let path = "/v1/clients/c1developer201";
    let widened = house.send(Role::Developer, "PATCH", path, json!({"environments": ["production"]})).await;
    assert_eq!(widened.refusal(), (403, "permission-denied"));
    house.send(Role::Operator, "PATCH", path, json!({"environments": ["production"]})).await.expect(200);
    for (method, path) in [("DELETE", path.to_owned()), ("POST", format!("{path}/keys"))] {
        let refused = house.send(Role::Developer, method, &path, Value::Null).await;
        assert_eq!(refused.refusal(), (403, "permission-denied"), "{method} {path}");
    }
}

#[tokio::test]
async fn all_mistakes_of_a_client_are_told_at_once() {
    let house = House::new().await;
    let body = json!({"name": "Shop", "environments": ["stagin"], "routes": ["nope"], "allowed_ips": ["10.0.0.0/40"],
        "rate_limit": {"requests": 0, "per": "1m"}, "expires_at": "tomorrow"});
    let reply = house.send(ADMIN, "POST", "/v1/clients", body).await.expect(422);
    let pointers: Vec<_> = reply.errors().into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(
        pointers,
        ["/allowed_ips/0", "/environments/0", "/expires_at", "/name", "/rate_limit", "/routes/0"],
        "{}",
        reply.text
    );
    assert!(reply.text.contains("did you mean staging?"));
    house.send(ADMIN, "GET", "/v1/clients/Shop", Value::Null).await.expect(404);
}

#[tokio::test]
async fn a_repeated_post_answers_as_before_without_what_is_shown_once() {
    let house = House::new().await;
    house.send(ADMIN, "POST", "/v1/clients", client("shop", &["staging"])).await.expect(201);
    let key = [("idempotency-key", "k-1")];
    let path = "/v1/clients/shop/keys";
    let first = house.send_with(ADMIN, "POST", path, &key, Value::Null).await.expect(201);
    let again = house.send_with(ADMIN, "POST", path, &key, Value::Null).await.expect(201);
    assert_eq!(again.body["id"], first.body["id"]);
    assert!(first.body["key"].is_string() && again.body["key"].is_null());
    assert_eq!(again.header("idempotency-replayed"), "true");
    let shown = house.send(ADMIN, "GET", "/v1/clients/shop", Value::Null).await;
    assert_eq!(shown.body["keys"].as_array().unwrap().len(), 1);

    let other = house.send_with(ADMIN, "POST", "/v1/environments", &key, json!({"name": "qa"})).await;
    assert_eq!(other.refusal(), (422, "idempotency-key-reused"));
    // Another token's key is another key, and a refused request leaves none behind.
    house.send_with(Role::Developer, "POST", path, &key, Value::Null).await.expect(201);
    let fresh = [("idempotency-key", "k-2")];
    house.send_with(ADMIN, "POST", "/v1/environments", &fresh, json!({"name": "Q"})).await.expect(422);
    house.send_with(ADMIN, "POST", "/v1/environments", &fresh, json!({"name": "qa"})).await.expect(201);
    house.advance(model::time::Span::from_hours(24));
    let late = house.send_with(ADMIN, "POST", path, &[("idempotency-key", "k-3")], Value::Null).await.expect(201);
    assert!(late.body["key"].is_string());
}

#[tokio::test]
async fn every_change_leaves_its_event_and_a_refusal_leaves_none() {
    let house = House::new().await;
    let before = house.audit(500).await.len();
    house.send(ADMIN, "POST", "/v1/environments", json!({"name": "qa"})).await.expect(201);
    house.send(ADMIN, "PATCH", "/v1/environments/qa", json!({"rank": 9})).await.expect(200);
    house.send(ADMIN, "PATCH", "/v1/environments/qa", json!({"rank": 9})).await.expect(200);
    house.send(ADMIN, "POST", "/v1/environments", json!({"name": "qa"})).await.expect(409);
    house.send(ADMIN, "DELETE", "/v1/environments/qa", Value::Null).await.expect(204);
    let events = house.audit(500).await;
    let actions: Vec<_> =
        events[..events.len() - before].iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["environment.delete", "environment.edit", "environment.create"]);
    let edit = &events[1];
    assert_eq!((edit["before"]["rank"].clone(), edit["after"]["rank"].clone()), (json!(3), json!(9)));
    assert_eq!(edit["actor"], "token:admin");

    let export = house.send(Role::Auditor, "GET", "/v1/audit/export", Value::Null).await.expect(200);
    let lines: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), events.len() + 1);
    assert_eq!(export.header("keyroll-audit-size"), events.len().to_string());
    assert!(lines[events.len()]["checkpoint"].as_str().unwrap().contains(&format!("\n{}\n", events.len())));
    for (index, line) in export.text.lines().enumerate().take(events.len()) {
        // The hash is over the very bytes of the line's record.
        let record = line.split_once("\"record\":").unwrap().1.strip_suffix('}').unwrap();
        let leaf: String = store::leaf_hash(record.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(lines[index]["leaf_hash"], leaf);
        assert_eq!(lines[index]["record"]["sequence"], index + 1);
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_400_and_too_long_ones_413() {
    let house = House::new().await;
    let bearer = format!("Bearer {}", House::token(ADMIN));
    let headers = [("authorization", bearer.as_str())];
    for body in ["", "{", "{\"name\": }", "\u{feff}{}", "{} {}"] {
        let reply = house.send_raw("POST", "/v1/environments", &headers, body.as_bytes().to_vec()).await;
        assert_eq!(reply.refusal(), (400, "body-not-json"), "{body:?}");
    }
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(1024 * 1024));
    let reply = house.send_raw("POST", "/v1/environments", &headers, long.into_bytes()).await;
    assert_eq!(reply.refusal(), (413, "request-too-large"));
    let reply = house.send_raw("POST", "/v1/environments", &headers, b"{\"name\": \"qa\", \"nam\": 1}".to_vec()).await;
    assert_eq!(reply.refusal(), (422, "member-unknown"));
    assert_eq!(reply.errors()[0].0, "/nam");
}
