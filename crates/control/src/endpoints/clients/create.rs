//! `POST /v1/clients`.

use std::sync::Arc;

use api::clients::{ClientCreate, ClientItem};
use api::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::client::Client;

use super::view;
use crate::call::{Call, created};
use crate::members::{Members, free_text};
use crate::refusal::Refusal;
use crate::state::Control;

/// Makes a client. It has no key yet.
#[utoipa::path(
    post,
    path = "/v1/clients",
    tag = "clients",
    request_body = ClientCreate,
    responses((status = 201, body = ClientItem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(super) async fn create(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let body: ClientCreate = call.json()?;
    let mut tx = call.begin(&control, &permit).await?;
    let mut members = Members::default();
    let name = members.read("/name", "name-invalid", &body.name);
    let description = body.description.unwrap_or_default();
    free_text(&mut members, "/description", &description);
    let environments = view::environments(&tx, &mut members, &body.environments).await?;
    let routes = view::routes(&tx, &mut members, &body.routes).await?;
    let allowed_ips = view::networks(&mut members, &body.allowed_ips.unwrap_or_default());
    let rate_limit = body.rate_limit.as_ref().and_then(|wire| view::rate_limit(&mut members, wire));
    let expires_at = members.read_opt("/expires_at", "time-invalid", body.expires_at.as_deref());
    members.finish()?;
    let name = name.ok_or_else(|| Refusal::internal("a name that was read is gone"))?;
    call.permit([view::need(&tx, &environments).await?])?;
    let client = Client {
        name,
        description,
        environments,
        routes,
        allowed_ips,
        rate_limit,
        expires_at,
        disabled: body.disabled.unwrap_or(false),
        created_at: call.now,
        signing: body.signing.map(view::signing),
        version: 1,
    };
    if tx.client(client.name.as_str()).await?.is_some() {
        let detail = format!("there is a client {} already", client.name);
        return Err(Refusal::conflict("name-taken", "The name is taken", detail));
    }
    tx.insert_client(&client).await?;
    let item = view::item(&client, &[]);
    let event = call.event(&permit, "client.create", format!("client/{}", client.name)).after(view::record(&client));
    call.commit(tx, event, StatusCode::CREATED, &item).await?;
    created(&format!("/v1/clients/{}", client.name), &item, Some(1))
}
