//! One request on its way through a handler: who asks, what for, and how it is committed and answered.

use std::sync::Arc;

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::access::{Need, Permit, authorize};
use model::audit::Event;
use model::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{IdempotencyRecord, WriteTx};

use crate::deadline::{Deadline, Phase};
use crate::door::{Caller, enter, stay};
use crate::idempotency::{Pledge, pledge};
use crate::refusal::Refusal;
use crate::state::Control;
use crate::{body, dry_run, etag, text};

/// One authenticated request. Every handler under `/v1` takes one; there is no other way to a [`Permit`].
pub(crate) struct Call {
    caller: Caller,
    parts: Parts,
    body: Bytes,
    pledge: Option<Pledge>,
    deadline: Deadline,
    dry_run: bool,
    /// The moment of the request; everything that it writes carries this one.
    pub(crate) now: Timestamp,
}

impl FromRequest<Arc<Control>> for Call {
    /// A refusal, or the answer that a repetition gets.
    type Rejection = Response;

    async fn from_request(request: Request, control: &Arc<Control>) -> Result<Self, Response> {
        Self::read(request, control).await.map_err(IntoResponse::into_response)
    }
}

impl Call {
    async fn read(request: Request, control: &Arc<Control>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let caller = enter(control, &parts).await?;
        text::check_address(&parts)?;
        let dry_run = dry_run::is_asked(&parts)?;
        let deadline = parts.extensions.get::<Deadline>().cloned().unwrap_or_else(Deadline::new);
        let body = match body.is_end_stream() {
            true => Bytes::new(),
            false => {
                let body = deadline.during(Phase::Body, body::collect(&parts, body)).await?;
                // Who sends slowly must not be let in for longer than their token lives.
                stay(&control.store.read().await?, &caller, control.now()).await?;
                body
            }
        };
        let pledge = if parts.method == Method::POST { pledge(control, &parts, &body)? } else { None };
        if let Some(pledge) = &pledge {
            pledge.look(&control.store.read().await?, &caller, control.now()).await?;
        }
        Ok(Self { caller, parts, body, pledge, deadline, dry_run, now: control.now() })
    }

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

    /// The same for a body that may be left out as a whole.
    pub(crate) fn json_or_none<T: DeserializeOwned + Default>(&self) -> Result<T, Refusal> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// Whether the change is to be tried only.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run
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

    /// Begins a change, the only way in which handlers do. Other changes wait from here on, so that what was true before
    /// the request got its turn is asked once more: whether its token still lives, and whether a request under the same
    /// `Idempotency-Key` was faster.
    pub(crate) async fn begin(&self, control: &Control, permit: &Permit) -> Result<WriteTx, Refusal> {
        let tx = control.store.begin(permit).await?;
        stay(&tx, &self.caller, control.now()).await?;
        if let Some(pledge) = &self.pledge {
            pledge.look(&tx, &self.caller, control.now()).await?;
        }
        Ok(tx)
    }

    /// Begins to write down how something ended that went out after a [`Call::begin`]: it happened, whatever became of the
    /// token meanwhile.
    pub(crate) async fn conclude(&self, control: &Control, permit: &Permit) -> Result<WriteTx, Refusal> {
        Ok(control.store.begin(permit).await?)
    }

    /// Waits for an upstream, which does not count as time that the house took.
    pub(crate) async fn wait_for_upstream<T>(&self, wait: impl Future<Output = T>) -> T {
        self.deadline.during(Phase::Upstream, wait).await
    }

    /// Commits the change with its event and, where an `Idempotency-Key` came along, what a repetition is answered. A dry
    /// run ends here: the transaction is dropped, and nothing is kept for a repetition.
    ///
    /// `kept` is the answer without what is shown only once.
    pub(crate) async fn commit<T: Serialize>(
        &self,
        mut tx: WriteTx,
        event: Event,
        status: StatusCode,
        kept: &T,
    ) -> Result<(), Refusal> {
        if self.dry_run {
            return Ok(());
        }
        if let Some(pledge) = &self.pledge {
            let body = serde_json::to_string(kept).map_err(|error| Refusal::internal(error.to_string()))?;
            // Under this key there is nothing but what is too old to count, or what this very request left at its beginning.
            tx.forget_answer(&self.caller.token, &pledge.key).await?;
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
        Ok(())
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
