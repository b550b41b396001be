//! `POST /v1/rotations/{id}/abandon`.

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

/// Ends a rotation before any traffic moved. The incoming secret stays.
#[utoipa::path(
    post,
    path = "/v1/rotations/{id}/abandon",
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
pub(super) async fn abandon(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Change { protected: false }])?;
    let note = act::note(&call)?;
    act::take(&control, &call, &id, Action::Abandon { note }, None).await
}
