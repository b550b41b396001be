//! Routes through the front door.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;

mod doctor;
mod edit;
mod history;
mod refused;
mod replace;
mod trial;

use common::{House, Reply};
use model::access::Role;
use serde_json::{Value, json};

/// A house with secrets: `stripe` and `stripe_v2` for anywhere, `sandbox` for development and staging.
pub(crate) async fn house() -> House {
    let house = House::new().await;
    secret(&house, json!({"name": "stripe", "value": "sk_live_planted_1"})).await;
    secret(&house, json!({"name": "stripe_v2", "value": "sk_live_planted_2"})).await;
    secret(&house, json!({"name": "sandbox", "value": "sk_test_planted", "environments": ["development", "staging"]}))
        .await;
    house
}

pub(crate) async fn secret(house: &House, mut body: Value) {
    if body.get("kind").is_none() {
        body["kind"] = json!("api_key");
    }
    house.send(Role::Admin, "POST", "/v1/secrets", body).await.expect(201);
}

/// A route to Stripe in all three environments.
pub(crate) fn payments() -> Value {
    json!({
        "name": "payments",
        "base": {"upstream": "https://api.stripe.com", "inject": {"headers": {"Authorization": "Bearer {{stripe}}"}}},
        "environments": {"production": {}, "staging": {}, "development": {}},
    })
}

pub(crate) async fn create(house: &House, body: Value) -> Reply {
    house.send(Role::Admin, "POST", "/v1/routes", body).await.expect(201)
}

pub(crate) async fn get(house: &House, name: &str) -> Reply {
    house.send(Role::Viewer, "GET", &format!("/v1/routes/{name}"), Value::Null).await.expect(200)
}

/// The latest audit events, the newest first.
pub(crate) async fn events(house: &House, limit: usize) -> Vec<Value> {
    house.audit(limit).await
}
