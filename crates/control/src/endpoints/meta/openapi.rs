//! `GET /openapi.json`: this API, described.

use axum::http::StatusCode;
use axum::response::Response;

use crate::call::answer;
use crate::refusal::Refusal;

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "process", responses((status = 200, body = Object)))]
pub(super) async fn document() -> Result<Response, Refusal> {
    answer(StatusCode::OK, &crate::router::openapi())
}
