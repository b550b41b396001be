//! `POST /v1/secrets/{name}/probe`.

use model::access::{ROLES, Role};
use serde_json::{Value, json};
use testkit::upstream::{Answer, Upstream};

use crate::PLANTED;
use crate::common::{House, Reply};

/// A provider that takes one key, and repeats what it was sent to whoever it refuses.
fn provider(good: &'static str) -> Upstream {
    Upstream::start(move |request| {
        let sent = request.header("authorization").unwrap_or_default();
        let status = match (sent == format!("Bearer {good}"), request.target.as_str()) {
            (_, "/broken") => 503,
            (_, "/forbidden") => 403,
            (_, "/elsewhere") => 302,
            (true, _) => 200,
            (false, _) => 401,
        };
        Answer::text(status, sent.clone()).header("X-Echo", &sent)
    })
}

async fn route(house: &House, name: &str, secret: &str, upstream: &str, probe: &Value) {
    let body = json!({"name": name, "environments": {"staging": {}, "production": {}}, "base": {
        "upstream": upstream, "probe": probe,
        "inject": {"headers": {"Authorization": format!("Bearer {{{{{secret}}}}}")}}}});
    house.send(Role::Admin, "POST", "/v1/routes", body).await.expect(201);
}

async fn probe(house: &House, name: &str, body: Value) -> Reply {
    let reply = house.send(Role::Operator, "POST", &format!("/v1/secrets/{name}/probe"), body).await;
    assert!(!reply.text.contains("planted") && !reply.text.contains("other_value"), "{}", reply.text);
    reply
}

fn places(reply: &Reply) -> Vec<(&str, &str, Option<&str>)> {
    let all = reply.body["places"].as_array().unwrap();
    all.iter()
        .map(|one| (one["place"].as_str().unwrap(), one["reading"].as_str().unwrap(), one["status_class"].as_str()))
        .collect()
}

#[tokio::test]
async fn a_value_is_tried_through_the_routes_that_use_it() {
    let upstream = provider(PLANTED);
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    route(&house, "payments", "stripe", &upstream.url(), &json!({"path": "/v1/balance", "headers": {"X-Own": "a"}}))
        .await;
    let reply = probe(&house, "stripe", json!({})).await.expect(200);
    assert_eq!(reply.body["reading"], "alive");
    assert_eq!(
        places(&reply),
        [("payments/production", "alive", Some("2xx")), ("payments/staging", "alive", Some("2xx"))]
    );
    let sent = upstream.last();
    assert_eq!((sent.method.as_str(), sent.target.as_str()), ("GET", "/v1/balance"));
    assert_eq!(sent.header("x-own").unwrap(), "a");

    let one = probe(&house, "stripe", json!({"route": "payments", "environment": "staging"})).await.expect(200);
    assert_eq!(places(&one).len(), 1);
    let records = house.records(2).await;
    for (record, outcome) in records.iter().zip(["alive", "begun"]) {
        assert_eq!((&record["action"], &record["outcome"]), (&json!("secret.probe"), &json!(outcome)));
        assert!(!record.to_string().contains("planted"));
    }
    let item = house.send(Role::Viewer, "GET", "/v1/secrets/stripe", Value::Null).await.expect(200);
    assert_eq!(item.body["use_count"], 3, "each try through a route is a use of it");
}

#[tokio::test]
async fn a_successor_is_tried_in_the_place_of_its_predecessor_before_anything_names_it() {
    let upstream = provider("other_value_4711");
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    route(&house, "payments", "stripe", &upstream.url(), &json!({"path": "/"})).await;
    house.secret("stripe_v2", json!({"successor_of": "stripe", "value": "other_value_4711"})).await.expect(201);
    house.secret("stripe_v3", json!({"successor_of": "stripe", "value": "wrong_planted_value"})).await.expect(201);
    assert_eq!(probe(&house, "stripe_v2", json!({})).await.expect(200).body["reading"], "alive");
    let dead = probe(&house, "stripe_v3", json!({})).await.expect(200);
    assert_eq!(dead.body["reading"], "dead");
    assert_eq!(places(&dead)[0], ("payments/production", "dead", Some("4xx")));
}

#[tokio::test]
async fn a_value_is_tried_by_its_own_probe() {
    let upstream = provider(PLANTED);
    let house = House::new().await;
    let url = upstream.url();
    for (name, path, value, reading, class) in [
        ("good", "/v1/me?a=1", PLANTED, "alive", Some("2xx")),
        ("bad", "/v1/me", "other_value_4711", "dead", Some("4xx")),
        ("forbidden", "/forbidden", PLANTED, "unclear", Some("4xx")),
        ("broken", "/broken", PLANTED, "unclear", Some("5xx")),
        ("elsewhere", "/elsewhere", PLANTED, "unclear", Some("3xx")),
    ] {
        let own = json!({"http": {"url": format!("{url}{path}"), "headers": {"Authorization": format!("Bearer {{{{{name}}}}}")}}});
        house.secret(name, json!({"value": value, "probe": own})).await.expect(201);
        let reply = probe(&house, name, json!({})).await.expect(200);
        assert_eq!(places(&reply), [(url.as_str(), reading, class)], "{name}");
        assert_eq!(upstream.last().target, path);
    }
    let own = json!({"http": {"url": "http://127.0.0.1:9/x", "headers": {"Authorization": "Bearer {{gone}}"}}});
    house.secret("gone", json!({"probe": own})).await.expect(201);
    let reply = probe(&house, "gone", json!({})).await.expect(200);
    assert_eq!(places(&reply), [("http://127.0.0.1:9", "unclear", None)]);
}

#[tokio::test]
async fn what_cannot_be_tried_is_said_so() {
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    assert_eq!(probe(&house, "stripe", json!({})).await.refusal(), (409, "probe-missing"));
    house.route("payments", "stripe", &["production"]).await;
    assert_eq!(probe(&house, "stripe", json!({})).await.refusal(), (409, "probe-missing"));
    assert_eq!(probe(&house, "stripe", json!({"route": "gone"})).await.refusal(), (422, "route-not-found"));
    assert_eq!(probe(&house, "strip", json!({})).await.refusal(), (404, "secret-not-found"));
    for role in ROLES {
        let status = if matches!(role, Role::Operator | Role::Admin) { 409 } else { 403 };
        house.send(role, "POST", "/v1/secrets/stripe/probe", json!({})).await.expect(status);
    }
}

#[tokio::test]
async fn it_is_tried_ten_times_a_minute() {
    let upstream = provider(PLANTED);
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    route(&house, "payments", "stripe", &upstream.url(), &json!({"path": "/"})).await;
    for _ in 0..10 {
        probe(&house, "stripe", json!({})).await.expect(200);
    }
    assert_eq!(probe(&house, "stripe", json!({})).await.refusal(), (429, "rate-limited"));
}
