//! The gateway's own answers: problems (RFC 9457) that `Proxy-Status` (RFC 9209) marks as ours.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use outbound::{AnswerError, BodyError, Failure, ForwardError};

use crate::open::Ended;
use crate::respond::Body;

/// The name under which the gateway appears in `Proxy-Status` and `Via`.
pub(crate) const NAME: &str = "keyroll";
/// The header that says who made an answer.
pub(crate) const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

const PROBLEM_JSON: &str = "application/problem+json";

/// One kind of answer that the gateway gives by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The stable, kebab-case name, the member `code`.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The kind of problem in a few words.
    pub title: &'static str,
    /// The error type of `Proxy-Status` (RFC 9209 section 2.3).
    pub error: &'static str,
}

macro_rules! kinds {
    ($($name:ident $status:literal $code:literal $error:literal $title:literal;)*) => {
        $(pub(crate) const $name: &Kind = &Kind { code: $code, status: $status, title: $title, error: $error };)*
        /// Every kind of answer, ordered by status.
        pub const KINDS: &[&Kind] = &[$($name),*];
    };
}

kinds! {
    REQUEST_INVALID 400 "request-invalid" "http_request_error" "The request is ambiguous or malformed";
    PATH_INVALID 400 "path-invalid" "http_request_error" "The path can be read in more than one way";
    KEY_AMBIGUOUS 400 "client-key-ambiguous" "http_request_error" "The request carries more than one client key";
    ENVIRONMENT_REQUIRED 400 "environment-required" "http_request_error" "The request must name an environment";
    BODY_INVALID 400 "body-invalid" "http_request_error" "The body is malformed";
    BODY_NOT_JSON 400 "body-not-json" "http_request_error" "The body is not a JSON object";
    KEY_MISSING 401 "client-key-missing" "http_request_denied" "The request carries no client key";
    KEY_INVALID 401 "client-key-invalid" "http_request_denied" "The client key is not valid";
    NOT_ALLOWED 403 "client-not-allowed" "http_request_denied" "The client may not do this";
    CERTIFICATE_REQUIRED 403 "client-certificate-required" "http_request_denied"
        "The route takes requests with a client certificate alone";
    CERTIFICATE_NOT_ACCEPTED 403 "client-certificate-not-accepted" "http_request_denied"
        "The route does not accept the client certificate";
    PATH_NOT_ALLOWED 403 "path-not-allowed" "http_request_denied" "The route does not pass this path on";
    ROUTE_NOT_FOUND 404 "route-not-found" "destination_not_found" "There is no such route";
    NOT_SERVED 404 "route-not-served-in-environment" "destination_not_found"
        "The route is not served in this environment";
    METHOD_NOT_ALLOWED 405 "method-not-allowed" "http_request_denied" "The method is not passed on";
    REQUEST_TIMEOUT 408 "request-timeout" "http_request_error" "The request did not arrive in time";
    TOO_LARGE 413 "request-too-large" "http_request_denied" "The body is too large";
    TARGET_TOO_LONG 414 "request-target-too-long" "http_request_error" "The path and query are too long";
    BODY_NOT_READABLE 415 "body-not-readable" "http_request_error" "The body cannot be filled";
    RATE_LIMITED 429 "rate-limited" "http_request_denied" "Too many requests";
    HEADERS_TOO_LARGE 431 "request-headers-too-large" "http_request_error" "The headers are too large or too many";
    UNREACHABLE 502 "upstream-unreachable" "destination_unavailable" "The upstream cannot be reached";
    TLS_FAILED 502 "upstream-tls-failed" "tls_certificate_error" "The upstream cannot be verified";
    PROTOCOL_ERROR 502 "upstream-protocol-error" "http_protocol_error" "The upstream broke the protocol";
    WITHHELD 502 "answer-withheld" "http_response_incomplete" "The answer holds or could hold an injected value";
    SECRET_NOT_FOUND 503 "secret-not-found" "proxy_configuration_error" "A secret of the route does not exist";
    SECRET_EXPIRED 503 "secret-expired" "proxy_configuration_error" "A secret of the route has expired";
    SECRET_UNUSABLE 503 "secret-unusable" "proxy_configuration_error" "A secret of the route cannot be used";
    SECRET_NOT_ALLOWED 503 "secret-not-allowed" "proxy_configuration_error" "A secret may not be sent to this upstream";
    NO_SNAPSHOT 503 "no-snapshot" "proxy_internal_error" "The gateway is not ready";
    UPSTREAM_TIMEOUT 504 "upstream-timeout" "http_response_timeout" "The upstream took too long";
    LOOP 508 "loop-detected" "proxy_loop_detected" "The request has passed this gateway before";
}

/// A request that is not passed on, and why. Holds neither headers nor bodies nor values.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) kind: &'static Kind,
    /// The error type of `Proxy-Status`, where it is known better than by the kind.
    error: &'static str,
    detail: Cow<'static, str>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
    closes: bool,
}

impl Refusal {
    /// `detail` says what happened here and what to do next.
    pub(crate) fn new(kind: &'static Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        let header = (kind.status == 401)
            .then(|| Box::new((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"keyroll\""))));
        Self { kind, error: kind.error, detail: detail.into(), header, closes: false }
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// The same, and the connection ends: what follows on it cannot be told apart from this request's rest.
    pub(crate) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// What the caller is told about a request that got no answer.
    pub(crate) fn of(error: &ForwardError) -> Self {
        let failure = error.failure;
        let Some(code) = failure.code() else { return of_request(failure) };
        let kind = KINDS.iter().find(|kind| kind.code == code).copied().unwrap_or(PROTOCOL_ERROR);
        let refusal = Self::new(kind, sentence(&failure.to_string()));
        Self { error: failure.proxy_status(), ..refusal }
    }

    /// Turns it into the answer.
    pub(crate) fn answer(self, request_id: &str) -> Response<Body> {
        let status = StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = Response::new(Body::full(Bytes::from(self.problem(request_id))));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Ok(value) = HeaderValue::try_from(self.proxy_status()) {
            headers.insert(PROXY_STATUS, value);
        }
        if let Some((name, value)) = self.header.map(|header| *header) {
            headers.insert(name, value);
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    /// The same as bytes, where there is no request that could be answered. The connection ends with it.
    pub(crate) fn bytes(&self, request_id: &str) -> Bytes {
        let (status, problem) = (self.kind.status, self.problem(request_id));
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
        Bytes::from(format!(
            "HTTP/1.1 {status} {reason}\r\ncontent-type: {PROBLEM_JSON}\r\nproxy-status: {}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{problem}",
            self.proxy_status(),
            problem.len(),
        ))
    }

    fn problem(&self, request_id: &str) -> String {
        let problem = serde_json::json!({
            "type": format!("urn:keyroll:problem:{}", self.kind.code),
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.kind.code,
            "request_id": request_id,
            // Where providers put theirs, and where their SDKs look: one of Stripe's takes an answer without it for a
            // success, whatever the status.
            "error": {"code": self.kind.code, "message": self.detail},
        });
        problem.to_string()
    }

    fn proxy_status(&self) -> String {
        format!("{NAME}; error={}", self.error)
    }
}

/// A failure that is the caller's own, never a 502.
fn of_request(failure: Failure) -> Refusal {
    let detail = sentence(&failure.to_string());
    match failure {
        Failure::RequestBody(error) => of_body(error),
        _ => Refusal::new(REQUEST_INVALID, detail),
    }
}

/// A request's body that broke off.
pub(crate) fn of_body(error: BodyError) -> Refusal {
    let kind = match error {
        BodyError::TooLarge => TOO_LARGE,
        BodyError::TimedOut => REQUEST_TIMEOUT,
        BodyError::Malformed | BodyError::Aborted => BODY_INVALID,
        BodyError::NotAsSigned => KEY_INVALID,
    };
    Refusal::new(kind, format!("The request's body {error}.")).closing()
}

/// A request that was ended before there was an answer.
pub(crate) fn of_ended(ended: Ended) -> Refusal {
    let kind = match ended {
        Ended::Revoked => KEY_INVALID,
        Ended::Withdrawn | Ended::Stalled => SECRET_UNUSABLE,
    };
    Refusal::new(kind, format!("The request was given up: {ended}.")).closing()
}

/// An answer that broke off before any of it went out.
pub(crate) fn of_answer(error: AnswerError) -> Refusal {
    let kind = match error {
        AnswerError::Cut => PROTOCOL_ERROR,
        AnswerError::Idle => UPSTREAM_TIMEOUT,
    };
    Refusal::new(kind, sentence(&error.to_string()))
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    format!("{}{}.", first.map(String::from).unwrap_or_default(), letters.as_str())
}
