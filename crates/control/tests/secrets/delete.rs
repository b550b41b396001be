//! `DELETE /v1/secrets/{name}` and `POST /v1/secrets/delete`.

use model::access::Role;
use model::time::Span;
use serde_json::{Value, json};

use crate::common::House;

const PATH: &str = "/v1/secrets/stripe";

#[tokio::test]
async fn one_that_nothing_ever_needed_goes_at_once_and_for_good() {
    let house = House::new().await;
    house.secret("stripe", json!({"owner": "payments"})).await.expect(201);
    let reply = house.send_with(Role::Operator, "DELETE", PATH, &[("if-match", "\"7\"")], Value::Null).await;
    assert_eq!(reply.refusal(), (412, "precondition-failed"));
    let reply =
        house.send_with(Role::Operator, "DELETE", PATH, &[("if-match", "\"1\"")], Value::Null).await.expect(204);
    assert_eq!(reply.text, "");
    let tx = house.control.store.read().await.unwrap();
    assert!(tx.sealed_secret("stripe").await.unwrap().is_none());
    drop(tx);
    let shown = house.send(Role::Viewer, "GET", PATH, Value::Null).await.expect(200).body;
    assert_eq!((&shown["state"], &shown["owner"]), (&json!("deleted"), &json!("payments")));
    let again = house.send(Role::Operator, "DELETE", PATH, Value::Null).await;
    assert_eq!(again.refusal(), (409, "secret-is-deleted"));
    let event = &house.records(1).await[0];
    assert_eq!((&event["action"], &event["subject"]), (&json!("secret.delete"), &json!("secret/stripe")));
}

#[tokio::test]
async fn references_hold_it_and_then_the_retention_does() {
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    house.route("payments", "stripe", &["staging"]).await;
    for query in ["", "?force=true&reason=leaked"] {
        let reply = house.send(Role::Admin, "DELETE", &format!("{PATH}{query}"), Value::Null).await;
        assert_eq!(reply.refusal(), (409, "secret-is-referenced"), "{query}");
        let place = json!({"route": "payments", "environment": "staging", "field": "inject.headers.Authorization", "enabled": true});
        assert_eq!(reply.body["references"], json!([place]));
    }
    house.advance(Span::from_days(30));
    house.drop_route("payments").await;
    house.advance(Span::from_hours(47));
    let reply = house.send(Role::Admin, "DELETE", PATH, Value::Null).await;
    assert_eq!(reply.refusal(), (409, "secret-in-retention"));
    assert_eq!(reply.body["deletable_at"], "2025-12-26T16:00:00.000Z");

    house.used("stripe", house.control.now(), 1).await;
    house.advance(Span::from_hours(1));
    let reply = house.send(Role::Admin, "DELETE", PATH, Value::Null).await;
    assert_eq!(
        (reply.refusal(), &reply.body["deletable_at"]),
        ((409, "secret-recently-used"), &json!("2025-12-28T15:00:00.000Z"))
    );
    house.advance(Span::from_hours(47));
    house.send(Role::Admin, "DELETE", PATH, Value::Null).await.expect(204);
}

#[tokio::test]
async fn force_needs_an_admin_and_a_reason() {
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    house.used("stripe", house.control.now(), 1).await;
    assert_eq!(house.send(Role::Admin, "DELETE", PATH, Value::Null).await.refusal(), (409, "secret-recently-used"));
    let table = [
        (Role::Operator, "?force=true&reason=leaked", (403, "permission-denied")),
        (Role::Admin, "?force=true", (422, "reason-missing")),
        (Role::Admin, "?force=true&reason=%20", (422, "reason-missing")),
        (Role::Admin, "?force=maybe&reason=leaked", (422, "query-invalid")),
        (Role::Admin, "?force=false&reason=leaked", (409, "secret-recently-used")),
    ];
    for (role, query, expected) in table {
        let reply = house.send(role, "DELETE", &format!("{PATH}{query}"), Value::Null).await;
        assert_eq!(reply.refusal(), expected, "{role} {query}");
    }
    house.send(Role::Admin, "DELETE", &format!("{PATH}?force=true&reason=leaked"), Value::Null).await.expect(204);
    assert_eq!(house.records(1).await[0]["after"], json!({"state": "deleted", "forced": true, "reason": "leaked"}));
}

#[tokio::test]
async fn who_may_delete_what() {
    let house = House::new().await;
    house.secret("staging", json!({"environments": ["staging"]})).await.expect(201);
    house.secret("both", json!({"environments": ["staging", "production"]})).await.expect(201);
    house.secret("open", json!({})).await.expect(201);
    for (role, name, status) in [
        (Role::Viewer, "staging", 403),
        (Role::Developer, "both", 403),
        (Role::Developer, "open", 403),
        (Role::Developer, "staging", 204),
        (Role::Operator, "both", 204),
        (Role::Operator, "open", 204),
    ] {
        let reply = house.send(role, "DELETE", &format!("/v1/secrets/{name}"), Value::Null).await;
        assert_eq!(reply.status.as_u16(), status, "{role} {name}");
    }
}

#[tokio::test]
async fn several_are_judged_each_alone() {
    let house = House::new().await;
    for name in ["a1", "a2", "used", "named", "open"] {
        let limits = if name == "open" { json!({}) } else { json!({"environments": ["staging"]}) };
        house.secret(name, limits).await.expect(201);
    }
    house.used("used", house.control.now(), 1).await;
    house.route("payments", "named", &["staging"]).await;
    let names = json!(["a1", "used", "named", "open", "nobody", "a2"]);
    let told = |reply: &crate::common::Reply| -> Vec<String> {
        let all = reply.body["results"].as_array().unwrap().iter();
        all.map(|result| {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            [text(&result["name"]), text(&result["outcome"]), text(&result["problem"]["code"])].join(" ")
        })
        .collect()
    };
    let expected = |gone: &str| {
        vec![
            format!("a1 {gone} -"),
            "used refused secret-recently-used".to_owned(),
            "named refused secret-is-referenced".to_owned(),
            "open refused permission-denied".to_owned(),
            "nobody refused secret-not-found".to_owned(),
            format!("a2 {gone} -"),
        ]
    };
    let path = "/v1/secrets/delete";
    let dry = house.send(Role::Developer, "POST", path, json!({"names": names, "dry_run": true})).await.expect(200);
    assert_eq!(told(&dry), expected("would_delete"));
    assert_eq!(house.records(1).await[0]["action"], "test.change", "a dry run changes nothing");

    let (key, body) = ([("idempotency-key", "k")], json!({"names": names}));
    let done = house.send_with(Role::Developer, "POST", path, &key, body.clone()).await.expect(200);
    assert_eq!(told(&done), expected("deleted"));
    assert!(done.body["results"][1]["problem"]["deletable_at"].is_string());
    let subjects: Vec<_> = house.records(2).await.iter().map(|event| event["subject"].clone()).collect();
    assert_eq!(subjects, ["secret/a2", "secret/a1"], "one event each");
    let again = house.send_with(Role::Developer, "POST", path, &key, body).await.expect(200);
    assert_eq!((again.body, again.headers.contains_key("idempotency-replayed")), (done.body, true));
    let again = house.send(Role::Developer, "POST", path, json!({"names": ["a1"]})).await.expect(200);
    assert_eq!(told(&again), ["a1 refused secret-is-deleted"]);
}

#[tokio::test]
async fn a_list_of_names_has_one_to_five_hundred_different_ones() {
    let house = House::new().await;
    let many: Vec<_> = (0..501).map(|number| format!("s{number}")).collect();
    for (names, pointer) in [(json!([]), "/names"), (json!(many), "/names"), (json!(["a", "b", "a"]), "/names/2")] {
        let reply = house.send(Role::Admin, "POST", "/v1/secrets/delete", json!({"names": names})).await.expect(422);
        assert_eq!(reply.errors()[0].0, pointer);
    }
    house.send(Role::Admin, "POST", "/v1/secrets/delete", json!({"names": many[..500]})).await.expect(200);
    let reply = house.send(Role::Viewer, "POST", "/v1/secrets/delete", json!({"names": ["a"], "dry_run": true})).await;
    assert_eq!(reply.refusal(), (403, "permission-denied"));
}
