//! `DELETE /v1/environments/{name}`.

use std::sync::Arc;

use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::access::Need;

use super::view;
use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// Deletes an environment that nothing names any longer.
#[utoipa::path(
    delete,
    path = "/v1/environments/{name}",
    tag = "environments",
    params(("name" = String, Path, description = "The environment.")),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem))
)]
pub(super) async fn delete(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Administer])?;
    let mut tx = call.begin(&control, &permit).await?;
    let environment = view::find(&tx, &name).await?;
    call.check_match(environment.version)?;
    if environment.default {
        let detail = "clients without a choice are served there; make another environment the default one first";
        return Err(Refusal::conflict("environment-is-default", "The environment is the default", detail));
    }
    let uses = tx.environment_uses(&name).await?;
    if !uses.is_empty() {
        let named: Vec<_> = uses.iter().take(5).map(|used| format!("{} {}", used.kind, used.name)).collect();
        let more = if uses.len() > named.len() { " and others" } else { "" };
        let detail = format!("{}{more} name it; take it out there first", named.join(", "));
        return Err(Refusal::conflict("environment-in-use", "The environment is in use", detail));
    }
    tx.delete_environment(&name).await?;
    let event = call.event(&permit, "environment.delete", format!("environment/{name}"));
    call.commit(tx, event.before(view::record(&environment)), StatusCode::NO_CONTENT, &()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
