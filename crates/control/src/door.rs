//! The one door: who calls, by the token that came with the request.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use model::access::Actor;
use model::audit::Origin;
use model::time::Timestamp;
use store::{ReadTx, StoreError, Token};

use crate::answer::RequestId;
use crate::refusal::Refusal;
use crate::state::Control;

/// Who calls, and from where.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    /// The token's id; names may come back after a revocation, ids do not.
    pub(crate) token: String,
    pub(crate) origin: Origin,
}

/// Finds out who calls. Missing, unknown, expired and revoked tokens get one and the same answer.
pub(crate) async fn enter(control: &Control, parts: &Parts) -> Result<Caller, Refusal> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let token = match (values.next(), values.next()) {
        (Some(only), None) => bearer(only.to_str().ok()),
        _ => None,
    };
    let token = token.ok_or_else(stranger)?;
    let digest = envelope::token::digest(token);
    let found = control.store.read().await?.token_by_digest(&digest).await;
    let row = known(found)?;
    if !row.is_live(control.now()) {
        return Err(stranger());
    }
    let origin = Origin {
        source: parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or_else(|| "local".to_owned(), |ConnectInfo(address)| address.ip().to_string()),
        request_id: parts.extensions.get::<RequestId>().map(|RequestId(id)| id.clone()),
    };
    Ok(Caller { actor: Actor { name: format!("token:{}", row.name), role: row.role }, token: row.id, origin })
}

/// Finds out whether who entered may still be here: the token may have ended since.
pub(crate) async fn stay(tx: &ReadTx, caller: &Caller, now: Timestamp) -> Result<(), Refusal> {
    let row = known(tx.token(&caller.token).await)?;
    let same = row.is_live(now) && row.role == caller.actor.role;
    if same { Ok(()) } else { Err(stranger()) }
}

/// A token that somebody else put into the database opens nothing.
fn known(found: Result<Option<Token>, StoreError>) -> Result<Token, Refusal> {
    match found {
        Err(error @ StoreError::Tampered { .. }) => {
            tracing::error!(%error, "a token was presented that Keyroll did not write");
            Err(stranger())
        }
        found => found?.ok_or_else(stranger),
    }
}

fn bearer(value: Option<&str>) -> Option<&str> {
    let (scheme, token) = value?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

fn stranger() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "token-invalid",
        "No valid token",
        "give a live admin token: Authorization: Bearer krt_…",
    )
}
