//! `GET /v1/clients/{name}`.

use std::sync::Arc;

use api::clients::ClientItem;
use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use super::view;
use crate::call::{Call, tagged};
use crate::refusal::Refusal;
use crate::state::Control;

/// One client with its keys; never the keys themselves.
#[utoipa::path(
    get,
    path = "/v1/clients/{name}",
    tag = "clients",
    params(("name" = String, Path, description = "The client.")),
    responses((status = 200, body = ClientItem), (status = 404, body = Problem))
)]
pub(super) async fn get(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let found = view::find(&control.store.read().await?, &name).await?;
    tagged(StatusCode::OK, &view::item(&found.client, &found.keys), found.client.version)
}
