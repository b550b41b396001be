//! `POST /v1/rotations/{id}/advance`.

use std::sync::Arc;

use api::problem::Problem;
use api::rotation::{Move, RotationItem};
use axum::extract::{Path, State};
use axum::response::Response;
use model::access::Need;
use model::rotation::Action;

use super::act;
use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// Takes the next step now: enters the environment that is waited for, gives the incoming secret the next share, promotes after
/// the last one, or ends a soak. Whoever advances what nothing can judge vouches for it.
///
/// With `environment`, a repetition is not taken for the step after.
#[utoipa::path(
    post,
    path = "/v1/rotations/{id}/advance",
    tag = "rotations",
    params(("id" = String, Path, description = "The rotation.")),
    request_body = Move,
    responses(
        (status = 200, body = RotationItem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn advance(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Change { protected: false }])?;
    let Move { environment } = call.json_or_none()?;
    let environment = act::environment(environment.as_deref())?;
    act::take(&control, &call, &id, Action::Advance, environment).await
}
