//! One request on its way through a handler: who asks, what for, and how it is committed and answered.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::access::{Need, Permit, authorize};
use model::audit::Event;
use model::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Committed, IdempotencyRecord, WriteTx};

use crate::door::{Caller, enter};
use crate::idempotency::{Course, Pledge, look};
use crate::refusal::Refusal;
use crate::state::Control;
use crate::{body, etag};

/// One authenticated request. Every handler under `/v1` takes one; there is no other way to a [`Permit`].
pub(crate) struct Call {
    caller: Caller,
    parts: Parts,
    body: Bytes,
    pledge: Option<Pledge>,
    /// The moment of the request; everything that it writes carries this one.
    pub(crate) now: Timestamp,
}

impl FromRequest<Arc<Control>> for Call {
    /// A refusal, or the answer that a repetition gets.
    type Rejection = Response;

    async fn from_request(request: Request, control: &Arc<Control>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let caller = enter(control, &parts).await.map_err(IntoResponse::into_response)?;
        let body = body::collect(&parts, body).await.map_err(IntoResponse::into_response)?;
        let pledge = match parts.method {
            Method::POST => match look(control, &caller, &parts, &body).await.map_err(IntoResponse::into_response)? {
                Course::Do(pledge) => pledge,
                Course::Repeat(response) => return Err(response),
            },
            _ => None,
        };
        Ok(Self { caller, parts, body, pledge, now: control.now() })
    }
}

impl Call {
    /// Passes the door, or not.
    pub(crate) fn permit(&self, needs: impl IntoIterator<Item = Need>) -> Result<Permit, Refusal> {
        Ok(authorize(&self.caller.actor, needs)?)
    }

    /// Who asks, for metadata such as `created_by`.
    pub(crate) fn actor(&self) -> &str {
        &self.caller.actor.name
    }

    /// The body as a wire type.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        body::json(&self.body)
    }

    /// Refuses a body where none belongs; `{}` passes for the sake of clients that always send one.
    pub(crate) fn no_body(&self) -> Result<(), Refusal> {
        if self.body.is_empty() {
            return Ok(());
        }
        body::json::<api::read::Nothing>(&self.body).map(drop)
    }

    /// The query string as a wire type.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        body::query(&self.parts)
    }

    /// Holds `If-Match` against the stored version.
    pub(crate) fn check_match(&self, version: i64) -> Result<(), Refusal> {
        etag::check(&self.parts.headers, version)
    }

    /// An audit event of this request; give it `before` and `after`.
    pub(crate) fn event(&self, permit: &Permit, action: &str, subject: impl Into<String>) -> Event {
        Event::done(permit, &self.caller.origin, self.now, action, subject.into())
    }

    /// Commits the change with its event and, where an `Idempotency-Key` came along, what a repetition is answered.
    ///
    /// `kept` is the answer without what is shown only once.
    pub(crate) async fn commit<T: Serialize>(
        &self,
        mut tx: WriteTx,
        event: Event,
        status: StatusCode,
        kept: &T,
    ) -> Result<Committed, Refusal> {
        if let Some(pledge) = &self.pledge {
            let body = serde_json::to_string(kept).map_err(|error| Refusal::internal(error.to_string()))?;
            tx.remember(&IdempotencyRecord {
                owner: self.caller.token.clone(),
                key: pledge.key.clone(),
                request: pledge.digest.to_vec(),
                status: status.as_u16(),
                body,
                created_at: self.now,
            })
            .await?;
        }
        let (action, subject) = (event.action.clone(), event.subject.clone());
        let committed = tx.commit(event).await?;
        tracing::debug!(revision = committed.revision, action, subject, "committed");
        Ok(committed)
    }
}

/// An answer as JSON.
pub(crate) fn answer<T: Serialize>(status: StatusCode, item: &T) -> Result<Response, Refusal> {
    let bytes = serde_json::to_vec(item).map_err(|error| Refusal::internal(error.to_string()))?;
    let mut response = (status, bytes).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// An answer as JSON with its entity tag.
pub(crate) fn tagged<T: Serialize>(status: StatusCode, item: &T, version: i64) -> Result<Response, Refusal> {
    let mut response = answer(status, item)?;
    response.headers_mut().insert(header::ETAG, etag::tag(version));
    Ok(response)
}

/// The answer to a creation: 201 with the address of the thing and, where it can be edited, its entity tag.
pub(crate) fn created<T: Serialize>(location: &str, item: &T, version: Option<i64>) -> Result<Response, Refusal> {
    let mut response = answer(StatusCode::CREATED, item)?;
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if let Some(version) = version {
        response.headers_mut().insert(header::ETAG, etag::tag(version));
    }
    Ok(response)
}
