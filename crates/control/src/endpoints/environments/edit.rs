//! `PATCH /v1/environments/{name}`.

use std::sync::Arc;

use api::environment::{EnvironmentItem, EnvironmentPatch};
use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use super::view;
use crate::call::{Call, tagged};
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// Edits an environment.
#[utoipa::path(
    patch,
    path = "/v1/environments/{name}",
    tag = "environments",
    params(("name" = String, Path, description = "The environment.")),
    request_body = EnvironmentPatch,
    responses(
        (status = 200, body = EnvironmentItem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn edit(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Administer])?;
    let patch: EnvironmentPatch = call.json()?;
    let mut tx = call.begin(&control, &permit).await?;
    let before = view::find(&tx, &name).await?;
    call.check_match(before.version)?;
    let mut after = before.clone();
    if let Some(display_name) = patch.display_name {
        after.display_name = display_name.unwrap_or_else(|| name.clone());
    }
    after.rank = patch.rank.unwrap_or(after.rank);
    after.protected = patch.protected.unwrap_or(after.protected);
    after.default = patch.default.unwrap_or(after.default);
    let mut members = Members::default();
    view::check(&mut members, &after);
    members.finish()?;
    if before.default && !after.default {
        let detail = "make another environment the default one; this one then is not any longer";
        return Err(Refusal::conflict("environment-is-default", "One environment is the default", detail));
    }
    if after == before {
        return tagged(StatusCode::OK, &view::item(&before), before.version);
    }
    let version = tx.update_environment(&after).await?;
    let event = call.event(&permit, "environment.edit", format!("environment/{name}"));
    let event = event.before(view::record(&before)).after(view::record(&after));
    let item = view::item(&after);
    call.commit(tx, event, StatusCode::OK, &item).await?;
    tagged(StatusCode::OK, &item, version)
}
