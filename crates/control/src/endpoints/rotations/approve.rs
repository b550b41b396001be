//! `POST /v1/rotations/{id}/approve`.

use std::sync::Arc;

use api::problem::Problem;
use api::rotation::{Approve, RotationItem};
use axum::extract::{Path, State};
use axum::response::Response;
use model::access::Need;
use model::rotation::Action;

use super::act;
use crate::call::Call;
use crate::members::{Members, free_text};
use crate::refusal::Refusal;
use crate::state::Control;

/// Approves a rotation whose plan asks for it. Whoever started it cannot approve it as well.
#[utoipa::path(
    post,
    path = "/v1/rotations/{id}/approve",
    tag = "rotations",
    params(("id" = String, Path, description = "The rotation.")),
    request_body = Approve,
    responses(
        (status = 200, body = RotationItem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn approve(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Change { protected: false }])?;
    let Approve { reason } = call.json()?;
    let reason = reason.trim().to_owned();
    let mut members = Members::default();
    members.demand(!reason.is_empty(), "/reason", "reason-missing", "says why");
    free_text(&mut members, "/reason", &reason);
    members.finish()?;
    act::take(&control, &call, &id, Action::Approve { reason }, None).await
}
