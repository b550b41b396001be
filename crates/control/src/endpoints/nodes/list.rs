//! `GET /v1/nodes`.

use std::sync::Arc;

use api::list::{Page, PageQuery};
use api::node::NodeItem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use super::view;
use crate::call::{Call, answer};
use crate::members::{page, page_of};
use crate::refusal::Refusal;
use crate::state::Control;

/// The nodes that are remembered, by id.
#[utoipa::path(
    get,
    path = "/v1/nodes",
    tag = "nodes",
    params(PageQuery),
    responses((status = 200, body = Page<NodeItem>))
)]
pub(super) async fn list(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let query: PageQuery = call.query()?;
    let page = page(query.limit, query.cursor)?;
    let tx = control.store.read().await?;
    let now = tx.now().await?;
    let (nodes, next) = page_of(tx.nodes().await?, &page, |node| &node.id)?;
    let mut items = Vec::with_capacity(nodes.len());
    for node in &nodes {
        items.push(view::item(&tx, node, now).await?);
    }
    answer(StatusCode::OK, &Page { items, next })
}
