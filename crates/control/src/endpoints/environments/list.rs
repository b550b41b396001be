//! `GET /v1/environments`.

use std::sync::Arc;

use api::environment::EnvironmentItem;
use api::list::{Page, PageQuery};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use super::view;
use crate::call::{Call, answer};
use crate::members::{page, page_of};
use crate::refusal::Refusal;
use crate::state::Control;

/// The environments, in the order of their ranks.
#[utoipa::path(
    get,
    path = "/v1/environments",
    tag = "environments",
    params(PageQuery),
    responses((status = 200, body = Page<EnvironmentItem>))
)]
pub(super) async fn list(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let query: PageQuery = call.query()?;
    let page = page(query.limit, query.cursor)?;
    let mut all = control.store.read().await?.environments().await?;
    all.sort_by(|one, other| (one.rank, &one.name).cmp(&(other.rank, &other.name)));
    let (chosen, next) = page_of(all, &page, |environment| environment.name.as_str())?;
    answer(StatusCode::OK, &Page { items: chosen.iter().map(view::item).collect::<Vec<_>>(), next })
}
