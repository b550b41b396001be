//! `DELETE /v1/clients/{name}`.

use std::sync::Arc;

use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::access::Need;
use serde_json::json;
use store::StoreError;

use super::view;
use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// Deletes a client and its keys; within a second they are refused.
#[utoipa::path(
    delete,
    path = "/v1/clients/{name}",
    tag = "clients",
    params(("name" = String, Path, description = "The client.")),
    responses((status = 204), (status = 404, body = Problem), (status = 412, body = Problem))
)]
pub(super) async fn delete(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let mut tx = call.begin(&control, &permit).await?;
    let before = match tx.client(&name).await {
        // What it says counts for nothing, not even for who may delete it.
        Err(StoreError::Tampered { .. }) => {
            call.permit([Need::Administer])?;
            json!({"name": name, "tampered": true})
        }
        _ => {
            let found = view::find(&tx, &name).await?;
            call.check_match(found.client.version)?;
            call.permit([view::need(&tx, &found.client.environments).await?])?;
            view::record(&found.client)
        }
    };
    tx.delete_client(&name).await?;
    let event = call.event(&permit, "client.delete", format!("client/{name}")).before(before);
    call.commit(tx, event, StatusCode::NO_CONTENT, &()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
