//! `POST /v1/rotations`.

use std::sync::Arc;

use api::problem::Problem;
use api::rotation::{RotationImpact, RotationItem, RotationStart};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::rotation::{Entry, Event, Planned, Rotation};
use serde_json::{Value, json};
use store::NewRotation;

use super::draft::{self, LEAST};
use super::look::{self, Look};
use super::{impact, view};
use crate::call::{Call, answer, created};
use crate::endpoints::{routes, secrets};
use crate::refusal::Refusal;
use crate::state::Control;

/// Starts a rotation: one secret takes the place of another behind every route that names it, environment by environment,
/// watched, and reversible until the outgoing secret is withdrawn.
///
/// The incoming secret is made together with it, or exists already. With `dry_run=true` the answer says what it would do:
/// the plan with all its members, the routes with their traffic, the difference of every template, and what should be
/// known before.
#[utoipa::path(
    post,
    path = "/v1/rotations",
    tag = "rotations",
    request_body = RotationStart,
    responses(
        (status = 200, body = RotationImpact, description = "With `dry_run=true`."),
        (status = 201, body = RotationItem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn start(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    let permit = call.permit(LEAST)?;
    let body: RotationStart = call.json()?;
    let mut tx = call.begin(&control, &permit).await?;
    let draft = draft::read(&control, &call, &mut tx, body).await?;
    let broken = routes::judge(&control, &call, &tx, &draft.moved).await?;
    if call.is_dry_run() {
        return answer(StatusCode::OK, &impact::of(&control, &tx, &draft, broken, call.now).await?);
    }
    if !broken.is_empty() {
        return Err(Refusal::members(broken));
    }
    let planned = Planned {
        outgoing: draft.outgoing.name.clone(),
        incoming: draft.incoming.name.clone(),
        kind: draft.outgoing.kind,
        incoming_is_new: draft.is_new,
        named_at: draft.named_at(),
        plan: draft.plan,
    };
    let now = look::moment(&control, &tx.fleet().await?, call.now);
    let mut salt = [0; 8];
    control.entropy.fill(&mut salt);
    let new = NewRotation {
        id: control.new_id("rot"),
        salt: u64::from_be_bytes(salt),
        first: Entry { number: 1, at: now, actor: call.actor().to_owned(), event: Event::Planned(Box::new(planned)) },
    };
    let rotation = tx.insert_rotation(&new).await?;
    let added = std::slice::from_ref(&new.first);
    let audit = call.event(&permit, &Rotation::action(added), rotation.subject());
    let mut audit = rotation.audited(audit, added);
    if let Value::Object(after) = &mut audit.after {
        let made = if draft.is_new { secrets::record(&draft.incoming) } else { Value::Null };
        after.insert("created_secret".to_owned(), json!(made));
    }
    let item = view::item(&Look::take(&control, &tx, &new.id, call.now).await?);
    call.commit(tx, audit, StatusCode::CREATED, &item).await?;
    created(&format!("/v1/rotations/{}", item.id), &item, None)
}
