//! `POST /v1/secrets`.

use std::sync::Arc;

use api::problem::Problem;
use api::secret::{SecretCreate, SecretItem};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use store::SecretRow;

use super::draft::Desk;
use super::view;
use crate::call::{Call, created};
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// Makes a secret. Its value is written this once.
///
/// With `successor_of`, what the body leaves out (kind, class, environments, allowed hosts, owner, tags, probe) is taken
/// over from that secret; limits wider than its own need the role operator, and so does
/// succeeding a secret that may be used in a protected environment.
#[utoipa::path(
    post,
    path = "/v1/secrets",
    tag = "secrets",
    request_body = SecretCreate,
    responses(
        (status = 201, body = SecretItem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn create(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let body: SecretCreate = call.json()?;
    let mut tx = call.begin(&control, &permit).await?;
    let known = tx.environments().await?;
    let desk = Desk { control: &control, call: &call, known: &known };
    let mut members = Members::default();
    let draft = desk.read(&tx, &mut members, body).await?;
    members.finish()?;
    let draft = draft.ok_or_else(|| Refusal::internal("a secret that was read is gone"))?;
    let warnings = draft.warnings();
    let secret = desk.insert(&mut tx, draft).await?;
    let name = secret.name.clone();
    let event = call.event(&permit, "secret.create", format!("secret/{name}")).after(view::record(&secret));
    let row = SecretRow {
        secret,
        superseded_by: None,
        rotation: None,
        last_used_at: None,
        use_count: 0,
        dead_since: None,
        bindings: Vec::new(),
    };
    let item = SecretItem { warnings, ..view::item(&row, call.now) };
    call.commit(tx, event, StatusCode::CREATED, &item).await?;
    created(&format!("/v1/secrets/{name}"), &item, Some(1))
}
