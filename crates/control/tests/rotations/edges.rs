//! What a rotation does to the rights and the clocks of others.

use model::access::Role;
use model::time::{Clock, Span, Timestamp};
use serde_json::{Value, json};

use crate::common::House;

/// A route of staging with a secret of staging, and a secret that may be used anywhere.
async fn furnished() -> House {
    let house = House::new().await;
    for (name, environments) in [("crm_key", json!(["staging"])), ("crm_key_v2", Value::Null)] {
        let value = format!("the-value-of-{name}");
        let body = json!({"name": name, "value": value, "kind": "api_key", "environments": environments});
        house.send(Role::Admin, "POST", "/v1/secrets", body).await.expect(201);
    }
    let base =
        json!({"upstream": "https://crm.example", "inject": {"headers": {"Authorization": "Bearer {{crm_key}}"}}});
    let body = json!({"name": "crm", "base": base, "environments": {"staging": {}}});
    house.send(Role::Admin, "POST", "/v1/routes", body).await.expect(201);
    house
}

async fn moved_in(house: &House) -> Value {
    let body = json!({"outgoing": "crm_key", "incoming": {"name": "crm_key_v2"}});
    house.send(Role::Operator, "POST", "/v1/rotations", body).await.expect(201).body
}

async fn led_to(house: &House, role: Role, upstream: &str) -> u16 {
    let patch = json!({"base": {"upstream": upstream}});
    house.send(role, "PATCH", "/v1/routes/crm", patch).await.status.as_u16()
}

#[tokio::test]
async fn who_may_not_use_a_secret_does_not_lead_it_elsewhere_by_a_route_that_it_is_rotated_into() {
    let house = furnished().await;
    assert_eq!(led_to(&house, Role::Developer, "https://crm.one.example").await, 200);
    let id = moved_in(&house).await["id"].as_str().unwrap().to_owned();
    assert_eq!(led_to(&house, Role::Developer, "https://elsewhere.example").await, 403);
    assert_eq!(led_to(&house, Role::Operator, "https://crm.two.example").await, 200);
    let path = format!("/v1/rotations/{id}/abandon");
    house.send(Role::Operator, "POST", &path, Value::Null).await.expect(200);
    assert_eq!(led_to(&house, Role::Developer, "https://crm.three.example").await, 200);
}

#[tokio::test]
async fn a_word_at_a_node_whose_date_was_set_forward_does_not_carry_a_rotation_along() {
    let house = furnished().await;
    let item = moved_in(&house).await;
    let moment = |item: &Value| -> Timestamp { item["state_since"].as_str().unwrap().parse().unwrap() };
    assert_eq!(moment(&item), house.clock.now(), "a clock that is right is gone by");
    house.advance(Span::from_days(2 * 366));
    let path = format!("/v1/rotations/{}/hold", item["id"].as_str().unwrap());
    let held = house.send(Role::Operator, "POST", &path, Value::Null).await.expect(200).body;
    assert_eq!(held["state"], "held");
    let at: Timestamp = held["history"].as_array().unwrap().last().unwrap()["at"].as_str().unwrap().parse().unwrap();
    assert!(at < house.clock.now().minus(Span::from_days(300)), "{at}");
}
