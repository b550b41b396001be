//! `GET /healthz`: the process is alive. It depends on nothing, so that an outage elsewhere restarts nobody.

use api::health::Health;
use axum::http::StatusCode;
use axum::response::Response;

use crate::call::answer;
use crate::refusal::Refusal;

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "process", responses((status = 200, body = Health)))]
pub(super) async fn health() -> Result<Response, Refusal> {
    answer(StatusCode::OK, &Health { status: "ok".to_owned() })
}
