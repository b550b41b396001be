//! `DELETE /v1/tokens/{name}`.

use std::sync::Arc;

use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::access::Need;
use model::name::nearest;
use serde_json::json;

use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// Revokes every token of that name; from the next request on they are refused. Doing it twice changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/tokens/{name}",
    tag = "tokens",
    params(("name" = String, Path, description = "The token's name.")),
    responses((status = 204), (status = 404, body = Problem))
)]
pub(super) async fn revoke(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Administer])?;
    let mut tx = call.begin(&control, &permit).await?;
    let all = tx.tokens().await?;
    let named: Vec<_> = all.iter().filter(|token| token.name == name).collect();
    if named.is_empty() {
        return Err(Refusal::not_found("token", &name, nearest(&name, all.iter().map(|token| token.name.as_str()))));
    }
    // An expired one may still have the name of a live one.
    let open: Vec<_> = named.into_iter().filter(|token| token.revoked_at.is_none()).collect();
    if open.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    for token in &open {
        tx.revoke_token(&token.id, call.now).await?;
    }
    let before = json!({"tokens": open.iter().map(|token| super::record(token)).collect::<Vec<_>>()});
    let event = call.event(&permit, "token.revoke", format!("token/{name}")).before(before);
    call.commit(tx, event, StatusCode::NO_CONTENT, &()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
