//! `GET /v1/rotations/{id}`.

use std::sync::Arc;

use api::problem::Problem;
use api::rotation::RotationItem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use super::look::Look;
use super::view;
use crate::call::{Call, answer};
use crate::refusal::Refusal;
use crate::state::Control;

/// One rotation as it stands: what was planned, what happened, what was measured, and what comes next.
#[utoipa::path(
    get,
    path = "/v1/rotations/{id}",
    tag = "rotations",
    params(("id" = String, Path, description = "The rotation.")),
    responses((status = 200, body = RotationItem), (status = 404, body = Problem))
)]
pub(super) async fn get(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let look = Look::take(&control, &control.store.read().await?, &id, call.now).await?;
    answer(StatusCode::OK, &view::item(&look))
}
