//! What a start makes, and how it is told.

use model::access::Role;
use serde_json::{Value, json};

use crate::{begin, get, house, route, secret, started};

#[tokio::test]
async fn a_start_makes_the_incoming_secret_and_the_rotation_at_once() {
    let house = house().await;
    let body = json!({"outgoing": "stripe", "incoming": {"value": "sk_live_planted_2", "description": "from May on"},
                      "plan": {"canary_step": "1m", "soak": {"production": "2h"}, "reason": "expiring"}});
    let reply = begin(&house, body).await.expect(201);
    let told = &reply.body;
    let id = told["id"].as_str().unwrap();
    assert!(id.starts_with("rot_"), "{id}");
    assert_eq!(reply.header("location"), format!("/v1/rotations/{id}"));
    assert_eq!((&told["state"], &told["live"]), (&json!("planned"), &json!(true)));
    assert_eq!((&told["outgoing"], &told["incoming"]), (&json!("stripe"), &json!("stripe_v2")));
    assert_eq!(told["started_by"], "token:operator");
    assert_eq!(
        told["plan"]["stages"],
        json!([
            {"environment": "staging", "protected": false, "canary": ["100%"], "canary_step": "1m", "soak": "0s",
             "advance": "automatic"},
            {"environment": "production", "protected": true, "canary": ["5%", "50%", "100%"], "canary_step": "1m",
             "soak": "2h", "advance": "manual"},
        ])
    );
    assert_eq!(told["plan"]["reason"], "expiring");
    let change = |environment: &str| {
        json!({"route": "payments", "environment": environment, "field": "inject.headers.Authorization",
               "before": "Bearer {{stripe}}", "after": "Bearer {{stripe_v2}}", "done": false})
    };
    assert_eq!(told["diff"], json!([change("staging"), change("production")]));
    assert_eq!(told["history"].as_array().unwrap().len(), 1);
    assert_eq!(told["possible"], json!(["hold", "roll-back", "abandon", "attest"]));
    assert_eq!(told["evidence"].as_array().unwrap().len(), 2);
    assert!(!reply.text.contains("salt") && !reply.text.contains("planted"), "{}", reply.text);
    assert_eq!(get(&house, &format!("/v1/rotations/{id}")).await.expect(200).body, *told);

    let made = get(&house, "/v1/secrets/stripe_v2").await.expect(200).body;
    assert_eq!((&made["successor_of"], &made["owner"]), (&json!("stripe"), &json!("pay")));
    assert_eq!((&made["tags"], &made["description"]), (&json!(["pci"]), &json!("from May on")));
    assert_eq!(made["rotation"], *id);
    assert_eq!(get(&house, "/v1/secrets/stripe").await.body["rotation"], *id);
    assert_eq!(get(&house, "/v1/secrets").await.body["items"][0]["rotation"], *id);
    // The templates stay until an environment is promoted.
    let route = get(&house, "/v1/routes/payments").await.body;
    assert_eq!(route["base"]["inject"]["headers"]["Authorization"], "Bearer {{stripe}}");

    let event = house.audit(1).await.remove(0);
    assert_eq!((&event["action"], &event["subject"]), (&json!("rotation.planned"), &json!(format!("rotation/{id}"))));
    assert_eq!((&event["rotation_id"], &event["epoch"]), (&json!(id), &json!(1)));
    assert_eq!(event["after"]["created_secret"]["name"], "stripe_v2");
    assert!(!event.to_string().contains("planted"));
}

#[tokio::test]
async fn an_existing_secret_takes_the_place() {
    let house = house().await;
    secret(&house, json!({"name": "other", "value": "sk_live_planted_2"})).await;
    let reply = begin(&house, json!({"outgoing": "stripe", "incoming": {"name": "other"}})).await.expect(201);
    assert_eq!(reply.body["incoming"], "other");
    assert_eq!(house.audit(1).await[0]["after"]["created_secret"], Value::Null);
    let id = reply.body["id"].as_str().unwrap();
    let listed = get(&house, "/v1/rotations?live=true&secret=other&state=planned").await.expect(200).body;
    assert_eq!((&listed["items"][0]["id"], &listed["next"]), (&json!(id), &Value::Null));
    for query in ["live=false", "secret=absent", "state=canary", "environment=staging"] {
        let none = get(&house, &format!("/v1/rotations?{query}")).await.expect(200).body;
        assert_eq!(none["items"], json!([]), "{query}");
    }
    let reply = get(&house, "/v1/rotations?state=gone&secret=1").await;
    assert_eq!(reply.status.as_u16(), 422);
    assert_eq!(reply.errors().len(), 2, "{}", reply.text);
}

#[tokio::test]
async fn a_secret_that_stands_beside_the_outgoing_one_does_not_take_its_place() {
    let house = house().await;
    for (name, value) in [("beside", "sk_live_planted_2"), ("elsewhere", "sk_live_planted_3")] {
        secret(&house, json!({"name": name, "value": value})).await;
    }
    let both = json!({"headers": {"Authorization": "Bearer {{stripe}}", "X-Beside": "{{beside}}"}});
    let base = json!({"upstream": "https://api.stripe.com", "inject": both});
    let own = json!({"inject": {"headers": {"Authorization": "Bearer {{elsewhere}}"}}});
    let environments = json!({"staging": own, "production": {}});
    route(&house, json!({"name": "pairs", "base": base, "environments": environments})).await;
    let reply = begin(&house, json!({"outgoing": "stripe", "incoming": {"name": "beside"}})).await;
    assert_eq!(reply.refusal(), (422, "incoming-named-beside-outgoing"));
    begin(&house, json!({"outgoing": "stripe", "incoming": {"name": "elsewhere"}})).await.expect(201);
}

#[tokio::test]
async fn a_start_that_is_repeated_starts_once() {
    let house = house().await;
    let body = json!({"outgoing": "stripe", "incoming": {"value": "sk_live_planted_2"}});
    let key = [("idempotency-key", "once")];
    let path = "/v1/rotations";
    let first = house.send_with(Role::Operator, "POST", path, &key, body.clone()).await.expect(201);
    let again = house.send_with(Role::Operator, "POST", path, &key, body.clone()).await.expect(201);
    assert_eq!(first.body, again.body);
    // Without the key it is another one, and there can be one only.
    let other = house.send(Role::Operator, "POST", path, body).await;
    assert_eq!(other.refusal(), (409, "rotation-in-progress"));
    assert_eq!(other.body["rotation"], first.body["id"]);
    assert_eq!(get(&house, path).await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_developer_rotates_where_nothing_is_protected() {
    let house = house().await;
    let limits = json!(["development", "staging"]);
    secret(&house, json!({"name": "sandbox", "value": "sk_test_planted", "environments": limits})).await;
    let inject = json!({"headers": {"Authorization": "Bearer {{sandbox}}"}});
    let base = json!({"upstream": "https://api.stripe.com", "inject": inject});
    crate::route(&house, json!({"name": "trial", "base": base, "environments": {"staging": {}}})).await;
    let body = json!({"outgoing": "sandbox", "incoming": {"value": "sk_test_planted_2"}});
    let made = house.send(Role::Developer, "POST", "/v1/rotations", body).await.expect(201);
    let id = made.body["id"].as_str().unwrap();
    house.send(Role::Developer, "POST", &format!("/v1/rotations/{id}/hold"), json!({})).await.expect(200);

    let body = json!({"outgoing": "stripe", "incoming": {"value": "sk_live_planted_2"}, "plan": {"environments": ["staging"]}});
    let refused = house.send(Role::Developer, "POST", "/v1/rotations", body.clone()).await;
    assert_eq!(refused.refusal(), (403, "permission-denied"), "stripe may go anywhere");
    let id = started(&house, json!({})).await;
    let refused = house.send(Role::Developer, "POST", &format!("/v1/rotations/{id}/abandon"), json!({})).await;
    assert_eq!(refused.refusal(), (403, "permission-denied"));
}
