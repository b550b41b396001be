//! `PUT /v1/routes/{name}`.

use std::sync::Arc;

use api::problem::Problem;
use api::route::{RouteItem, RouteSpec};
use axum::extract::{Path, State};
use axum::response::Response;
use model::access::Need;
use serde_json::Value;

use super::save::{self, EDIT};
use super::{view, wire};
use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// Replaces a route as a whole. What the body leaves out gets its default.
#[utoipa::path(
    put,
    path = "/v1/routes/{name}",
    tag = "routes",
    params(("name" = String, Path, description = "The route.")),
    request_body = RouteSpec,
    responses(
        (status = 200, body = RouteItem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn put(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let body = read(&call, &name)?;
    let tx = call.begin(&control, &permit).await?;
    let before = view::find(&tx, &name).await?;
    call.check_match(before.version)?;
    let draft = wire::read(before.spec.name.clone(), &body);
    save::replace(&control, &call, &permit, tx, before, draft, EDIT).await
}

/// What the API tells about a route and nobody sets.
const TOLD: [&str; 4] = ["revision", "created_at", "updated_at", "rotations"];

/// The body. People send again what they made the route from, or what they were told and then edited: its own name may
/// stand in it, and what only the API sets is passed over. `If-Match` is for who wants to be sure.
fn read(call: &Call, name: &str) -> Result<RouteSpec, Refusal> {
    let mut document: Value = call.json()?;
    let Some(members) = document.as_object_mut() else { return call.json() };
    let told = TOLD.iter().filter(|told| members.remove(**told).is_some()).count();
    match members.remove("name") {
        Some(Value::String(given)) => same_name(&given, name)?,
        Some(_) => return Err(Refusal::member("/name", "member-invalid", "expected a text")),
        // Read from the text itself, so that a member that is given twice is noticed.
        None if told == 0 => return call.json(),
        None => {}
    }
    Ok(api::read::read_value(document)?)
}

/// A route keeps its name.
pub(super) fn same_name(given: &str, name: &str) -> Result<(), Refusal> {
    if given == name {
        return Ok(());
    }
    let detail = format!("a route keeps its name, which is {name}; make another route instead");
    Err(Refusal::member("/name", "name-immutable", detail))
}
