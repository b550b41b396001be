//! What the admin listener answers while the database is not there yet: how the process is, and nothing else.

use api::health::{Health, Readiness, ReadinessCheck, Version};
use api::problem::{PROBLEM_JSON, Problem};
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

/// A service for the time of waiting; [`crate::router`] takes over from it.
pub fn waiting() -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/version", get(version))
        .fallback(other)
}

async fn health() -> Response {
    answer(StatusCode::OK, &Health { status: "ok".to_owned() })
}

async fn version() -> Response {
    let version = Version { name: "keyroll".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    answer(StatusCode::OK, &version)
}

async fn ready() -> Response {
    // Why it is away is for the log: nobody had to show a token.
    let check = ReadinessCheck {
        name: "database".to_owned(),
        ready: false,
        detail: "waiting for it since the start; nothing is served until it is there".to_owned(),
    };
    let readiness = Readiness { status: "not ready".to_owned(), checks: vec![check] };
    answer(StatusCode::SERVICE_UNAVAILABLE, &readiness)
}

async fn other() -> Response {
    let problem = Problem {
        kind: "urn:keyroll:problem:database-unavailable".to_owned(),
        title: "The database cannot be reached".to_owned(),
        status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
        detail: "this node has just started and waits for its database; try again in a few seconds".to_owned(),
        code: "database-unavailable".to_owned(),
        ..Problem::default()
    };
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, &problem);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn answer<T: Serialize>(status: StatusCode, item: &T) -> Response {
    let mut response = (status, serde_json::to_vec(item).unwrap_or_default()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
