//! `POST /v1/rotations/{id}/resume`.

use std::sync::Arc;

use api::problem::Problem;
use api::rotation::RotationItem;
use axum::extract::{Path, State};
use axum::response::Response;
use model::access::Need;
use model::rotation::Action;

use super::act;
use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// Lets a rotation go on that is held or needs an operator.
#[utoipa::path(
    post,
    path = "/v1/rotations/{id}/resume",
    tag = "rotations",
    params(("id" = String, Path, description = "The rotation.")),
    responses(
        (status = 200, body = RotationItem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn resume(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Change { protected: false }])?;
    call.no_body()?;
    act::take(&control, &call, &id, Action::Resume, None).await
}
