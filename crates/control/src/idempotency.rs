//! `Idempotency-Key`: a repeated POST answers as before and does nothing.
//!
//! What is kept of the request is a keyed digest; what is kept of the answer has no key or token in it.

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::time::{Span, Timestamp};
use store::{IdempotencyRecord, ReadTx};

use crate::door::Caller;
use crate::refusal::Refusal;
use crate::state::Control;

/// How long an answer is kept.
pub(crate) const KEPT: Span = Span::from_hours(24);

/// The key of this request, and what the request was.
#[derive(Debug, Clone)]
pub(crate) struct Pledge {
    pub(crate) key: String,
    pub(crate) digest: [u8; 32],
}

/// What the request's `Idempotency-Key` binds it to; `None` without one.
pub(crate) fn pledge(control: &Control, parts: &Parts, body: &Bytes) -> Result<Option<Pledge>, Refusal> {
    let Some(value) = parts.headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len())).ok_or_else(|| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "idempotency-key-invalid",
            "The Idempotency-Key cannot be used",
            "give 1 to 255 visible ASCII characters",
        )
    })?;
    let mut bytes = format!("{} {}\n", parts.method, parts.uri).into_bytes();
    bytes.extend_from_slice(body);
    let digest = control.keys.fingerprints.digest("idempotency", &bytes);
    Ok(Some(Pledge { key: key.to_owned(), digest }))
}

impl Pledge {
    /// Stops a repetition with the answer that was given before, and another request under the same key with a refusal.
    pub(crate) async fn look(&self, tx: &ReadTx, caller: &Caller, now: Timestamp) -> Result<(), Refusal> {
        let found = tx.idempotency(&caller.token, &self.key).await?;
        match found.filter(|record| record.created_at.plus(KEPT) > now) {
            None => Ok(()),
            Some(record) if record.request == self.digest => Err(Refusal::repeating(record)),
            Some(_) => Err(Refusal::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The Idempotency-Key belongs to another request",
                "this key came with a different request before; take a new one",
            )),
        }
    }
}

/// The answer that was given before.
pub(crate) fn repeat(record: &IdempotencyRecord) -> Response {
    let status = StatusCode::from_u16(record.status).unwrap_or(StatusCode::OK);
    let mut response = (status, record.body.clone()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}
