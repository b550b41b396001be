//! `GET /v1/routes`.

use std::sync::Arc;

use api::list::Page;
use api::route::{RouteItem, RouteQuery};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::route::RouteSpec;
use store::RouteFilter;

use super::view;
use crate::call::{Call, answer};
use crate::members::{Members, page};
use crate::refusal::Refusal;
use crate::state::Control;

/// The routes, in the order of their names.
#[utoipa::path(
    get,
    path = "/v1/routes",
    tag = "routes",
    params(RouteQuery),
    responses((status = 200, body = Page<RouteItem>))
)]
pub(super) async fn list(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let query: RouteQuery = call.query()?;
    let mut page = page(query.limit, query.cursor.clone())?;
    let mut members = Members::default();
    let filter = RouteFilter {
        // The store looks through the whole text; what it finds in other members is sorted out below.
        q: query.q.clone().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))),
        environment: members.read_opt("/environment", "name-invalid", query.environment.as_deref()),
        secret: members.read_opt("/secret", "name-invalid", query.secret.as_deref()),
    };
    members.finish()?;
    let wanted = page.limit;
    let tx = control.store.read().await?;
    let mut items = Vec::new();
    let next = loop {
        page.limit = wanted - items.len();
        let found = tx.routes(&filter, &page).await?;
        for route in found.items.iter().filter(|route| fits(&route.spec, &query)) {
            items.push(view::item(route)?);
        }
        if found.next.is_none() || items.len() >= wanted {
            break found.next;
        }
        page.cursor = found.next;
    };
    answer(StatusCode::OK, &Page { items, next })
}

fn fits(route: &RouteSpec, query: &RouteQuery) -> bool {
    let tag = query.tag.as_ref().is_none_or(|tag| route.tags.contains(tag));
    let text = query.q.as_deref().is_none_or(|q| {
        let q = q.to_lowercase();
        let layers = [&route.base].into_iter().chain(route.environments.values().map(Box::as_ref));
        let upstreams = layers.filter_map(|layer| layer.upstream.as_deref());
        let own = [route.name.as_str(), route.description.as_str()];
        let tags = route.tags.iter().map(String::as_str);
        own.into_iter().chain(tags).chain(upstreams).any(|text| text.to_lowercase().contains(&q))
    });
    tag && text
}
