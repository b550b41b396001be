//! What operators ask of a rotation: done once, answered again, refused with what is possible instead.

use model::access::Role;
use model::name::EnvironmentName;
use model::rotation::{Event, WaitFor};
use serde_json::{Value, json};

use crate::{act, get, house, log, post, started};

fn staging() -> EnvironmentName {
    "staging".parse().unwrap()
}

/// Before staging, and within its canary.
async fn in_canary(house: &crate::common::House, plan: Value) -> String {
    let id = started(house, plan).await;
    log(house, &id, vec![Event::ProbeSkipped]).await;
    let routes = vec![("payments".parse().unwrap(), "https://api.stripe.com:443".to_owned())];
    let weight = "100%".parse().unwrap();
    log(house, &id, vec![Event::StageBegan { environment: staging(), weight, routes, healthy: None }]).await;
    id
}

#[tokio::test]
async fn somebody_else_approves() {
    let house = house().await;
    let id = started(&house, json!({"approval": true})).await;
    let path = format!("/v1/rotations/{id}");
    let told = get(&house, &path).await.body;
    assert_eq!(told["state"], "awaiting_approval");
    assert!(told["next"]["waits_for"].as_str().unwrap().contains("approval"), "{told}");
    assert_eq!(act(&house, &id, "approve", json!({})).await.refusal(), (422, "member-missing"));
    assert_eq!(act(&house, &id, "approve", json!({"reason": " "})).await.refusal(), (422, "reason-missing"));
    let own = act(&house, &id, "approve", json!({"reason": "mine"})).await;
    assert_eq!(own.refusal(), (409, "action-not-possible"));
    assert_eq!((&own.body["state"], &own.body["rotation"]), (&json!("awaiting_approval"), &json!(id)));
    assert_eq!(own.body["possible"], json!(["approve", "hold", "roll-back", "abandon", "attest"]));
    let early = act(&house, &id, "advance", json!({})).await;
    assert_eq!(early.refusal(), (409, "action-not-possible"));

    let approve = json!({"reason": "change 4711"});
    let done = post(&house, Role::Admin, &format!("{path}/approve"), approve.clone()).await.expect(200);
    assert_eq!(done.body["state"], "planned");
    let event = house.audit(1).await.remove(0);
    assert_eq!((&event["action"], &event["epoch"]), (&json!("rotation.approved"), &json!(2)));
    assert_eq!((&event["actor"], &event["rotation_id"]), (&json!("token:admin"), &json!(id)));
    // Again, by anybody: nothing happens, and the answer is the rotation.
    let again = act(&house, &id, "approve", approve).await.expect(200);
    assert_eq!(again.body, done.body);
    assert_eq!(house.audit(1).await[0]["action"], "rotation.approved");
}

#[tokio::test]
async fn held_and_resumed() {
    let house = house().await;
    let id = started(&house, json!({})).await;
    let held = act(&house, &id, "hold", json!({"note": "wait for Monday"})).await.expect(200);
    assert_eq!((&held.body["state"], &held.body["paused_in"]), (&json!("held"), &json!("planned")));
    assert_eq!(held.body["history"][1]["detail"], "held: wait for Monday");
    let again = act(&house, &id, "hold", Value::Null).await.expect(200);
    assert_eq!(again.body["history"], held.body["history"]);
    let refused = act(&house, &id, "promote", Value::Null).await;
    assert_eq!(refused.refusal(), (409, "action-not-possible"));
    assert_eq!(refused.body["possible"], json!(["resume", "roll-back", "abandon", "attest"]));
    let resumed = act(&house, &id, "resume", json!({})).await.expect(200);
    assert_eq!((&resumed.body["state"], resumed.body.get("paused_in")), (&json!("planned"), None));
    act(&house, &id, "resume", Value::Null).await.expect(200);
    assert_eq!(get(&house, &format!("/v1/rotations/{id}")).await.body["history"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn abandoned_once_and_for_all() {
    let house = house().await;
    let id = started(&house, json!({})).await;
    let done = act(&house, &id, "abandon", json!({"note": "wrong key"})).await.expect(200);
    assert_eq!((&done.body["state"], &done.body["live"]), (&json!("abandoned"), &json!(false)));
    assert_eq!(act(&house, &id, "abandon", json!({})).await.expect(200).body, done.body);
    for action in ["advance", "promote", "hold", "resume", "roll-back"] {
        let refused = act(&house, &id, action, Value::Null).await;
        assert_eq!(refused.refusal(), (409, "action-not-possible"), "{action}");
        assert_eq!((&refused.body["state"], &refused.body["possible"]), (&json!("abandoned"), &json!([])));
    }
    let unknown = act(&house, "rot_0", "hold", json!({})).await;
    assert_eq!(unknown.refusal(), (404, "rotation-not-found"));
}

#[tokio::test]
async fn an_environment_is_promoted_and_rolled_back_by_name() {
    let house = house().await;
    let id = in_canary(&house, json!({})).await;
    let path = format!("/v1/rotations/{id}");
    let told = get(&house, &path).await.body;
    assert_eq!(told["state"], "canary");
    assert_eq!(told["stage"], json!({"number": 1, "of": 2, "name": "staging"}));
    let canary = &told["canary"];
    assert_eq!((&canary["weight"], &canary["step"], &canary["careful"]), (&json!("100%"), &json!(1), &json!(true)));
    assert_eq!(told["verdict"]["word"], "undecided");
    // The overlay stands beside the route, outside its entity tag.
    let route = get(&house, "/v1/routes/payments").await;
    assert_eq!(
        route.body["rotations"],
        json!([{"rotation": id, "environment": "staging", "outgoing": "stripe", "incoming": "stripe_v2", "weight": "100%"}])
    );
    assert_eq!(route.header("etag"), "\"1\"");

    // Nothing shows that it works, so that it takes somebody's word.
    let refused = act(&house, &id, "promote", json!({})).await;
    assert_eq!(refused.refusal(), (409, "action-not-possible"));
    act(&house, &id, "attest", json!({"step": "credential_works", "note": "tried by hand"})).await.expect(200);
    let elsewhere = act(&house, &id, "promote", json!({"environment": "production"})).await;
    assert_eq!(elsewhere.refusal(), (409, "action-not-possible"));
    let done = act(&house, &id, "promote", json!({"environment": "staging"})).await.expect(200);
    assert_eq!((&done.body["state"], &done.body["promoted"]), (&json!("soaking"), &json!(["staging"])));
    assert_eq!((&done.body["diff"][0]["done"], &done.body["diff"][1]["done"]), (&json!(true), &json!(false)));
    // Again, whether it says where or not: it is done.
    for body in [json!({"environment": "staging"}), Value::Null] {
        assert_eq!(act(&house, &id, "promote", body).await.expect(200).body, done.body);
    }
    let route = get(&house, "/v1/routes/payments").await;
    assert_eq!(route.body["environments"]["staging"]["inject"]["headers"]["Authorization"], "Bearer {{stripe_v2}}");
    assert_eq!((route.header("etag"), route.body.get("rotations")), ("\"2\"", None));
    let revisions = get(&house, "/v1/routes/payments/revisions").await.expect(200).body;
    assert_eq!(revisions["items"][0]["action"], "route.rotation");
    let event = house.audit(1).await.remove(0);
    assert_eq!(event["action"], "rotation.promoted");
    assert_eq!(event["after"]["events"][0]["changes"][0]["after"], "Bearer {{stripe_v2}}");

    // Another edit meanwhile stays.
    let edit = json!({"description": "edited meanwhile"});
    house.send(Role::Admin, "PATCH", "/v1/routes/payments", edit).await.expect(200);
    let back = act(&house, &id, "roll-back", json!({"note": "too slow"})).await.expect(200);
    assert_eq!((&back.body["state"], &back.body["live"]), (&json!("rolled_back"), &json!(false)));
    assert_eq!(back.body["diff"][0]["done"], false);
    let route = get(&house, "/v1/routes/payments").await.body;
    assert_eq!(route["base"]["inject"]["headers"]["Authorization"], "Bearer {{stripe}}");
    assert_eq!((&route["environments"]["staging"], &route["description"]), (&json!({}), &json!("edited meanwhile")));
    assert_eq!(act(&house, &id, "roll-back", json!({})).await.expect(200).body, back.body);
    assert_eq!(house.audit(1).await[0]["action"], "rotation.rolled_back");
}

#[tokio::test]
async fn an_advance_goes_one_step() {
    let house = house().await;
    let id = started(&house, json!({"advance": "manual", "canary": {"staging": ["10%", "100%"]}})).await;
    log(&house, &id, vec![Event::ProbeSkipped, Event::Waiting(WaitFor::Operator)]).await;
    let waiting = get(&house, &format!("/v1/rotations/{id}")).await.body;
    assert_eq!((&waiting["state"], &waiting["environment"]), (&json!("waiting"), &json!("staging")));
    let released = act(&house, &id, "advance", json!({"environment": "staging"})).await.expect(200);
    assert_eq!(released.body["state"], "waiting");
    assert!(released.body["next"]["what"].as_str().unwrap().contains("10%"), "{}", released.text);
    // Until the engine has entered it, a repetition changes nothing.
    act(&house, &id, "advance", json!({"environment": "staging"})).await.expect(200);
    let routes = vec![("payments".parse().unwrap(), "https://api.stripe.com:443".to_owned())];
    let weight = "10%".parse().unwrap();
    log(&house, &id, vec![Event::StageBegan { environment: staging(), weight, routes, healthy: None }]).await;
    let second = act(&house, &id, "advance", json!({})).await.expect(200);
    assert_eq!((&second.body["canary"]["weight"], &second.body["canary"]["step"]), (&json!("100%"), &json!(2)));
    let promoted = act(&house, &id, "advance", json!({})).await.expect(200);
    assert_eq!(promoted.body["promoted"], json!(["staging"]));
}
