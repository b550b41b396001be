//! `GET /v1/secrets/{name}`.

use std::sync::Arc;

use api::problem::Problem;
use api::secret::SecretItem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use super::view;
use crate::call::{Call, tagged};
use crate::refusal::Refusal;
use crate::state::Control;

/// What is known about a secret, also about a deleted one; never its value.
#[utoipa::path(
    get,
    path = "/v1/secrets/{name}",
    tag = "secrets",
    params(("name" = String, Path, description = "The secret.")),
    responses((status = 200, body = SecretItem), (status = 404, body = Problem))
)]
pub(super) async fn get(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let row = view::find(&control.store.read().await?, &name).await?;
    tagged(StatusCode::OK, &view::item(&row, call.now), row.secret.version)
}
