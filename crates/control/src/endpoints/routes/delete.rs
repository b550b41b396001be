//! `DELETE /v1/routes/{name}`.

use std::sync::Arc;

use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::access::Need;
use model::client::RouteGrant;
use serde_json::json;
use store::{Page, ReadTx, StoreError};

use super::rights::needs;
use super::{rules, view, wire};
use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// Deletes a route that no client names any longer. Its history stays.
#[utoipa::path(
    delete,
    path = "/v1/routes/{name}",
    tag = "routes",
    params(("name" = String, Path, description = "The route.")),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem))
)]
pub(super) async fn delete(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let mut tx = call.begin(&control, &permit).await?;
    let before = match tx.route(&name).await {
        // What it says counts for nothing, not even for who may delete it.
        Err(StoreError::Tampered { .. }) => {
            call.permit([Need::Administer])?;
            json!({"name": name, "tampered": true})
        }
        Err(other) => return Err(other.into()),
        Ok(None) => return Err(view::missing(&tx, &name).await?),
        Ok(Some(found)) => {
            call.check_match(found.version)?;
            let world = rules::world(&control, &tx, []).await?;
            call.permit(needs(Some(&found.spec), None, &world))?;
            wire::document(&found.spec)?
        }
    };
    let clients = clients_naming(&tx, &name).await?;
    if let [first, rest @ ..] = clients.as_slice() {
        // A later route of this name would inherit what they were given for this one.
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        let detail = format!("the client {first}{more} may use it by name; take it out there first");
        return Err(Refusal::conflict("route-in-use", "The route is in use", detail));
    }
    tx.delete_route(&name, call.now).await?;
    let event = call.event(&permit, "route.delete", format!("route/{name}"));
    call.commit(tx, event.before(before), StatusCode::NO_CONTENT, &()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn clients_naming(tx: &ReadTx, route: &str) -> Result<Vec<String>, Refusal> {
    let mut names = Vec::new();
    let mut page = Page { limit: 500, cursor: None };
    loop {
        let found = tx.clients(&page).await?;
        for client in found.items {
            if matches!(&client.routes, RouteGrant::Named(routes) if routes.contains(route)) {
                names.push(client.name.to_string());
            }
        }
        if found.next.is_none() {
            return Ok(names);
        }
        page.cursor = found.next;
    }
}
