//! `POST /v1/tokens`.

use std::sync::Arc;

use api::problem::Problem;
use api::token::{TokenCreate, TokenCreated};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::name::ClientName;
use model::time::Timestamp;
use store::Token;

use crate::call::{Call, created};
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// Makes a token. It is shown this once.
#[utoipa::path(
    post,
    path = "/v1/tokens",
    tag = "tokens",
    request_body = TokenCreate,
    responses((status = 201, body = TokenCreated), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(super) async fn create(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Administer])?;
    let body: TokenCreate = call.json()?;
    let mut members = Members::default();
    // A token's name follows the rule of clients' names.
    let _: Option<ClientName> = members.read("/name", "name-invalid", &body.name);
    let expires_at: Option<Timestamp> = members.read_opt("/expires_at", "time-invalid", body.expires_at.as_deref());
    let past = expires_at.is_some_and(|end| end <= call.now);
    members.demand(!past, "/expires_at", "time-past", "lies in the past; the token would never be valid");
    members.finish()?;

    let mut tx = call.begin(&control, &permit).await?;
    if tx.tokens().await?.iter().any(|other| other.name == body.name && other.is_live(call.now)) {
        let detail = format!("a live token is called {}; revoke it first, or take another name", body.name);
        return Err(Refusal::conflict("name-taken", "The name is taken", detail));
    }
    let text = envelope::token::issue(model::token::ADMIN_TOKEN, control.entropy.as_ref());
    let token = Token {
        id: control.new_id("tok"),
        name: body.name,
        role: super::role(body.role),
        digest: envelope::token::digest(&text),
        created_at: call.now,
        created_by: call.actor().to_owned(),
        expires_at,
        revoked_at: None,
    };
    tx.insert_token(&token).await?;
    let mut answer = TokenCreated {
        name: token.name.clone(),
        token: None,
        role: body.role,
        created_at: token.created_at.to_string(),
        expires_at: token.expires_at.map(|at| at.to_string()),
    };
    let event = call.event(&permit, "token.create", format!("token/{}", token.name)).after(super::record(&token));
    call.commit(tx, event, StatusCode::CREATED, &answer).await?;
    answer.token = Some(text.to_string());
    created(&format!("/v1/tokens/{}", token.name), &answer, None)
}
