//! A dry run says what a rotation would do, and leaves nothing behind.

use model::access::Role;
use model::time::{Span, Timestamp};
use model::usage::{Outcome, Tally, TallyKey};
use serde_json::{Value, json};
use store::Telemetry;

use crate::common::House;
use crate::{get, house, post, secret, started};

async fn tried(house: &House, body: Value) -> Value {
    post(house, Role::Operator, "/v1/rotations?dry_run=true", body).await.expect(200).body
}

/// The finding of this code.
fn found<'a>(impact: &'a Value, code: &str) -> Option<&'a Value> {
    impact["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == code)
}

async fn use_it(house: &House, count: u64) {
    let now = house.control.now();
    let tally = Tally::default();
    for _ in 0..count {
        tally.used(now);
        tally.ended(Outcome::Accepted);
    }
    let key = TallyKey {
        secret: "stripe".parse().unwrap(),
        route: "payments".parse().unwrap(),
        environment: "production".parse().unwrap(),
    };
    let rows = vec![(key, tally.drain().unwrap())];
    house.control.store.record(Telemetry::Tallies { at: now, rows }).await.unwrap();
}

#[tokio::test]
async fn a_dry_run_tells_routes_traffic_and_differences() {
    let house = house().await;
    use_it(&house, 7).await;
    house.advance(Span::from_hours(1));
    let body = json!({"outgoing": "stripe", "incoming": {"value": "sk_live_planted_2"}});
    let impact = tried(&house, body).await;
    assert_eq!((&impact["outgoing"], &impact["incoming"]), (&json!("stripe"), &json!("stripe_v2")));
    assert_eq!(impact["plan"]["environments"], json!(["staging", "production"]));
    assert_eq!(
        impact["routes"][1],
        json!({"route": "payments", "environment": "production", "field": "inject.headers.Authorization",
               "before": "Bearer {{stripe}}", "after": "Bearer {{stripe_v2}}", "requests_24h": 7})
    );
    assert_eq!(impact["routes"][0]["requests_24h"], 0);
    assert_eq!(impact["diff"].as_array().unwrap().len(), 2);
    assert_eq!(found(&impact, "used-across-environments").unwrap()["severity"], "warning");
    let low = found(&impact, "low-traffic").unwrap();
    assert!(low["environment"] == "staging" || low["environment"] == "production", "{low}");
    assert!(!impact.to_string().contains("planted"));
    // Nothing was made.
    assert_eq!(get(&house, "/v1/rotations").await.body["items"], json!([]));
    assert_eq!(get(&house, "/v1/secrets/stripe_v2").await.refusal(), (404, "secret-not-found"));
    assert_eq!(house.audit(1).await[0]["action"], "route.create");
}

#[tokio::test]
async fn findings_come_with_their_reasons() {
    let house = house().await;
    let soon = Timestamp::from_millis(crate::common::NOW).plus(Span::from_hours(5)).to_string();
    let incoming = json!({"value": "sk_live_planted_1", "expires_at": soon, "kind": "oauth_token"});
    let plan = json!({"environments": ["staging"], "soak": "48h"});
    let impact = tried(&house, json!({"outgoing": "stripe", "incoming": incoming, "plan": plan})).await;
    for code in ["expires-inside-plan", "same-value", "kind-differs", "environment-left-out", "low-traffic"] {
        assert!(found(&impact, code).is_some(), "{code}: {impact}");
    }
    assert_eq!(found(&impact, "environment-left-out").unwrap()["environment"], "production");
    assert_eq!(found(&impact, "unjudgeable-route"), None);

    // None of them where there is no reason.
    let incoming = json!({"value": "sk_live_planted_2"});
    let impact = tried(&house, json!({"outgoing": "stripe", "incoming": incoming})).await;
    for code in ["expires-inside-plan", "same-value", "kind-differs", "environment-left-out", "not-referenced"] {
        assert_eq!(found(&impact, code), None, "{code}");
    }
    secret(&house, json!({"name": "idle", "value": "a-value-of-some-length"})).await;
    let impact = tried(&house, json!({"outgoing": "idle", "incoming": {"value": "another-value"}})).await;
    assert!(found(&impact, "not-referenced").is_some());
}

#[tokio::test]
async fn what_cannot_be_judged_and_what_shares_a_route_is_told() {
    let house = house().await;
    started(&house, json!({})).await;
    secret(&house, json!({"name": "db", "value": "postgres://a:b@c/d", "kind": "database_url"})).await;
    let patch = json!({"base": {"inject": {"headers": {"X-Database": "{{db}}"}}}});
    house.send(Role::Admin, "PATCH", "/v1/routes/payments", patch).await.expect(200);
    let body = json!({"outgoing": "db", "incoming": {"value": "postgres://a:c@c/d"}});
    let impact = tried(&house, body).await;
    assert_eq!(found(&impact, "unjudgeable-route").unwrap()["route"], "payments", "{impact}");
    assert_eq!(found(&impact, "rotation-shares-route").unwrap()["route"], "payments", "{impact}");
    // With a probe of its own it can be judged.
    let probe = json!({"postgres": {"connections": ["postgres://a@db.example/d"]}});
    let body = json!({"outgoing": "db", "incoming": {"value": "postgres://a:c@c/d", "probe": probe}});
    assert_eq!(found(&tried(&house, body).await, "unjudgeable-route"), None);
}
