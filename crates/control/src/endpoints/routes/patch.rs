//! `PATCH /v1/routes/{name}`.

use std::sync::Arc;

use api::problem::Problem;
use api::route::{RouteItem, RoutePatch, RouteSpec};
use axum::extract::{Path, State};
use axum::response::Response;
use model::access::Need;
use serde_json::Value;

use super::put::same_name;
use super::save::{self, EDIT};
use super::{view, wire};
use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// Edits a route: the body is a JSON merge patch (RFC 7396) on the route as it is told, where `null` takes away.
#[utoipa::path(
    patch,
    path = "/v1/routes/{name}",
    tag = "routes",
    params(("name" = String, Path, description = "The route.")),
    request_body = RoutePatch,
    responses(
        (status = 200, body = RouteItem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn patch(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let RoutePatch(mut patch) = call.json()?;
    let Some(members) = patch.as_object_mut() else {
        return Err(Refusal::member("", "member-invalid", "expected an object"));
    };
    if let Some(Value::String(given)) = members.get("name") {
        same_name(given, &name)?;
        members.remove("name");
    }
    let tx = call.begin(&control, &permit).await?;
    let before = view::find(&tx, &name).await?;
    call.check_match(before.version)?;
    let mut document = wire::document(&before.spec)?;
    json_patch::merge(&mut document, &patch);
    let merged: RouteSpec = api::read::read_value(document)?;
    let draft = wire::read(before.spec.name.clone(), &merged);
    save::replace(&control, &call, &permit, tx, before, draft, EDIT).await
}
