//! `GET /v1/rotations/{id}/checklist`.

use std::sync::Arc;

use api::problem::Problem;
use api::rotation::{Checklist, ChecklistItem, PlaybookStep};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::rotation::{PlayStep, Rotation, attestable, playbook};

use super::look::Look;
use super::view;
use crate::call::{Call, answer};
use crate::refusal::Refusal;
use crate::state::Control;

/// What is to be done until the outgoing credential is gone, and the playbook of its kind with the next step. An entry is
/// ticked by a record, which is named, or by somebody who attests it; it is open again when the record goes.
#[utoipa::path(
    get,
    path = "/v1/rotations/{id}/checklist",
    tag = "rotations",
    params(("id" = String, Path, description = "The rotation.")),
    responses((status = 200, body = Checklist), (status = 404, body = Problem))
)]
pub(super) async fn read(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let look = Look::take(&control, &control.store.read().await?, &id, call.now).await?;
    let rotation = &look.logged.rotation;
    let told = Checklist {
        items: look.checklist().iter().map(|item| view::step(rotation, item)).collect(),
        playbook: playbook(rotation, &look.logged.log, &look.present)
            .iter()
            .map(|step| play_step(rotation, step))
            .collect(),
        attestable: attestable(rotation.kind).into_iter().map(str::to_owned).collect(),
    };
    answer(StatusCode::OK, &told)
}

fn play_step(rotation: &Rotation, step: &PlayStep) -> PlaybookStep {
    PlaybookStep {
        item: ChecklistItem { title: step.title.clone(), ..view::step(rotation, &step.item) },
        what: step.what.clone(),
        command: step.command.clone(),
        outside: step.outside,
        next: step.next,
    }
}
