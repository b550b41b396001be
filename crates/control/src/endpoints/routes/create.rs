//! `POST /v1/routes`.

use std::sync::Arc;

use api::problem::Problem;
use api::route::{RouteCreate, RouteItem};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::name::RouteName;
use model::problem::Finding;

use super::{save, view, wire};
use crate::call::{Call, created};
use crate::refusal::Refusal;
use crate::state::Control;

/// Makes a route. It is served in the environments that it lists.
#[utoipa::path(
    post,
    path = "/v1/routes",
    tag = "routes",
    request_body = RouteCreate,
    responses((status = 201, body = RouteItem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(super) async fn create(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let (name, spec) = call.json::<RouteCreate>()?.into_parts();
    let mut tx = call.begin(&control, &permit).await?;
    // A name that cannot be one is told together with all else that is wrong; nothing is saved under the stand-in.
    let given = name.parse::<RouteName>();
    let named = given.clone().or_else(|_| "unnamed".parse());
    let mut draft = wire::read(named.map_err(|_| Refusal::internal("the stand-in for a name is none"))?, &spec);
    if let Err(error) = given {
        draft.members.note(Finding::new("/name", "name-invalid", error.to_string()));
    }
    let spec = save::admit(&control, &call, &tx, None, draft).await?;
    if tx.route(spec.name.as_str()).await?.is_some() {
        let detail = format!("there is a route {} already", spec.name);
        return Err(Refusal::conflict("name-taken", "The name is taken", detail));
    }
    let version = tx.insert_route(&spec, call.now).await?;
    let event = call.event(&permit, "route.create", save::subject(&spec.name)).after(wire::document(&spec)?);
    let item = view::item(&view::changed(spec, version, call.now, call.now))?;
    call.commit(tx, event, StatusCode::CREATED, &item).await?;
    created(&format!("/v1/routes/{}", item.name), &item, Some(version))
}
