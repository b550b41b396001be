//! Rotations through the front door: what needs no engine.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;

mod act;
mod attest;
mod edges;
mod guard;
mod impact;
mod refused;
mod start;

use common::{House, Reply};
use model::access::Role;
use serde_json::{Value, json};

/// A house with the secret `stripe` behind the route `payments` in staging and production.
pub(crate) async fn house() -> House {
    let house = House::new().await;
    secret(&house, json!({"name": "stripe", "value": "sk_live_planted_1", "owner": "pay", "tags": ["pci"]})).await;
    let base = json!({"upstream": "https://api.stripe.com",
                      "inject": {"headers": {"Authorization": "Bearer {{stripe}}"}}});
    route(&house, json!({"name": "payments", "base": base, "environments": {"staging": {}, "production": {}}})).await;
    house
}

pub(crate) async fn secret(house: &House, body: Value) {
    house.send(Role::Admin, "POST", "/v1/secrets", body).await.expect(201);
}

pub(crate) async fn route(house: &House, body: Value) {
    house.send(Role::Admin, "POST", "/v1/routes", body).await.expect(201);
}

pub(crate) async fn post(house: &House, role: Role, path: &str, body: Value) -> Reply {
    house.send(role, "POST", path, body).await
}

pub(crate) async fn begin(house: &House, body: Value) -> Reply {
    post(house, Role::Operator, "/v1/rotations", body).await
}

/// A rotation of `stripe` with a new value; the answer is its id.
pub(crate) async fn started(house: &House, plan: Value) -> String {
    let body = json!({"outgoing": "stripe", "incoming": {"value": "sk_live_planted_2"}, "plan": plan});
    let reply = begin(house, body).await.expect(201);
    reply.body["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn act(house: &House, id: &str, action: &str, body: Value) -> Reply {
    post(house, Role::Operator, &format!("/v1/rotations/{id}/{action}"), body).await
}

pub(crate) async fn get(house: &House, path: &str) -> Reply {
    house.send(Role::Viewer, "GET", path, Value::Null).await
}

/// Lets the engine's part happen: what it would write by itself.
pub(crate) async fn log(house: &House, id: &str, events: Vec<model::rotation::Event>) {
    let mut tx = house.begin().await;
    let mut rotation = tx.rotation(id).await.unwrap().unwrap().rotation;
    tx.log_rotation(&mut rotation, events, house.control.now()).await.unwrap();
    house.commit(tx).await;
}
