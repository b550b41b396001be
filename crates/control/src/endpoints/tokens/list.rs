//! `GET /v1/tokens`.

use std::sync::Arc;

use api::list::{Page, PageQuery};
use api::token::TokenItem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use crate::call::{Call, answer};
use crate::members::page;
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
    let start = match &page.cursor {
        None => 0,
        Some(cursor) => {
            all.iter().position(|token| token.id == *cursor).map(|index| index + 1).ok_or_else(|| {
                Refusal::member("/cursor", "cursor-invalid", "is not a cursor that this list gave out")
            })?
        }
    };
    let chosen: Vec<_> = all.iter().skip(start).take(page.limit).collect();
    let next = chosen.last().filter(|_| start + chosen.len() < all.len()).map(|token| token.id.clone());
    answer(StatusCode::OK, &Page { items: chosen.into_iter().map(super::item).collect::<Vec<_>>(), next })
}
