//! What a live rotation stands against: deletions of its secrets, and new mentions of the outgoing one.

use model::access::Role;
use model::rotation::Event;
use serde_json::{Value, json};

use crate::common::House;
use crate::{act, get, house, log, route, secret, started};

const ADMIN: Role = Role::Admin;

#[tokio::test]
async fn its_secrets_are_not_deleted() {
    let house = house().await;
    let id = started(&house, json!({})).await;
    for name in ["stripe", "stripe_v2"] {
        for query in ["", "?force=true&reason=x"] {
            let reply = house.send(ADMIN, "DELETE", &format!("/v1/secrets/{name}{query}"), Value::Null).await;
            assert_eq!(reply.refusal(), (409, "secret-in-rotation"), "{name}{query}");
            assert_eq!(reply.body["rotation"], *id);
        }
    }
    let several = house.send(ADMIN, "POST", "/v1/secrets/delete", json!({"names": ["stripe_v2"]})).await.expect(200);
    assert_eq!(several.body["results"][0]["problem"]["code"], "secret-in-rotation");
    act(&house, &id, "abandon", json!({})).await.expect(200);
    house.send(ADMIN, "DELETE", "/v1/secrets/stripe_v2", Value::Null).await.expect(204);
}

/// A rotation whose routes name the incoming secret, as far as `withdrawn`.
async fn withdrawn(house: &House) -> String {
    let id = started(house, json!({"soak": "0s", "canary": ["100%"], "canary_step": "0s"})).await;
    log(house, &id, vec![Event::ProbeSkipped]).await;
    act(house, &id, "attest", json!({"step": "credential_works", "note": "known"})).await.expect(200);
    act(house, &id, "promote", json!({})).await.expect(200);
    act(house, &id, "advance", json!({})).await.expect(200);
    act(house, &id, "promote", json!({})).await.expect(200);
    let told = get(house, &format!("/v1/rotations/{id}")).await.body;
    assert_eq!((&told["state"], &told["promoted"]), (&json!("watching"), &json!(["staging", "production"])));
    assert_eq!(told["environment"], Value::Null);
    withdraw(house, &id).await;
    id
}

/// What the engine does once nobody is behind.
async fn withdraw(house: &House, id: &str) {
    use model::rotation::{Evidence, House as Rules, Step, decide};
    let mut tx = house.begin().await;
    let mut rotation = tx.rotation(id).await.unwrap().unwrap().rotation;
    let now = house.control.now();
    let facts = tx.rotation_facts(&rotation, now, store::Detail::ByRoute).await.unwrap();
    let rules = Rules {
        fleet: tx.fleet().await.unwrap(),
        window_opens_at: None,
        gap: model::time::Span::from_millis(0),
        allow_private: Vec::new(),
    };
    let evidence = Evidence::gather(&rotation, &facts, &rules, false, now);
    let Step::Withdraw(soak, converged) = decide(&rotation, &evidence, now) else { panic!("{rotation:?}") };
    let event = Event::Withdrawn { soak, converged, remains_at: Vec::new(), revision: tx.next_revision() };
    tx.log_rotation(&mut rotation, [event], now).await.unwrap();
    house.commit(tx).await;
}

#[tokio::test]
async fn what_is_proven_unused_goes_without_waiting_for_the_retention() {
    let house = house().await;
    let id = withdrawn(&house).await;
    for action in ["roll-back", "abandon", "hold"] {
        assert_eq!(act(&house, &id, action, json!({})).await.refusal(), (409, "action-not-possible"), "{action}");
    }
    // The incoming one stays; the outgoing one was named a moment ago, and goes all the same.
    let incoming = house.send(ADMIN, "DELETE", "/v1/secrets/stripe_v2", Value::Null).await;
    assert_eq!(incoming.status.as_u16(), 409, "{}", incoming.text);
    let tried = house.send(ADMIN, "DELETE", "/v1/secrets/stripe?dry_run=true", Value::Null).await;
    assert_eq!(tried.status.as_u16(), 204, "{}", tried.text);
    house.send(Role::Operator, "DELETE", "/v1/secrets/stripe", Value::Null).await.expect(204);
    let told = get(&house, &format!("/v1/rotations/{id}")).await.body;
    assert_eq!((&told["state"], &told["live"]), (&json!("completed"), &json!(false)));
    let event = house.audit(1).await.remove(0);
    assert_eq!((&event["action"], &event["rotation_id"]), (&json!("secret.delete"), &json!(id)));
    assert_eq!(get(&house, "/v1/secrets/stripe").await.body["state"], "deleted");
    // Without a rotation, the retention holds.
    secret(&house, json!({"name": "maps", "value": "a-key-for-maps"})).await;
    route(
        &house,
        json!({"name": "maps", "base": {"upstream": "https://maps.example", "inject": {"query": {"key": "{{maps}}"}}}}),
    )
    .await;
    house.send(ADMIN, "DELETE", "/v1/routes/maps", Value::Null).await.expect(204);
    let early = house.send(ADMIN, "DELETE", "/v1/secrets/maps", Value::Null).await;
    assert_eq!(early.refusal(), (409, "secret-in-retention"));
}

#[tokio::test]
async fn several_deletions_complete_a_rotation_too() {
    let house = house().await;
    let id = withdrawn(&house).await;
    let body = json!({"names": ["stripe"]});
    let several = house.send(ADMIN, "POST", "/v1/secrets/delete", body).await.expect(200);
    assert_eq!(several.body["results"][0]["outcome"], "deleted", "{}", several.text);
    assert_eq!(get(&house, &format!("/v1/rotations/{id}")).await.body["state"], "completed");
}

#[tokio::test]
async fn the_next_rotation_may_begin_once_the_outgoing_one_is_withdrawn() {
    let house = house().await;
    withdrawn(&house).await;
    let body = json!({"outgoing": "stripe_v2", "incoming": {"value": "sk_live_planted_3"}});
    let next = crate::begin(&house, body).await.expect(201);
    assert_eq!(next.body["incoming"], "stripe_v3");
    let old = crate::begin(&house, json!({"outgoing": "stripe", "incoming": {"name": "stripe_v2"}})).await;
    assert_eq!(old.refusal(), (409, "rotation-in-progress"));
}

#[tokio::test]
async fn no_route_begins_to_name_what_is_being_replaced() {
    let house = house().await;
    secret(&house, json!({"name": "other", "value": "sk_live_planted_9"})).await;
    let base = |secret: &str| {
        json!({"upstream": "https://api.stripe.com",
               "inject": {"headers": {"Authorization": format!("Bearer {{{{{secret}}}}}")}}})
    };
    route(&house, json!({"name": "refunds", "base": base("stripe"), "environments": {"staging": {}}})).await;
    let put = json!({"base": base("other"), "environments": {"staging": {}}});
    house.send(ADMIN, "PUT", "/v1/routes/refunds", put).await.expect(200);
    let id = started(&house, json!({})).await;
    let refuse = |reply: crate::common::Reply| {
        assert_eq!(reply.refusal(), (409, "secret-being-replaced"), "{}", reply.text);
        assert_eq!((&reply.body["rotation"], &reply.body["did_you_mean"]), (&json!(id), &json!("stripe_v2")));
    };
    let new = json!({"name": "new", "base": base("stripe"), "environments": {"staging": {}}});
    refuse(house.send(ADMIN, "POST", "/v1/routes", new).await);
    let put = json!({"base": base("stripe"), "environments": {"staging": {}}});
    refuse(house.send(ADMIN, "PUT", "/v1/routes/refunds", put).await);
    refuse(house.send(ADMIN, "PATCH", "/v1/routes/refunds", json!({"base": base("stripe")})).await);
    refuse(house.send(ADMIN, "POST", "/v1/routes/refunds/roll-back", json!({"revision": 1})).await);
    let path = "/v1/routes/replace-secret";
    refuse(house.send(ADMIN, "POST", path, json!({"from": "other", "to": "stripe"})).await);
    // One more environment of a route that names it is one more place.
    refuse(house.send(ADMIN, "PATCH", "/v1/routes/payments", json!({"environments": {"development": {}}})).await);

    // What names it already may stay and be edited; the incoming one may be named; and it may be replaced by hand.
    house.send(ADMIN, "PATCH", "/v1/routes/payments", json!({"description": "x"})).await.expect(200);
    let more = json!({"base": {"inject": {"headers": {"X-Key": "{{stripe}}"}}}});
    house.send(ADMIN, "PATCH", "/v1/routes/payments", more).await.expect(200);
    let own = json!({"environments": {"staging": {"inject": {"headers": {"Authorization": "{{other}}", "X-Key": false}}},
                                      "production": {"inject": {"headers": {"Authorization": "{{other}}", "X-Key": false}}}}});
    house.send(ADMIN, "PATCH", "/v1/routes/payments", own).await.expect(200);
    house.send(ADMIN, "POST", path, json!({"from": "stripe", "to": "stripe_v2"})).await.expect(200);
    act(&house, &id, "abandon", json!({})).await.expect(200);
    let put = json!({"base": base("stripe"), "environments": {"staging": {}}});
    house.send(ADMIN, "PUT", "/v1/routes/refunds", put).await.expect(200);
}
