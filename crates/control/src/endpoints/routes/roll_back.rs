//! `POST /v1/routes/{name}/roll-back`.

use std::sync::Arc;

use api::problem::Problem;
use api::route::{RollBack, RouteItem};
use axum::extract::{Path, State};
use axum::response::Response;
use model::access::Need;

use super::save::{self, Change};
use super::view;
use super::wire::Draft;
use crate::call::Call;
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// Goes back to what a route was: makes a new revision with the content of an earlier one, which must keep the rules of
/// today.
#[utoipa::path(
    post,
    path = "/v1/routes/{name}/roll-back",
    tag = "routes",
    params(("name" = String, Path, description = "The route.")),
    request_body = RollBack,
    responses(
        (status = 200, body = RouteItem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn roll_back(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let RollBack { revision } = call.json()?;
    let tx = call.begin(&control, &permit).await?;
    let before = view::find(&tx, &name).await?;
    call.check_match(before.version)?;
    let number = i64::try_from(revision).unwrap_or(i64::MAX);
    let earlier = tx.route_revision(&name, number).await?.and_then(|earlier| earlier.spec);
    let Some(spec) = earlier else {
        let mut refusal = Refusal::not_found("revision", &revision.to_string(), None);
        refusal.problem.detail = format!("the route {name} has no revision {revision} with a content");
        return Err(refusal);
    };
    let change = Change { event: "route.roll-back", action: "roll-back" };
    let draft = Draft { spec, members: Members::default() };
    save::replace(&control, &call, &permit, tx, before, draft, change).await
}
