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
use crate::endpoints::rotations::overlays;
use crate::refusal::Refusal;
use crate::state::Control;

/// One route, as it was written, and beside it the shares of its traffic that rotations give to other secrets.
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
    let tx = control.store.read().await?;
    let route = view::find(&tx, &name).await?;
    let item = RouteItem { rotations: overlays(&tx, &route.spec).await?, ..view::item(&route)? };
    tagged(StatusCode::OK, &item, route.version)
}
