//! `GET /v1/keys`.

use std::sync::Arc;

use api::key::KeyItem;
use api::list::{Page, PageQuery};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use envelope::Keyring;
use model::access::Need;
use store::ReadTx;

use super::count;
use crate::call::{Call, answer};
use crate::members::page;
use crate::refusal::Refusal;
use crate::state::Control;

/// The key-encryption keys: those of the node that answers, the current one first, then those that wrap something and
/// that it does not hold.
#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "keys",
    params(PageQuery),
    responses((status = 200, body = Page<KeyItem>))
)]
pub(super) async fn list(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::Administer])?;
    let query: PageQuery = call.query()?;
    let page = page(query.limit, query.cursor)?;
    let all = keys(&control.keys.keyring, &control.store.read().await?).await?;
    // There are few: the cursor is the id that the page before ended with.
    let start =
        match &page.cursor {
            None => 0,
            Some(cursor) => all.iter().position(|key| key.id == *cursor).map(|index| index + 1).ok_or_else(|| {
                Refusal::member("/cursor", "cursor-invalid", "is not a cursor that this list gave out")
            })?,
        };
    let items: Vec<_> = all.iter().skip(start).take(page.limit).cloned().collect();
    let next = items.last().filter(|_| start + items.len() < all.len()).map(|item| item.id.clone());
    answer(StatusCode::OK, &Page { items, next })
}

async fn keys(keyring: &Keyring, tx: &ReadTx) -> Result<Vec<KeyItem>, Refusal> {
    let mut wrapped = tx.secrets_by_kek().await?;
    let of_fingerprints = tx.fingerprint_key().await?.map(|key| key.kek_id);
    let mut keys: Vec<KeyItem> = keyring
        .made()
        .map(|(id, made_at)| KeyItem {
            id: id.to_string(),
            current: id == keyring.current(),
            held: true,
            secrets: count(wrapped.remove(id.as_str()).unwrap_or(0)),
            fingerprint_key: of_fingerprints.as_deref() == Some(id.as_str()),
            created_at: made_at.map(|at| at.to_string()),
        })
        .collect();
    keys.extend(wrapped.into_iter().map(|(id, secrets)| KeyItem {
        fingerprint_key: of_fingerprints.as_ref() == Some(&id),
        id,
        current: false,
        held: false,
        secrets: count(secrets),
        created_at: None,
    }));
    Ok(keys)
}
