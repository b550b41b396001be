//! The one place where a refusal becomes a response, and where every answer gets its request id.

use std::sync::Arc;

use api::problem::{PROBLEM_JSON, Problem};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::deadline::Deadline;
use crate::idempotency::repeat;
use crate::refusal::Refusal;
use crate::state::Control;

/// The header that carries a request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: the caller's where it is sane, else one of ours.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// A refusal waiting in the response for its request id.
#[derive(Clone)]
struct Pending(Arc<Refusal>);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if let Some(record) = &self.earlier {
            return repeat(record);
        }
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(Pending(Arc::new(self)));
        response
    }
}

/// Surrounds every request: gives it an id and a longest time, and writes out refusals.
pub(crate) async fn surround(State(control): State<Arc<Control>>, mut request: Request, next: Next) -> Response {
    let id = request_id(&control, &request);
    let method = request.method().clone();
    // The pattern, not the path: somebody may have typed a value where a name belongs.
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let deadline = Deadline::new();
    request.extensions_mut().insert(deadline.clone());
    let response = tokio::select! {
        response = next.run(request) => response,
        refusal = deadline.passed() => refusal.into_response(),
    };
    let mut response = finish(response, &id, &method, &path);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn request_id(control: &Control, request: &Request) -> String {
    let sane = |text: &&str| {
        (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane);
    given.map_or_else(|| control.new_id("req"), str::to_owned)
}

fn is_plain(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.and_then(|value| value.to_str().ok()).is_some_and(|kind| kind.starts_with("text/plain"))
}

/// Writes out a refusal, and gives the framework's own bare refusals (404, 405, 413) the same form.
fn finish(mut response: Response, id: &str, method: &axum::http::Method, path: &str) -> Response {
    let refusal = match response.extensions_mut().remove::<Pending>() {
        Some(Pending(refusal)) => refusal,
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Arc::new(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "This address does not take that method",
            format!("{method} is not possible here; the Allow header says what is"),
        )),
        // The framework's own words about a path that is not UTF-8.
        None if response.status() == StatusCode::BAD_REQUEST && is_plain(&response) => Arc::new(Refusal::new(
            StatusCode::BAD_REQUEST,
            "path-invalid",
            "The address cannot be read",
            "the path is not UTF-8 once it is decoded",
        )),
        None => return response,
    };
    if response.status().is_server_error() {
        tracing::error!(request_id = id, %method, path, code = refusal.problem.code, cause = refusal.cause, "request failed");
    } else {
        tracing::info!(request_id = id, %method, path, code = refusal.problem.code, cause = refusal.cause, "request refused");
    }
    let problem = Problem { request_id: id.to_owned(), ..(*refusal.problem).clone() };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut written = (response.status(), body).into_response();
    for name in [header::ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            written.headers_mut().insert(name, value.clone());
        }
    }
    written.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if response.status() == StatusCode::UNAUTHORIZED {
        written.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"keyroll\""));
    }
    if let Some(seconds) = refusal.retry_after {
        written.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    written
}
