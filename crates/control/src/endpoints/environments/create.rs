//! `POST /v1/environments`.

use std::sync::Arc;

use api::environment::{EnvironmentCreate, EnvironmentItem};
use api::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::environment::Environment;

use super::view;
use crate::call::{Call, created};
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// Makes an environment.
#[utoipa::path(
    post,
    path = "/v1/environments",
    tag = "environments",
    request_body = EnvironmentCreate,
    responses((status = 201, body = EnvironmentItem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(super) async fn create(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Administer])?;
    let body: EnvironmentCreate = call.json()?;
    let mut tx = call.begin(&control, &permit).await?;
    let existing = tx.environments().await?;
    let after_all = existing.iter().map(|other| other.rank.saturating_add(1)).max().unwrap_or(0);
    let mut members = Members::default();
    let name = members.read("/name", "name-invalid", &body.name);
    let Some(name) = name else { return Err(members.finish().err().unwrap_or_else(|| Refusal::internal("no name"))) };
    let environment = Environment {
        display_name: body.display_name.unwrap_or_else(|| body.name.clone()),
        name,
        rank: body.rank.unwrap_or(after_all),
        protected: body.protected.unwrap_or(false),
        default: body.default.unwrap_or(false),
        version: 1,
    };
    view::check(&mut members, &environment);
    members.finish()?;
    if existing.iter().any(|other| other.name == environment.name) {
        let detail = format!("there is an environment {} already", environment.name);
        return Err(Refusal::conflict("name-taken", "The name is taken", detail));
    }
    tx.insert_environment(&environment).await?;
    let item = view::item(&environment);
    let event = call.event(&permit, "environment.create", format!("environment/{}", environment.name));
    call.commit(tx, event.after(view::record(&environment)), StatusCode::CREATED, &item).await?;
    created(&format!("/v1/environments/{}", environment.name), &item, Some(1))
}
