//! Every endpoint of the OpenAPI document says who may call it, and means it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeSet;

use common::House;
use control::{ENDPOINTS, Endpoint, Least};
use model::access::ROLES;
use serde_json::{Value, json};

/// The address of an endpoint with its parameters filled in by names of nothing.
fn address(endpoint: &Endpoint) -> String {
    endpoint.path.replace("{name}", "nothing_of_the_kind").replace("{id}", "key_0").replace("{step}", "no_step")
}

fn described() -> BTreeSet<(String, String)> {
    let document = serde_json::to_value(control::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters").cloned().collect::<Vec<_>>();
        methods.into_iter().map(move |method| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

#[test]
fn the_table_and_the_description_name_the_same_endpoints() {
    let table: BTreeSet<_> =
        ENDPOINTS.iter().map(|endpoint| (endpoint.method.to_owned(), endpoint.path.to_owned())).collect();
    assert_eq!(table, described(), "add what is new to ENDPOINTS, with the least that a caller must bring");
}

#[tokio::test]
async fn without_a_valid_token_there_is_one_answer() {
    let house = House::new().await;
    for endpoint in ENDPOINTS {
        for authorization in [None, Some("Bearer krt_unknown"), Some("Basic a3J0X3Vua25vd24="), Some("krt_unknown")] {
            let headers: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
            let reply = house.send_raw(endpoint.method, &address(endpoint), &headers, Vec::new()).await;
            if endpoint.least == Least::Anybody {
                assert_eq!(reply.status, 200, "{} {}", endpoint.method, endpoint.path);
            } else {
                assert_eq!(reply.refusal(), (401, "token-invalid"), "{} {}", endpoint.method, endpoint.path);
                assert_eq!(reply.header("content-type"), "application/problem+json");
                assert!(reply.header("www-authenticate").starts_with("Bearer"));
                assert_eq!(reply.body["request_id"], reply.header("x-request-id"));
            }
        }
    }
}

#[tokio::test]
async fn each_role_gets_through_its_own_doors_alone() {
    let house = House::new().await;
    for endpoint in ENDPOINTS {
        let Least::Token(need) = endpoint.least else { continue };
        for role in ROLES {
            let body = if matches!(endpoint.method, "GET" | "DELETE") { Value::Null } else { json!({}) };
            let reply = house.send(role, endpoint.method, &address(endpoint), body).await;
            let place = format!("{} {} as {role}: {}", endpoint.method, endpoint.path, reply.text);
            if need.is_met_by(role) {
                assert!(![401, 403, 405].contains(&reply.status.as_u16()), "{place}");
                assert!(reply.status.as_u16() < 500, "{place}");
            } else {
                assert_eq!(reply.refusal(), (403, "permission-denied"), "{place}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_with_its_revocation() {
    let house = House::new().await;
    let admin = model::access::Role::Admin;
    let body = json!({"name": "ci", "role": "viewer", "expires_at": "2025-11-24T17:00:00Z"});
    let made = house.send(admin, "POST", "/v1/tokens", body).await.expect(201);
    let bearer = format!("Bearer {}", made.body["token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(house.send_raw("GET", "/v1/routes", &headers, Vec::new()).await.status, 200);
    house.advance(model::time::Span::from_hours(1));
    assert_eq!(house.send_raw("GET", "/v1/routes", &headers, Vec::new()).await.status, 401);

    let made = house.send(admin, "POST", "/v1/tokens", json!({"name": "cd", "role": "viewer"})).await.expect(201);
    let bearer = format!("Bearer {}", made.body["token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(house.send_raw("GET", "/v1/routes", &headers, Vec::new()).await.status, 200);
    house.send(admin, "DELETE", "/v1/tokens/cd", Value::Null).await.expect(204);
    assert_eq!(house.send_raw("GET", "/v1/routes", &headers, Vec::new()).await.status, 401);
    house.send(admin, "DELETE", "/v1/tokens/cd", Value::Null).await.expect(204);
    let reply = house.send(admin, "DELETE", "/v1/tokens/cdd", Value::Null).await;
    assert_eq!(reply.refusal(), (404, "token-not-found"));
}

#[tokio::test]
async fn a_revocation_reaches_every_token_of_the_name() {
    let house = House::new().await;
    let admin = model::access::Role::Admin;
    let first = json!({"name": "ci", "role": "viewer", "expires_at": "2025-11-24T17:00:00Z"});
    house.send(admin, "POST", "/v1/tokens", first).await.expect(201);
    house.advance(model::time::Span::from_hours(2));
    // The first one has expired, and is not revoked: its name is free.
    let second = house.send(admin, "POST", "/v1/tokens", json!({"name": "ci", "role": "viewer"})).await.expect(201);
    house.send(admin, "POST", "/v1/tokens", json!({"name": "cd", "role": "viewer"})).await.expect(201);
    let bearer = format!("Bearer {}", second.body["token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(house.send_raw("GET", "/v1/routes", &headers, Vec::new()).await.status, 200);
    house.send(admin, "DELETE", "/v1/tokens/ci", Value::Null).await.expect(204);
    assert_eq!(house.send_raw("GET", "/v1/routes", &headers, Vec::new()).await.status, 401);

    let event = house.audit(1).await.remove(0);
    let tx = house.control.store.read().await.unwrap();
    let (ended, open): (Vec<_>, Vec<_>) =
        tx.tokens().await.unwrap().into_iter().partition(|token| token.revoked_at.is_some());
    let told: Vec<_> = event["before"]["tokens"].as_array().unwrap().iter().map(|token| &token["id"]).collect();
    assert_eq!(told, ended.iter().map(|token| &token.id).collect::<Vec<_>>());
    assert_eq!((ended.len(), ended.iter().all(|token| token.name == "ci")), (2, true));
    assert!(open.iter().any(|token| token.name == "cd") && open.iter().all(|token| token.name != "ci"));
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems_too() {
    let house = House::new().await;
    let reply = house.send_raw("GET", "/v1/nothing", &[], Vec::new()).await;
    assert_eq!(reply.refusal(), (404, "endpoint-not-found"));
    let reply = house.send_raw("PUT", "/v1/secrets", &[], Vec::new()).await;
    assert_eq!(reply.refusal(), (405, "method-not-allowed"));
    assert!(reply.header("allow").contains("POST"), "{}", reply.header("allow"));
    let reply = house.send(model::access::Role::Viewer, "GET", "/v1/secrets/%FF", Value::Null).await;
    assert_eq!(reply.refusal(), (400, "path-invalid"));
    let reply = house.send_raw("GET", "/healthz", &[("x-request-id", "mine-1")], Vec::new()).await;
    assert_eq!(reply.header("x-request-id"), "mine-1");
    let reply = house.send_raw("GET", "/healthz", &[("x-request-id", "no good")], Vec::new()).await;
    assert!(reply.header("x-request-id").starts_with("req_"));
}
