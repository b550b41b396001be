//! `DELETE /v1/rotations/{id}/attest/{step}`.

use std::sync::Arc;

use api::problem::Problem;
use api::rotation::RotationItem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::rotation::Event;

use super::look::Look;
use super::{act, rights, view};
use crate::call::{Call, answer};
use crate::refusal::Refusal;
use crate::state::Control;

/// Takes back what somebody vouched for; the history keeps both. A step that nobody attested stays as it is.
#[utoipa::path(
    delete,
    path = "/v1/rotations/{id}/attest/{step}",
    tag = "rotations",
    params(
        ("id" = String, Path, description = "The rotation."),
        ("step" = String, Path, description = "The step of the checklist.")
    ),
    responses(
        (status = 200, body = RotationItem),
        (status = 403, body = Problem),
        (status = 404, body = Problem)
    )
)]
pub(super) async fn unattest(
    State(control): State<Arc<Control>>,
    Path((id, step)): Path<(String, String)>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let mut tx = call.begin(&control, &permit).await?;
    let look = Look::take(&control, &tx, &id, call.now).await?;
    let mut rotation = look.logged.rotation.clone();
    call.permit(rights::of_rotation(&tx, &rotation).await?)?;
    if !rotation.attested.contains_key(&step) {
        return answer(StatusCode::OK, &view::item(&look));
    }
    tx.log_rotation(&mut rotation, [Event::AttestationRemoved { step }], look.now).await?;
    act::conclude(&control, &call, &permit, tx, rotation, look.logged).await
}
