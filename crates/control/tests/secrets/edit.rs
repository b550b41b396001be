//! `PATCH /v1/secrets/{name}`.

use model::access::Role;
use serde_json::{Value, json};

use crate::PLANTED;
use crate::common::House;

const PATH: &str = "/v1/secrets/stripe";

#[tokio::test]
async fn a_value_is_never_changed() {
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    house.secret("stripe_v2", json!({})).await.expect(201);
    for body in
        [json!({"value": "planted"}), json!({"value": null}), json!({"value": "planted", "colour": "red", "tags": 7})]
    {
        let reply = house.send_with(Role::Operator, "PATCH", PATH, &[("if-match", "\"9\"")], body).await;
        assert_eq!(reply.refusal(), (409, "secret-value-is-immutable"));
        assert!(reply.text.contains("successor") && reply.text.contains("stripe_v3"), "{}", reply.text);
        assert!(!reply.text.contains("planted"));
    }
    let reply = house.send(Role::Viewer, "PATCH", PATH, json!({"value": "planted"})).await;
    assert_eq!(reply.refusal(), (403, "permission-denied"));
    let reply = house.send(Role::Operator, "PATCH", PATH, json!(["planted"])).await;
    assert_eq!(reply.refusal(), (422, "member-invalid"));
    let reply = house.send(Role::Operator, "PUT", PATH, json!({})).await;
    assert_eq!(reply.refusal(), (405, "method-not-allowed"));
    assert_eq!(house.opened("stripe").await.unwrap(), PLANTED);
}

#[tokio::test]
async fn what_is_known_changes_and_what_is_absent_stays() {
    let house = House::new().await;
    let first =
        json!({"owner": "payments", "tags": ["pci"], "expires_at": "2026-01-01T00:00:00Z", "rotate_every": "7d"});
    house.secret("stripe", first).await.expect(201);
    let patch =
        json!({"owner": null, "class": "critical", "expires_at": null, "rotate_every": "10d", "description": "new"});
    let after = house.send_with(Role::Operator, "PATCH", PATH, &[("if-match", "\"1\"")], patch).await.expect(200);
    assert_eq!(after.header("etag"), "\"2\"");
    let item = &after.body;
    assert_eq!((&item["owner"], &item["tags"], &item["class"]), (&json!(""), &json!(["pci"]), &json!("critical")));
    assert_eq!((&item["expires_at"], &item["rotation_due_at"]), (&Value::Null, &json!("2025-12-04T16:00:00.000Z")));
    assert_eq!(house.send(Role::Viewer, "GET", PATH, Value::Null).await.body, *item);
    let event = &house.records(1).await[0];
    assert_eq!(event["action"], "secret.edit");
    assert_eq!((&event["before"]["owner"], &event["after"]["owner"]), (&json!("payments"), &json!("")));

    let stale = house.send_with(Role::Operator, "PATCH", PATH, &[("if-match", "\"1\"")], json!({"owner": "x"})).await;
    assert_eq!(stale.refusal(), (412, "precondition-failed"));
    let same = house.send(Role::Operator, "PATCH", PATH, json!({})).await.expect(200);
    assert_eq!((same.header("etag"), &same.body), ("\"2\"", &after.body));
    let same = house.send(Role::Operator, "PATCH", PATH, json!({"class": "critical"})).await.expect(200);
    assert_eq!(same.header("etag"), "\"2\"");
    assert_eq!(house.records(1).await[0], *event, "what changes nothing is no event");

    let reply =
        house.send(Role::Operator, "PATCH", PATH, json!({"expires_at": "soon", "tags": [""]})).await.expect(422);
    assert_eq!(reply.errors().len(), 2);
}

#[tokio::test]
async fn limits_are_an_operators_and_bind_the_value_anew() {
    let house = House::new().await;
    house.secret("stripe", json!({"environments": ["staging"]})).await.expect(201);
    house.send(Role::Developer, "PATCH", PATH, json!({"owner": "x"})).await.expect(200);
    let changes = [
        json!({"allowed_hosts": ["api.stripe.com"]}),
        json!({"environments": ["staging", "development"]}),
        json!({"sensitive": false}),
        json!({"allowed_hosts": null, "sensitive": true}),
        json!({"environments": null}),
        json!({"environments": ["staging"]}),
    ];
    for change in changes {
        let reply = house.send(Role::Developer, "PATCH", PATH, change.clone()).await;
        assert_eq!(reply.refusal(), (403, "permission-denied"), "{change}");
        house.send(Role::Operator, "PATCH", PATH, change.clone()).await.expect(200);
        assert_eq!(house.opened("stripe").await.unwrap(), PLANTED, "{change}");
    }
    // Naming the limits that hold anyway changes nothing.
    house.send(Role::Developer, "PATCH", PATH, json!({"environments": ["staging"]})).await.expect(200);
    house.secret("open", json!({})).await.expect(201);
    let reply = house.send(Role::Developer, "PATCH", "/v1/secrets/open", json!({"owner": "x"})).await;
    assert_eq!(reply.refusal(), (403, "permission-denied"), "without environments it counts as protected");
}

#[tokio::test]
async fn a_limit_that_a_route_in_use_breaks_is_refused() {
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    house.route("payments", "stripe", &["staging", "production"]).await;
    let table = [
        (json!({"environments": ["staging"]}), "secret-not-allowed-in-environment", vec!["production"]),
        (json!({"allowed_hosts": ["stripe.com"]}), "secret-not-allowed-for-host", vec!["production", "staging"]),
    ];
    for (change, code, environments) in table {
        let reply = house.send(Role::Operator, "PATCH", PATH, change).await;
        assert_eq!(reply.refusal(), (409, code));
        let places: Vec<_> = environments
            .into_iter()
            .map(|name| json!({"route": "payments", "environment": name, "field": "inject.headers.Authorization", "enabled": true}))
            .collect();
        assert_eq!(reply.body["references"], json!(places));
    }
    let fitting = json!({"environments": ["production", "staging"], "allowed_hosts": ["*.stripe.com"]});
    house.send(Role::Operator, "PATCH", PATH, fitting).await.expect(200);
    assert_eq!(house.opened("stripe").await.unwrap(), PLANTED);
}

#[tokio::test]
async fn a_kind_or_a_limit_has_to_fit_what_stays() {
    let house = House::new().await;
    house.secret("stripe", json!({"kind": "certificate", "value": "one\ntwo_planted"})).await.expect(201);
    let reply = house.send(Role::Operator, "PATCH", PATH, json!({"kind": "api_key"})).await;
    assert_eq!((reply.refusal(), reply.errors()[0].0.as_str()), ((422, "value-has-line-break"), "/kind"));
    assert!(!reply.text.contains("planted"));
    house.send(Role::Operator, "PATCH", PATH, json!({"kind": "other"})).await.expect(200);
    house.secret("one_line", json!({"kind": "other"})).await.expect(201);
    house.send(Role::Operator, "PATCH", "/v1/secrets/one_line", json!({"kind": "api_key"})).await.expect(200);

    let probe = json!({"probe": {"http": {"url": "https://api.stripe.com", "headers": {"A": "{{stripe}}"}}}});
    house.send(Role::Operator, "PATCH", PATH, probe).await.expect(200);
    let reply = house.send(Role::Operator, "PATCH", PATH, json!({"allowed_hosts": ["a.example"]})).await;
    assert_eq!(
        (reply.refusal(), reply.errors()[0].0.as_str()),
        ((422, "secret-not-allowed-for-host"), "/probe/http/url")
    );
    house.send(Role::Operator, "PATCH", PATH, json!({"allowed_hosts": ["a.example"], "probe": null})).await.expect(200);
}

#[tokio::test]
async fn a_deleted_secret_stays_as_it_is() {
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    house.send(Role::Operator, "PATCH", PATH, json!({"owner": "x"})).await.expect(200);
    house.send(Role::Operator, "DELETE", PATH, Value::Null).await.expect(204);
    let reply = house.send(Role::Operator, "PATCH", PATH, json!({"owner": "y"})).await;
    assert_eq!(reply.refusal(), (409, "secret-is-deleted"));
}

#[tokio::test]
async fn a_value_that_does_not_open_is_not_bound_to_other_limits() {
    let house = House::new().await;
    house.secret("stripe", json!({"kind": "other"})).await.expect(201);
    let mut tx = house.begin().await;
    let kek_id = house.control.keys.keyring.current().to_string();
    tx.rewrap_secret("stripe", &store::Rebound { kek_id, wrapped_dek: vec![7; 60] }).await.unwrap();
    house.commit(tx).await;
    for change in [json!({"sensitive": false}), json!({"kind": "api_key"})] {
        let reply = house.send(Role::Operator, "PATCH", PATH, change).await;
        assert_eq!(reply.refusal(), (409, "secret-unusable"), "{}", reply.text);
    }
    house.send(Role::Operator, "PATCH", PATH, json!({"owner": "x"})).await.expect(200);
    let reply =
        house.send(Role::Operator, "POST", "/v1/secrets/stripe/compare", json!({"value": "x"})).await.expect(200);
    assert_eq!(reply.body, json!({"match": false, "hint": null}));
}
