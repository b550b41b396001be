//! `GET /v1/clients`.

use std::sync::Arc;

use api::clients::{ClientItem, ClientQuery};
use api::list::Page;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::client::{Client, RouteGrant};

use super::view;
use crate::call::{Call, answer};
use crate::members::page;
use crate::refusal::Refusal;
use crate::state::Control;

/// The clients, in the order of their names.
#[utoipa::path(
    get,
    path = "/v1/clients",
    tag = "clients",
    params(ClientQuery),
    responses((status = 200, body = Page<ClientItem>))
)]
pub(super) async fn list(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let query: ClientQuery = call.query()?;
    let mut page = page(query.limit, query.cursor.clone())?;
    let wanted = page.limit;
    let tx = control.store.read().await?;
    let mut items = Vec::new();
    // Clients are few; a filter looks at page after page until one page of answers is full.
    let next = loop {
        page.limit = wanted - items.len();
        let found = tx.clients(&page).await?;
        for client in found.items.iter().filter(|client| fits(client, &query)) {
            let keys = tx.client(client.name.as_str()).await?.map(|found| found.keys).unwrap_or_default();
            items.push(view::item(client, &keys));
        }
        if found.next.is_none() || items.len() >= wanted {
            break found.next;
        }
        page.cursor = found.next;
    };
    answer(StatusCode::OK, &Page { items, next })
}

fn fits(client: &Client, query: &ClientQuery) -> bool {
    let holds = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
    let text = query.q.as_deref().is_none_or(|q| holds(client.name.as_str(), q) || holds(&client.description, q));
    let environment = query.environment.as_deref().is_none_or(|name| client.environments.contains(name));
    let route = query.route.as_deref().is_none_or(|name| match &client.routes {
        RouteGrant::All => true,
        RouteGrant::Named(names) => names.contains(name),
    });
    text && environment && route
}
