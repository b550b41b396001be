//! Revisions, and going back to one.

use model::access::Role;
use model::time::Span;
use serde_json::{Value, json};

use crate::{create, events, get, house, payments};

#[tokio::test]
async fn each_change_makes_a_revision_with_its_difference() {
    let house = house().await;
    create(&house, payments()).await;
    house.send(Role::Operator, "PATCH", "/v1/routes/payments", json!({"description": "one"})).await.expect(200);
    house.advance(Span::from_secs(60));
    let patch = json!({"base": {"inject": {"headers": {"Authorization": "Bearer {{stripe_v2}}"}}}});
    house.send(Role::Operator, "PATCH", "/v1/routes/payments", patch).await.expect(200);
    let reply = house.send(Role::Viewer, "GET", "/v1/routes/payments/revisions", Value::Null).await.expect(200);
    let items = reply.body["items"].as_array().unwrap();
    let told: Vec<_> = items.iter().map(|item| (&item["revision"], &item["actor"], &item["action"])).collect();
    let expected = [
        (json!(3), json!("token:operator"), json!("route.edit")),
        (json!(2), json!("token:operator"), json!("route.edit")),
        (json!(1), json!("token:admin"), json!("route.create")),
    ];
    assert_eq!(told, expected.each_ref().map(|(number, actor, action)| (number, actor, action)));
    assert_eq!(items[0]["at"], "2025-11-24T16:01:00.000Z");
    let pointer = "/base/inject/headers/Authorization";
    assert_eq!(items[0]["diff"], json!([{"op": "replace", "path": pointer, "value": "Bearer {{stripe_v2}}"}]));
    assert_eq!(items[1]["diff"], json!([{"op": "replace", "path": "/description", "value": "one"}]));
    // A page's last item has its difference too.
    let path = "/v1/routes/payments/revisions?limit=2";
    let first = house.send(Role::Viewer, "GET", path, Value::Null).await.expect(200);
    assert_eq!(first.body["items"].as_array().unwrap().as_slice(), &items[..2]);
    let next = format!("{path}&cursor={}", first.body["next"].as_str().unwrap());
    let second = house.send(Role::Viewer, "GET", &next, Value::Null).await.expect(200);
    assert_eq!((&second.body["items"][0], &second.body["next"]), (&items[2], &Value::Null));
    let missing = house.send(Role::Viewer, "GET", "/v1/routes/none/revisions", Value::Null).await;
    assert_eq!(missing.refusal(), (404, "route-not-found"));
}

#[tokio::test]
async fn going_back_makes_a_new_revision() {
    let house = house().await;
    let first = create(&house, payments()).await;
    house.send(Role::Admin, "PATCH", "/v1/routes/payments", json!({"base": {"shield": false}})).await.expect(200);
    let path = "/v1/routes/payments/roll-back";
    let back = house.send(Role::Admin, "POST", path, json!({"revision": 1})).await.expect(200);
    assert_eq!((&back.body["revision"], &back.body["base"]), (&json!(3), &first.body["base"]));
    assert_eq!(back.header("etag"), "\"3\"");
    assert_eq!(events(&house, 1).await[0]["action"], "route.roll-back");
    let revisions = house.send(Role::Viewer, "GET", "/v1/routes/payments/revisions", Value::Null).await.expect(200);
    assert_eq!(revisions.body["items"][0]["action"], "route.roll-back");
    for unknown in [0_u64, 9, u64::MAX] {
        let reply = house.send(Role::Admin, "POST", path, json!({"revision": unknown})).await;
        assert_eq!(reply.refusal(), (404, "revision-not-found"), "{unknown}");
    }
}

#[tokio::test]
async fn going_back_keeps_the_rules_of_today() {
    let house = house().await;
    create(&house, payments()).await;
    let swap = json!({"from": "stripe", "to": "stripe_v2"});
    house.send(Role::Admin, "POST", "/v1/routes/replace-secret", swap).await.expect(200);
    let path = "/v1/routes/payments/roll-back";
    house.send(Role::Admin, "POST", path, json!({"revision": 1})).await.expect(200);
    house.send(Role::Admin, "POST", path, json!({"revision": 2})).await.expect(200);
    house.advance(Span::from_hours(49));
    house.send(Role::Admin, "DELETE", "/v1/secrets/stripe", Value::Null).await.expect(204);
    let reply = house.send(Role::Admin, "POST", path, json!({"revision": 1})).await;
    assert_eq!(reply.refusal(), (422, "secret-not-found"));
    assert_eq!(get(&house, "payments").await.body["revision"], 4);
}

#[tokio::test]
async fn the_history_outlives_the_route() {
    let house = house().await;
    create(&house, payments()).await;
    house.send(Role::Admin, "DELETE", "/v1/routes/payments", Value::Null).await.expect(204);
    let path = "/v1/routes/payments/revisions";
    let reply = house.send(Role::Viewer, "GET", path, Value::Null).await.expect(200);
    assert_eq!(reply.body["items"][0]["action"], "route.delete");
    assert_eq!(create(&house, payments()).await.body["revision"], 3);
    let back = json!({"revision": 2});
    let reply = house.send(Role::Admin, "POST", "/v1/routes/payments/roll-back", back).await;
    assert_eq!(reply.refusal(), (404, "revision-not-found"));
}
