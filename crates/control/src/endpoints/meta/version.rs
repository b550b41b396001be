//! `GET /version`.

use api::health::Version;
use axum::http::StatusCode;
use axum::response::Response;

use crate::call::answer;
use crate::refusal::Refusal;

/// Which version this is.
#[utoipa::path(get, path = "/version", tag = "process", responses((status = 200, body = Version)))]
pub(super) async fn version() -> Result<Response, Refusal> {
    let version = Version { name: "keyroll".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    answer(StatusCode::OK, &version)
}
