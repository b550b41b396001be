//! `GET /v1/audit/export`: all events, as they are stored, for a verifier that has nothing else.

use std::sync::Arc;

use api::audit::{AuditLine, NDJSON};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use model::access::Need;
use store::Store;

use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// How many events are read at once.
const PAGE: usize = 500;

/// All events, the earliest first: one line each, the record in its canonical form with its leaf hash.
#[utoipa::path(
    get,
    path = "/v1/audit/export",
    tag = "audit",
    responses((status = 200, body = AuditLine, content_type = "application/x-ndjson"))
)]
pub(super) async fn export(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::ReadAudit])?;
    // What is committed later belongs to a later export; the size fixes what this one must hold.
    let size = control.store.read().await?.position().audit_size;
    let store = control.store.clone();
    let pages = stream::try_unfold(0_i64, move |after| next_page(store.clone(), after, size));
    let mut response = (StatusCode::OK, Body::from_stream(pages)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    if let Ok(size) = HeaderValue::from_str(&size.to_string()) {
        response.headers_mut().insert("keyroll-audit-size", size);
    }
    Ok(response)
}

async fn next_page(store: Store, after: i64, size: i64) -> Result<Option<(Bytes, i64)>, store::StoreError> {
    if after >= size {
        return Ok(None);
    }
    let rows = store.read().await?.audit_export(after, PAGE).await?;
    let mut text = String::new();
    let mut last = after;
    for row in rows.iter().filter(|row| row.sequence <= size) {
        let leaf: String = row.leaf.iter().map(|byte| format!("{byte:02x}")).collect();
        // The record goes out byte for byte: the hash is over exactly these bytes.
        text.push_str(&format!("{{\"leaf_hash\":\"{leaf}\",\"record\":{}}}\n", row.record));
        last = row.sequence;
    }
    // Nothing more although there should be: the log was cut; the reader sees fewer lines than the header says.
    Ok((last > after).then(|| (Bytes::from(text), last)))
}
