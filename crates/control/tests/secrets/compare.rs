//! `POST /v1/secrets/{name}/compare`.

use model::access::{ROLES, Role};
use model::time::Span;
use serde_json::{Value, json};

use crate::PLANTED;
use crate::common::House;

const PATH: &str = "/v1/secrets/stripe/compare";

#[tokio::test]
async fn a_value_is_compared_and_the_outcome_audited() {
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    house.secret("padded", json!({"value": "pad_planted\n", "kind": "other"})).await.expect(201);
    let hint = "differs only in surrounding white space";
    let table = [
        ("stripe", PLANTED.to_owned(), true, Value::Null),
        ("stripe", PLANTED.to_uppercase(), false, Value::Null),
        ("stripe", format!("{PLANTED}\n"), false, json!(hint)),
        ("stripe", format!(" \t{PLANTED} "), false, json!(hint)),
        ("padded", "pad_planted\n".to_owned(), true, Value::Null),
        ("padded", "pad_planted".to_owned(), false, json!(hint)),
        ("padded", " pad_planted".to_owned(), false, json!(hint)),
        ("padded", "pad".to_owned(), false, Value::Null),
    ];
    for (name, value, matches, hint) in table {
        let path = format!("/v1/secrets/{name}/compare");
        let reply = house.send(Role::Operator, "POST", &path, json!({"value": value})).await.expect(200);
        assert_eq!(reply.body, json!({"match": matches, "hint": hint}), "{name} {value:?}");
        let event = &house.records(1).await[0];
        let outcome = if matches { "match" } else { "no-match" };
        assert_eq!((&event["action"], &event["outcome"]), (&json!("secret.compare"), &json!(outcome)));
        assert_eq!(event["subject"], format!("secret/{name}"));
        assert!(!event.to_string().contains("planted"));
    }
    house.send(Role::Operator, "DELETE", "/v1/secrets/stripe", Value::Null).await.expect(204);
    let reply = house.send(Role::Operator, "POST", PATH, json!({"value": PLANTED})).await.expect(200);
    assert_eq!(reply.body["match"], true, "after a leak one wants to know whether it was that one");
}

#[tokio::test]
async fn bad_bodies_and_roles() {
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    for (body, code) in [
        (json!({"value": ""}), "value-empty"),
        (json!({"value": "x".repeat(65_537)}), "value-too-long"),
        (json!({"value": 7}), "member-invalid"),
        (json!({}), "member-missing"),
        (json!({"value": "x", "name": "y"}), "member-unknown"),
    ] {
        assert_eq!(house.send(Role::Operator, "POST", PATH, body).await.refusal(), (422, code));
    }
    for role in ROLES {
        let status = if matches!(role, Role::Operator | Role::Admin) { 200 } else { 403 };
        house.send(role, "POST", PATH, json!({"value": "x"})).await.expect(status);
    }
}

#[tokio::test]
async fn ten_a_minute_for_each_secret() {
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    house.secret("other", json!({})).await.expect(201);
    for _ in 0..10 {
        house.send(Role::Operator, "POST", PATH, json!({"value": "guess"})).await.expect(200);
    }
    house.advance(Span::from_secs(20));
    let before = house.records(1).await;
    let reply = house.send(Role::Admin, "POST", PATH, json!({"value": PLANTED})).await;
    assert_eq!((reply.refusal(), reply.header("retry-after")), ((429, "rate-limited"), "40"));
    assert_eq!(house.records(1).await, before);
    house.send(Role::Operator, "POST", "/v1/secrets/other/compare", json!({"value": "guess"})).await.expect(200);
    house.advance(Span::from_secs(40));
    house.send(Role::Operator, "POST", PATH, json!({"value": PLANTED})).await.expect(200);
}
