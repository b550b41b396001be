//! `GET /v1/routes/{name}/revisions`.

use std::sync::Arc;

use api::list::{Page, PageQuery};
use api::problem::Problem;
use api::route::RevisionItem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use serde_json::{Value, json};
use store::{ReadTx, RouteRevision};

use super::{view, wire};
use crate::call::{Call, answer};
use crate::members::page;
use crate::refusal::Refusal;
use crate::state::Control;

/// The changes of a route, the latest first; also of a route that was deleted.
#[utoipa::path(
    get,
    path = "/v1/routes/{name}/revisions",
    tag = "routes",
    params(("name" = String, Path, description = "The route."), PageQuery),
    responses((status = 200, body = Page<RevisionItem>), (status = 404, body = Problem))
)]
pub(super) async fn revisions(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let query: PageQuery = call.query()?;
    let page = page(query.limit, query.cursor)?;
    let tx = control.store.read().await?;
    let found = tx.route_revisions(&name, &page).await?;
    if found.items.is_empty() && tx.route_revision(&name, 1).await?.is_none() {
        return Err(view::missing(&tx, &name).await?);
    }
    let mut items = Vec::new();
    for (index, revision) in found.items.iter().enumerate() {
        let before = match found.items.get(index + 1) {
            Some(before) => document(before)?,
            None => earlier(&tx, &name, revision).await?,
        };
        items.push(item(revision, &before)?);
    }
    answer(StatusCode::OK, &Page { items, next: found.next })
}

/// The state before the last one on the page.
async fn earlier(tx: &ReadTx, name: &str, revision: &RouteRevision) -> Result<Value, Refusal> {
    match tx.route_revision(name, revision.number - 1).await? {
        Some(before) => document(&before),
        None => Ok(json!({})),
    }
}

/// A state as a document; a route that does not exist has no members.
fn document(revision: &RouteRevision) -> Result<Value, Refusal> {
    revision.spec.as_ref().map_or_else(|| Ok(json!({})), wire::document)
}

fn item(revision: &RouteRevision, before: &Value) -> Result<RevisionItem, Refusal> {
    let patch = json_patch::diff(before, &document(revision)?);
    Ok(RevisionItem {
        revision: u64::try_from(revision.number).unwrap_or_default(),
        at: revision.at.to_string(),
        actor: revision.actor.clone(),
        action: match revision.action.as_str() {
            "update" => "route.edit".to_owned(),
            other => format!("route.{other}"),
        },
        diff: serde_json::to_value(patch).map_err(|error| Refusal::internal(error.to_string()))?,
    })
}
