//! Reads request bodies and query strings into wire types, and says which member is wrong.

use api::read::ReadError;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use model::problem::Finding;
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;
use crate::text;

/// The longest body: a secret's value of 64 KiB, escaped, and a route's certificates have room in it.
const LONGEST: usize = 1024 * 1024;

/// The whole body.
pub(crate) async fn collect(parts: &Parts, body: Body) -> Result<Bytes, Refusal> {
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > LONGEST) {
        return Err(too_long());
    }
    to_bytes(body, LONGEST).await.map_err(|error| {
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            if cause.is::<http_body_util::LengthLimitError>() {
                return too_long();
            }
            source = cause.source();
        }
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "body-broken",
            "The body ended early",
            "the request's body did not arrive whole",
        )
    })
}

fn too_long() -> Refusal {
    let detail = format!("a body has at most {LONGEST} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "request-too-large", "The body is too long", detail)
}

/// The body as a wire type.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let read = api::read::read(bytes)?;
    text::check_body(bytes)?;
    Ok(read)
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotJson { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "body-not-json", "The body cannot be read", error.to_string())
            }
            ReadError::Member { pointer, code, detail } => Self::members(vec![Finding::new(pointer, code, detail)]),
        }
    }
}

/// The query string as a wire type. Numbers and booleans are read from their text.
pub(crate) fn query<T: DeserializeOwned>(parts: &Parts) -> Result<T, Refusal> {
    let text = parts.uri.query().unwrap_or_default();
    serde_html_form::from_str(text).map_err(|error| {
        let words = error.to_string();
        // "unknown field `x`, expected one of …": the name stands in the first pair of backquotes.
        let name = words.split('`').nth(1).filter(|_| words.contains("field"));
        let pointer = name.map_or_else(String::new, |name| format!("/{name}"));
        Refusal::member(pointer, "query-invalid", format!("the query string cannot be read: {words}"))
    })
}
