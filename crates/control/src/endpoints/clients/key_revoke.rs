//! `DELETE /v1/clients/{name}/keys/{id}`.

use std::sync::Arc;

use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::access::Need;
use serde_json::json;

use super::view;
use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// Revokes a key; within a second it is refused. Doing it twice changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/clients/{name}/keys/{id}",
    tag = "clients",
    params(("name" = String, Path, description = "The client."), ("id" = String, Path, description = "The key's id.")),
    responses((status = 204), (status = 404, body = Problem))
)]
pub(super) async fn revoke(
    State(control): State<Arc<Control>>,
    Path((name, id)): Path<(String, String)>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let mut tx = call.begin(&control, &permit).await?;
    let found = view::find(&tx, &name).await?;
    call.permit([view::need(&tx, &found.client.environments).await?])?;
    if !found.keys.iter().any(|key| key.id == id) {
        return Err(Refusal::not_found("key", &id, None));
    }
    if tx.revoke_client_key(&name, &id, call.now).await? {
        let event = call.event(&permit, "client.key-revoke", format!("client/{name}")).before(json!({"key": id}));
        call.commit(tx, event, StatusCode::NO_CONTENT, &()).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
