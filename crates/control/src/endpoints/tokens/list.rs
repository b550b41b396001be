//! `GET /v1/tokens`.

use std::sync::Arc;

use api::list::{Page, PageQuery};
use api::token::TokenItem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use crate::call::{Call, answer};
use crate::members::{page, page_of};
use crate::refusal::Refusal;
use crate::state::Control;

/// The tokens, revoked and expired ones included, the oldest first. The tokens themselves are known to nobody.
#[utoipa::path(
    get,
    path = "/v1/tokens",
    tag = "tokens",
    params(PageQuery),
    responses((status = 200, body = Page<TokenItem>))
)]
pub(super) async fn list(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::Administer])?;
    let query: PageQuery = call.query()?;
    let page = page(query.limit, query.cursor)?;
    let all = control.store.read().await?.tokens().await?;
    let (tokens, next) = page_of(all, &page, |token| &token.id)?;
    answer(StatusCode::OK, &Page { items: tokens.iter().map(super::item).collect::<Vec<_>>(), next })
}
