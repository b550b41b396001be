//! `GET /v1/nodes/{id}`.

use std::sync::Arc;

use api::node::NodeItem;
use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use super::view;
use crate::call::{Call, answer};
use crate::refusal::Refusal;
use crate::state::Control;

/// One node.
#[utoipa::path(
    get,
    path = "/v1/nodes/{id}",
    tag = "nodes",
    params(("id" = String, Path, description = "The node.")),
    responses((status = 200, body = NodeItem), (status = 404, body = Problem))
)]
pub(super) async fn get(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let tx = control.store.read().await?;
    let node = view::find(&tx, &id).await?;
    answer(StatusCode::OK, &view::item(&tx, &node, tx.now().await?).await?)
}
