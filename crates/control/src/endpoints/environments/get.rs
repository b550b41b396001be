//! `GET /v1/environments/{name}`.

use std::sync::Arc;

use api::environment::EnvironmentItem;
use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use super::view;
use crate::call::{Call, tagged};
use crate::refusal::Refusal;
use crate::state::Control;

/// One environment.
#[utoipa::path(
    get,
    path = "/v1/environments/{name}",
    tag = "environments",
    params(("name" = String, Path, description = "The environment.")),
    responses((status = 200, body = EnvironmentItem), (status = 404, body = Problem))
)]
pub(super) async fn get(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let environment = view::find(&control.store.read().await?, &name).await?;
    tagged(StatusCode::OK, &view::item(&environment), environment.version)
}
