//! `GET /v1/audit/export`: all events, as they are stored, for a verifier that has nothing but a public key.

use std::sync::Arc;

use api::audit::{AuditLine, NDJSON};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use model::access::Need;
use store::Tree;

use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// How many events are read at once.
const PAGE: usize = 500;

/// All events, the earliest first: one line each, the record in its canonical form with its leaf hash. The last line is a
/// signed checkpoint of exactly these.
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
    let export = Export { control: Arc::clone(&control), after: 0, size, tree: Tree::default(), ended: false };
    let pages = stream::try_unfold(export, Export::next);
    let mut response = (StatusCode::OK, Body::from_stream(pages)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    if let Ok(size) = HeaderValue::from_str(&size.to_string()) {
        response.headers_mut().insert("keyroll-audit-size", size);
    }
    Ok(response)
}

/// An export on its way.
struct Export {
    control: Arc<Control>,
    /// The last event that went out.
    after: i64,
    size: i64,
    tree: Tree,
    ended: bool,
}

impl Export {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, store::StoreError> {
        if self.ended {
            return Ok(None);
        }
        let mut text = String::new();
        let rows = match self.after < self.size {
            true => self.control.store.read().await?.audit_export(self.after, PAGE).await?,
            false => Vec::new(),
        };
        for row in rows.iter().filter(|row| row.sequence <= self.size) {
            let leaf: String = row.leaf.iter().map(|byte| format!("{byte:02x}")).collect();
            // The record goes out byte for byte: the hash is over exactly these bytes.
            text.push_str(&format!("{{\"leaf_hash\":\"{leaf}\",\"record\":{}}}\n", row.record));
            self.tree.push(row.leaf);
            self.after = row.sequence;
        }
        if rows.is_empty() || self.after >= self.size {
            self.ended = true;
            // Where the log was cut, the reader sees fewer lines than the header says, and no checkpoint for them.
            if i64::try_from(self.tree.size()).is_ok_and(|found| found == self.size) {
                let note = self.control.keys.fingerprints.audit_key().sign(self.tree.size(), &self.tree.root());
                text.push_str(&format!("{}\n", serde_json::json!({"checkpoint": note})));
            }
        }
        Ok(Some((Bytes::from(text), self)))
    }
}
