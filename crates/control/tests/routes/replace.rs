//! Re-pointing routes from one secret to another.

use model::access::Role;
use serde_json::{Value, json};

use crate::common::{House, Reply};
use crate::{create, events, get, house, payments, secret};

async fn replace(house: &House, body: Value) -> Reply {
    house.send(Role::Admin, "POST", "/v1/routes/replace-secret", body).await
}

async fn revision(house: &House) -> i64 {
    house.control.store.read().await.unwrap().position().revision
}

#[tokio::test]
async fn all_routes_move_in_one_change() {
    let house = house().await;
    create(&house, payments()).await;
    let mut refunds = payments();
    refunds["name"] = json!("refunds");
    refunds["environments"] = json!({"production": {}});
    create(&house, refunds).await;
    create(&house, json!({"name": "other", "base": {"inject": {"headers": {"A": "{{sandbox}}"}}}})).await;
    let before = revision(&house).await;

    let wish = json!({"from": "stripe", "to": "stripe_v2", "dry_run": true});
    let dry = replace(&house, wish).await.expect(200);
    assert_eq!((&dry.body["revision"], revision(&house).await), (&Value::Null, before));
    let done = replace(&house, json!({"from": "stripe", "to": "stripe_v2"})).await.expect(200);
    assert_eq!(done.body["changes"], dry.body["changes"]);
    assert_eq!(done.body["revision"], json!(before + 1));
    assert_eq!(revision(&house).await, before + 1);
    let changes = done.body["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 4);
    assert_eq!(
        changes[3],
        json!({"route": "refunds", "environment": "production", "field": "inject.headers.Authorization",
               "before": "Bearer {{stripe}}", "after": "Bearer {{stripe_v2}}"})
    );
    // The base moved itself; nothing keeps naming the outgoing secret.
    let told = get(&house, "payments").await.body;
    assert_eq!(told["base"]["inject"]["headers"]["Authorization"], "Bearer {{stripe_v2}}");
    assert_eq!(told["environments"]["staging"], json!({}));
    assert_eq!(get(&house, "other").await.body["revision"], 1);
    let event = events(&house, 1).await.remove(0);
    assert_eq!((&event["action"], &event["subject"]), (&json!("route.replace-secret"), &json!("secret/stripe")));
    assert_eq!(event["before"][3]["template"], "Bearer {{stripe}}");
    assert_eq!(event["after"][3]["template"], "Bearer {{stripe_v2}}");
    let revisions = house.send(Role::Viewer, "GET", "/v1/routes/refunds/revisions", Value::Null).await.expect(200);
    assert_eq!(revisions.body["items"][0]["action"], "route.replace-secret");

    let again = replace(&house, json!({"from": "stripe", "to": "stripe_v2"})).await.expect(200);
    assert_eq!(again.body, json!({"changes": [], "revision": null}));
    assert_eq!(revision(&house).await, before + 1);
}

#[tokio::test]
async fn one_environment_moves_by_an_override() {
    let house = house().await;
    create(&house, payments()).await;
    let wish = json!({"from": "stripe", "to": "sandbox", "environments": ["staging"]});
    let done = replace(&house, wish).await.expect(200);
    assert_eq!(done.body["changes"].as_array().unwrap().len(), 1);
    let told = get(&house, "payments").await.body;
    assert_eq!(told["base"]["inject"]["headers"]["Authorization"], "Bearer {{stripe}}");
    assert_eq!(told["environments"]["staging"]["inject"]["headers"]["Authorization"], "Bearer {{sandbox}}");
}

#[tokio::test]
async fn what_cannot_be_done_is_told_and_nothing_moves() {
    let house = house().await;
    create(&house, payments()).await;
    secret(&house, json!({"name": "elsewhere", "value": "planted_elsewhere", "allowed_hosts": ["example.com"]})).await;
    secret(&house, json!({"name": "pem", "kind": "other", "value": "planted\nline"})).await;
    let staging = "/routes/payments/environments/staging";
    let base = "/routes/payments/base/inject/headers/Authorization";
    for (body, errors) in [
        (json!({"from": "stripe", "to": "stripe"}), vec![("/to", "secret-same")]),
        (
            json!({"from": "stripe", "to": "stripe_v2", "environments": ["stagin"]}),
            vec![("/environments/0", "environment-not-found")],
        ),
        (
            json!({"from": "stripe", "to": "stripe_v2", "environments": []}),
            vec![("/environments", "environments-empty")],
        ),
        (
            json!({"from": "stripe", "to": "elsewhere", "environments": ["staging"]}),
            vec![(&*format!("{staging}/inject/headers/Authorization"), "secret-not-allowed-for-host")],
        ),
        (json!({"from": "stripe", "to": "sandbox"}), vec![(base, "secret-not-allowed-in-environment")]),
        (json!({"from": "stripe", "to": "pem"}), vec![(base, "value-not-allowed-here")]),
    ] {
        let expected: Vec<_> = errors.iter().map(|(at, code)| ((*at).to_owned(), (*code).to_owned())).collect();
        for dry_run in [true, false] {
            let mut body = body.clone();
            body["dry_run"] = json!(dry_run);
            let reply = replace(&house, body).await.expect(422);
            assert_eq!(reply.errors(), expected, "{}", reply.text);
            assert!(!reply.text.contains("planted"), "{}", reply.text);
        }
    }
    assert_eq!(get(&house, "payments").await.body["revision"], 1);
    for (from, to, meant) in [
        ("strip", "stripe_v2", json!("stripe")),
        ("stripe", "stripe_v3", json!("stripe_v2")),
        ("nothing_like_it", "gone", Value::Null),
    ] {
        let reply = replace(&house, json!({"from": from, "to": to, "dry_run": true})).await;
        assert_eq!(reply.refusal(), (404, "secret-not-found"));
        assert_eq!(reply.body["did_you_mean"], meant, "{}", reply.text);
    }
}

#[tokio::test]
async fn moving_needs_the_rights_of_saving() {
    let house = house().await;
    create(&house, payments()).await;
    secret(&house, json!({"name": "sandbox_v2", "value": "planted_v2", "environments": ["staging"]})).await;
    let wish = json!({"from": "stripe", "to": "sandbox_v2", "environments": ["staging"]});
    let path = "/v1/routes/replace-secret";
    house.send(Role::Developer, "POST", path, wish).await.expect(200);
    for environment in ["development", "production"] {
        let wish = json!({"from": "stripe", "to": "stripe_v2", "environments": [environment], "dry_run": true});
        let reply = house.send(Role::Developer, "POST", path, wish.clone()).await;
        assert_eq!(reply.refusal(), (403, "permission-denied"), "{environment}");
        house.send(Role::Operator, "POST", path, wish).await.expect(200);
    }
}

#[tokio::test]
async fn a_repetition_with_its_key_is_answered_as_before() {
    let house = house().await;
    create(&house, payments()).await;
    let key = [("idempotency-key", "one")];
    let wish = json!({"from": "stripe", "to": "stripe_v2"});
    let path = "/v1/routes/replace-secret";
    let first = house.send_with(Role::Admin, "POST", path, &key, wish.clone()).await.expect(200);
    let second = house.send_with(Role::Admin, "POST", path, &key, wish).await.expect(200);
    assert_eq!((second.body, second.headers.contains_key("idempotency-replayed")), (first.body, true));
}
