//! Starts that are refused, each with its code, and nothing left behind.

use model::access::Role;
use serde_json::{Value, json};

use crate::{act, begin, get, house, route, secret, started};

#[tokio::test]
async fn what_is_wrong_with_a_start() {
    let house = house().await;
    secret(&house, json!({"name": "other", "value": "sk_live_planted_2"})).await;
    let new = || json!({"value": "sk_live_planted_3"});
    let plan = |plan: Value| json!({"outgoing": "stripe", "incoming": new(), "plan": plan});
    for (body, status, code, pointer) in [
        (json!({"outgoing": "strip", "incoming": new()}), 404, "secret-not-found", ""),
        (json!({"outgoing": "stripe", "incoming": {"name": "othr"}}), 404, "secret-not-found", ""),
        (json!({"outgoing": "stripe", "incoming": {"name": "stripe"}}), 422, "secret-same", "/incoming/name"),
        (json!({"outgoing": "stripe", "incoming": {}}), 422, "member-missing", "/incoming/value"),
        (
            json!({"outgoing": "stripe", "incoming": {"name": "x", "owner": "y"}}),
            422,
            "member-missing",
            "/incoming/value",
        ),
        (json!({"outgoing": "stripe", "incoming": {"name": "other", "value": "v"}}), 409, "secret-name-taken", ""),
        (
            json!({"outgoing": "stripe", "incoming": {"name": "1x", "value": "v"}}),
            422,
            "name-invalid",
            "/incoming/name",
        ),
        (json!({"outgoing": "stripe", "incoming": {"value": ""}}), 422, "value-empty", "/incoming/value"),
        (json!({"outgoing": "stripe", "incoming": {"value": "a\nb"}}), 422, "value-has-line-break", "/incoming/value"),
        (plan(json!({"environments": []})), 422, "environments-missing", "/plan/environments"),
        (plan(json!({"environments": ["prod"]})), 422, "environment-not-found", "/plan/environments/0"),
        (
            plan(json!({"environments": ["production", "staging"]})),
            422,
            "environments-out-of-order",
            "/plan/environments",
        ),
        (plan(json!({"environments": ["staging", "staging"]})), 422, "environment-twice", "/plan/environments/1"),
        (plan(json!({"canary": ["50%", "5%"]})), 422, "canary-invalid", "/plan/canary"),
        (plan(json!({"canary": []})), 422, "canary-invalid", "/plan/canary"),
        (plan(json!({"canary": {"staging": ["5"]}})), 422, "weight-invalid", "/plan/canary/staging/0"),
        (plan(json!({"soak": "2 days"})), 422, "duration-invalid", "/plan/soak"),
        (plan(json!({"soak": {"development": "1h"}})), 422, "environment-not-in-plan", "/plan/soak/development"),
        (plan(json!({"advance": {"Staging": "manual"}})), 422, "name-invalid", "/plan/advance/Staging"),
        (plan(json!({"after": "rot_unknown"})), 422, "rotation-not-found", "/plan/after"),
    ] {
        let reply = begin(&house, body.clone()).await;
        assert_eq!(reply.refusal(), (status, code), "{body}: {}", reply.text);
        if !pointer.is_empty() {
            assert_eq!(reply.errors()[0].0, pointer, "{body}: {}", reply.text);
        }
    }
    let meant = begin(&house, json!({"outgoing": "strip", "incoming": new()})).await;
    assert_eq!(meant.body["did_you_mean"], "stripe");
    // All mistakes are told at once, and nothing was made by any of them.
    let several =
        json!({"outgoing": "stripe", "incoming": {"name": "1x", "value": ""}, "plan": {"soak": "x", "canary": ["x"]}});
    assert_eq!(begin(&house, several).await.errors().len(), 4);
    assert_eq!(get(&house, "/v1/rotations").await.body["items"], json!([]));
    assert_eq!(get(&house, "/v1/secrets").await.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_secret_is_part_of_one_rotation_at_a_time() {
    let house = house().await;
    let id = started(&house, json!({})).await;
    // The outgoing secret, and the incoming one before it is in place.
    for outgoing in ["stripe", "stripe_v2"] {
        let reply = begin(&house, json!({"outgoing": outgoing, "incoming": {"value": "sk_live_planted_3"}})).await;
        assert_eq!(reply.refusal(), (409, "rotation-in-progress"), "{outgoing}");
        assert_eq!(reply.body["rotation"], *id);
    }
    secret(&house, json!({"name": "maps", "value": "a-key-for-maps"})).await;
    for incoming in ["stripe", "stripe_v2"] {
        let reply = begin(&house, json!({"outgoing": "maps", "incoming": {"name": incoming}})).await;
        assert_eq!(reply.refusal(), (409, "secret-in-rotation"), "{incoming}");
        assert_eq!(reply.body["rotation"], *id);
    }
    act(&house, &id, "abandon", json!({})).await.expect(200);
    assert_eq!(get(&house, "/v1/secrets/stripe").await.body["rotation"], Value::Null);
    // What was made for it is there for another try.
    begin(&house, json!({"outgoing": "stripe", "incoming": {"name": "stripe_v2"}})).await.expect(201);
}

#[tokio::test]
async fn limits_that_a_route_would_break_refuse_the_start() {
    let house = house().await;
    let narrow = json!({"value": "sk_live_planted_2", "allowed_hosts": ["api.example.com"]});
    let body = json!({"outgoing": "stripe", "incoming": narrow});
    let reply = begin(&house, body.clone()).await;
    assert_eq!(reply.refusal(), (422, "secret-not-allowed-for-host"), "{}", reply.text);
    assert!(reply.errors()[0].0.starts_with("/routes/payments"), "{}", reply.text);
    let tried = crate::post(&house, Role::Operator, "/v1/rotations?dry_run=true", body).await.expect(200);
    assert_eq!(tried.body["findings"][0]["severity"], "error");
    assert_eq!(tried.body["findings"][0]["code"], "secret-not-allowed-for-host");
    assert_eq!(tried.body["findings"][0]["route"], "payments");

    let elsewhere = json!({"value": "sk_live_planted_2", "environments": ["staging"]});
    let reply = begin(&house, json!({"outgoing": "stripe", "incoming": elsewhere})).await;
    assert_eq!(reply.refusal(), (422, "secret-not-allowed-in-environment"), "{}", reply.text);
    // In the environment that it may be used in, it may.
    let elsewhere = json!({"value": "sk_live_planted_2", "environments": ["staging"]});
    let plan = json!({"environments": ["staging"]});
    begin(&house, json!({"outgoing": "stripe", "incoming": elsewhere, "plan": plan})).await.expect(201);
}

#[tokio::test]
async fn widening_needs_an_operator() {
    let house = house().await;
    secret(
        &house,
        json!({"name": "sandbox", "value": "sk_test_planted", "environments": ["staging"],
                          "allowed_hosts": ["api.stripe.com"]}),
    )
    .await;
    let base = json!({"upstream": "https://api.stripe.com", "inject": {"headers": {"A": "{{sandbox}}"}}});
    route(&house, json!({"name": "trial", "base": base, "environments": {"staging": {}}})).await;
    let wider = json!({"value": "sk_test_planted_2", "allowed_hosts": ["api.stripe.com", "files.stripe.com"]});
    let body = json!({"outgoing": "sandbox", "incoming": wider});
    let refused = crate::post(&house, Role::Developer, "/v1/rotations", body.clone()).await;
    assert_eq!(refused.refusal(), (403, "permission-denied"));
    crate::post(&house, Role::Operator, "/v1/rotations", body).await.expect(201);
}
