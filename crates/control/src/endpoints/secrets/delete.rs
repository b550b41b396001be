//! `DELETE /v1/secrets/{name}`.

use std::sync::Arc;

use api::problem::Problem;
use api::secret::DeleteQuery;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::access::Need;
use serde_json::json;

use super::{removal, rules, view};
use crate::call::Call;
use crate::members::{Members, line_text};
use crate::refusal::Refusal;
use crate::state::Control;

/// Destroys a secret's value for good. What is known about it stays, and its name stays taken.
///
/// Refused while anything names it, while it is part of a rotation, and within the retention after its last use or mention;
/// `force` overrides the last. What a rotation has withdrawn goes as soon as it is proven unused, and completes the rotation.
/// A secret that is deleted already is 409 `secret-is-deleted`: nothing is left to destroy.
#[utoipa::path(
    delete,
    path = "/v1/secrets/{name}",
    tag = "secrets",
    params(("name" = String, Path, description = "The secret."), DeleteQuery),
    responses(
        (status = 204),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn delete(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let query: DeleteQuery = call.query()?;
    let force = query.force.unwrap_or(false);
    call.permit(force.then_some(Need::ForceDeletion))?;
    let reason = query.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let mut members = Members::default();
    members.demand(!force || reason.is_some(), "/reason", "reason-missing", "is required with force, for the audit");
    line_text(&mut members, "/reason", reason.unwrap_or_default());
    members.finish()?;

    let mut tx = call.begin(&control, &permit).await?;
    let row = view::find(&tx, &name).await?;
    call.check_match(row.secret.version)?;
    call.permit([rules::need(&row.secret.limits, &tx.environments().await?)])?;
    let release = removal::judge(&control, &tx, &row, force, call.now).await?;
    tx.delete_secret(&name, call.now).await?;
    let event = call.event(&permit, "secret.delete", format!("secret/{name}"));
    let event = event.before(view::record(&row.secret));
    let event = event.after(json!({"state": "deleted", "forced": force, "reason": reason}));
    let event = match release {
        Some(release) => release.note(&mut tx, event).await?,
        None => event,
    };
    call.commit(tx, event, StatusCode::NO_CONTENT, &()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
