//! `GET /v1/rotations`.

use std::sync::Arc;

use api::list::Page;
use api::problem::Problem;
use api::rotation::{RotationQuery, RotationSummary};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::rotation::STATES;
use store::RotationFilter;

use super::view;
use crate::call::{Call, answer};
use crate::members::{Members, page};
use crate::refusal::Refusal;
use crate::state::Control;

/// The rotations that fit all filters, the latest first.
#[utoipa::path(
    get,
    path = "/v1/rotations",
    tag = "rotations",
    params(RotationQuery),
    responses((status = 200, body = Page<RotationSummary>), (status = 422, body = Problem))
)]
pub(super) async fn list(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let query: RotationQuery = call.query()?;
    let page = page(query.limit, query.cursor.clone())?;
    let mut members = Members::default();
    let known = query.state.as_deref().is_none_or(|word| STATES.contains(&word));
    let states = format!("is not one of {}", STATES.join(", "));
    members.demand(known, "/state", "query-invalid", &states);
    let filter = RotationFilter {
        secret: members.read_opt("/secret", "name-invalid", query.secret.as_deref()),
        environment: members.read_opt("/environment", "name-invalid", query.environment.as_deref()),
        state: query.state,
        live: query.live,
    };
    members.finish()?;
    let found = control.store.read().await?.rotations(&filter, &page).await?;
    let items = found.items.into_iter().map(view::summary).collect();
    answer(StatusCode::OK, &Page { items, next: found.next })
}
