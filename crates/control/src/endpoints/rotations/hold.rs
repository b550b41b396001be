//! `POST /v1/rotations/{id}/hold`.

use std::sync::Arc;

use api::problem::Problem;
use api::rotation::{ActionNote, RotationItem};
use axum::extract::{Path, State};
use axum::response::Response;
use model::access::Need;
use model::rotation::Action;

use super::act;
use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// Lets a rotation stand still, whatever it was about to do. It still goes back by itself where its plan says so.
#[utoipa::path(
    post,
    path = "/v1/rotations/{id}/hold",
    tag = "rotations",
    params(("id" = String, Path, description = "The rotation.")),
    request_body = ActionNote,
    responses(
        (status = 200, body = RotationItem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn hold(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Change { protected: false }])?;
    let note = act::note(&call)?;
    act::take(&control, &call, &id, Action::Hold { note }, None).await
}
