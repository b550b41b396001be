//! `PATCH /v1/clients/{name}`.

use std::sync::Arc;

use api::clients::{ClientItem, ClientPatch};
use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::client::Client;
use store::ReadTx;

use super::view;
use crate::call::{Call, tagged};
use crate::members::{Members, free_text};
use crate::refusal::Refusal;
use crate::state::Control;

/// Edits a client.
#[utoipa::path(
    patch,
    path = "/v1/clients/{name}",
    tag = "clients",
    params(("name" = String, Path, description = "The client.")),
    request_body = ClientPatch,
    responses(
        (status = 200, body = ClientItem),
        (status = 404, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn edit(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let patch: ClientPatch = call.json()?;
    let mut tx = call.begin(&control, &permit).await?;
    let found = view::find(&tx, &name).await?;
    call.check_match(found.client.version)?;
    let after = apply(&tx, &found.client, patch).await?;
    call.permit([view::need(&tx, &found.client.environments).await?, view::need(&tx, &after.environments).await?])?;
    if after == found.client {
        return tagged(StatusCode::OK, &view::item(&after, &found.keys), after.version);
    }
    let version = tx.update_client(&after).await?;
    let item = view::item(&after, &found.keys);
    let event = call.event(&permit, "client.edit", format!("client/{name}"));
    let event = event.before(view::record(&found.client)).after(view::record(&after));
    call.commit(tx, event, StatusCode::OK, &item).await?;
    tagged(StatusCode::OK, &item, version)
}

/// The client with the patch laid over it.
async fn apply(tx: &ReadTx, before: &Client, patch: ClientPatch) -> Result<Client, Refusal> {
    let mut after = before.clone();
    let mut members = Members::default();
    if let Some(description) = patch.description {
        after.description = description.unwrap_or_default();
        free_text(&mut members, "/description", &after.description);
    }
    if let Some(environments) = patch.environments {
        after.environments = view::environments(tx, &mut members, &environments).await?;
    }
    if let Some(routes) = patch.routes {
        after.routes = view::routes(tx, &mut members, &routes).await?;
    }
    if let Some(networks) = patch.allowed_ips {
        after.allowed_ips = view::networks(&mut members, &networks.unwrap_or_default());
    }
    if let Some(limit) = patch.rate_limit {
        after.rate_limit = limit.as_ref().and_then(|wire| view::rate_limit(&mut members, wire));
    }
    if let Some(end) = patch.expires_at {
        after.expires_at = members.read_opt("/expires_at", "time-invalid", end.as_deref());
    }
    if let Some(signing) = patch.signing {
        after.signing = signing.map(view::signing);
    }
    after.disabled = patch.disabled.unwrap_or(after.disabled);
    members.finish()?;
    Ok(after)
}
