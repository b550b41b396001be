//! `POST /v1/clients/{name}/keys`.

use std::sync::Arc;

use api::clients::KeyCreated;
use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::client::ClientKey;
use serde_json::json;

use super::view;
use crate::call::{Call, created};
use crate::refusal::Refusal;
use crate::state::Control;

/// How many live keys a client may have; rotating one needs two.
const MOST: usize = 20;

/// Makes a key, and for a client that signs the signing key that belongs to it. They are shown this once; others of the client stay valid, so that keys rotate with overlap.
#[utoipa::path(
    post,
    path = "/v1/clients/{name}/keys",
    tag = "clients",
    params(("name" = String, Path, description = "The client.")),
    responses((status = 201, body = KeyCreated), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn create(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    call.no_body()?;
    let mut tx = call.begin(&control, &permit).await?;
    let found = view::find(&tx, &name).await?;
    call.permit([view::need(&tx, &found.client.environments).await?])?;
    if found.keys.iter().filter(|key| key.revoked_at.is_none()).count() >= MOST {
        let detail = format!("{name} has {MOST} live keys; revoke one first");
        return Err(Refusal::conflict("too-many-keys", "The client has enough keys", detail));
    }
    let text = envelope::token::issue(model::token::CLIENT_KEY, control.entropy.as_ref());
    let key = ClientKey {
        id: control.new_id("key"),
        client: found.client.name.clone(),
        digest: envelope::token::digest(&text),
        created_at: call.now,
        revoked_at: None,
    };
    tx.insert_client_key(&key).await?;
    let created_at = key.created_at.to_string();
    let mut answer = KeyCreated { id: key.id.clone(), key: None, signing_key: None, created_at };
    let event = call.event(&permit, "client.key-create", format!("client/{name}")).after(json!({"key": key.id}));
    call.commit(tx, event, StatusCode::CREATED, &answer).await?;
    answer.key = Some(text.to_string());
    // It follows from the key's id, so that there is nothing to store and nothing to be read from a backup.
    let signing_key = found.client.signing.map(|_| control.keys.fingerprints.signing_keys().of(&key.id));
    answer.signing_key = signing_key.map(|key| key.into_text().to_string());
    created(&format!("/v1/clients/{name}/keys/{}", key.id), &answer, None)
}
