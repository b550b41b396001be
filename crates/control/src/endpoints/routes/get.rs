//! `GET /v1/routes/{name}`.

use std::sync::Arc;

use api::problem::Problem;
use api::route::RouteItem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use super::view;
use crate::call::{Call, tagged};
use crate::refusal::Refusal;
use crate::state::Control;

/// One route, as it was written.
#[utoipa::path(
    get,
    path = "/v1/routes/{name}",
    tag = "routes",
    params(("name" = String, Path, description = "The route.")),
    responses((status = 200, body = RouteItem), (status = 404, body = Problem))
)]
pub(super) async fn get(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let route = view::find(&control.store.read().await?, &name).await?;
    tagged(StatusCode::OK, &view::item(&route)?, route.version)
}
