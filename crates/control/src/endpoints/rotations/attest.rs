//! `POST /v1/rotations/{id}/attest`.

use std::sync::Arc;

use api::problem::Problem;
use api::rotation::{Attest, RotationItem};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::name::nearest;
use model::problem::Finding;
use model::rotation::{Attestation, Event, attestable};

use super::look::Look;
use super::{act, rights, view};
use crate::call::{Call, answer};
use crate::members::{Members, free_text, line_text};
use crate::refusal::Refusal;
use crate::state::Control;

/// Takes somebody's word for a step of the checklist: that it is done, or why it does not apply. What Keyroll has recorded
/// itself needs nobody's word.
#[utoipa::path(
    post,
    path = "/v1/rotations/{id}/attest",
    tag = "rotations",
    params(("id" = String, Path, description = "The rotation.")),
    request_body = Attest,
    responses(
        (status = 200, body = RotationItem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn attest(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let body = read(&call)?;
    let mut tx = call.begin(&control, &permit).await?;
    let look = Look::take(&control, &tx, &id, call.now).await?;
    let mut rotation = look.logged.rotation.clone();
    call.permit(rights::of_rotation(&tx, &rotation).await?)?;
    let steps = attestable(rotation.kind);
    if !steps.contains(&body.step.as_str()) {
        let meant = nearest(&body.step, steps.iter().copied());
        let detail = format!("is not a step that can be attested; the steps are {}", steps.join(", "));
        return Err(Refusal::members(vec![Finding::new("/step", "step-unknown", detail).meaning(meant)]));
    }
    let not_applicable = body.not_applicable.unwrap_or(false);
    let is_said = |said: &Attestation| {
        said.by == call.actor()
            && said.note == body.note
            && said.link == body.link
            && said.not_applicable == not_applicable
    };
    if rotation.attested.get(&body.step).is_some_and(is_said) {
        return answer(StatusCode::OK, &view::item(&look));
    }
    let event = Event::Attested { step: body.step, note: body.note, link: body.link, not_applicable };
    tx.log_rotation(&mut rotation, [event], look.now).await?;
    act::conclude(&control, &call, &permit, tx, rotation, look.logged).await
}

fn read(call: &Call) -> Result<Attest, Refusal> {
    let mut body: Attest = call.json()?;
    body.note = body.note.trim().to_owned();
    body.link = body.link.map(|link| link.trim().to_owned()).filter(|link| !link.is_empty());
    let mut members = Members::default();
    members.demand(
        !body.note.is_empty(),
        "/note",
        "note-missing",
        "says what was done, or why the step does not apply",
    );
    free_text(&mut members, "/note", &body.note);
    line_text(&mut members, "/link", body.link.as_deref().unwrap_or_default());
    members.finish()?;
    Ok(body)
}
