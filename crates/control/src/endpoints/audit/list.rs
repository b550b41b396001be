//! `GET /v1/audit`.

use std::sync::Arc;

use api::audit::{AuditItem, AuditQuery};
use api::list::Page;
use api::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use store::AuditFilter;

use crate::call::{Call, answer};
use crate::members::{Members, page};
use crate::refusal::Refusal;
use crate::state::Control;

/// The events, the latest first.
#[utoipa::path(
    get,
    path = "/v1/audit",
    tag = "audit",
    params(AuditQuery),
    responses((status = 200, body = Page<AuditItem>), (status = 422, body = Problem))
)]
pub(super) async fn list(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::ReadAudit])?;
    let query: AuditQuery = call.query()?;
    let mut members = Members::default();
    let filter = AuditFilter {
        from: members.read_opt("/from", "time-invalid", query.from.as_deref()),
        to: members.read_opt("/to", "time-invalid", query.to.as_deref()),
        actor: query.actor,
        action: query.action,
        subject: query.subject,
    };
    members.finish()?;
    let page = page(query.limit, query.cursor)?;
    let found = control.store.read().await?.audit(&filter, &page).await?;
    let items = found.items.iter().map(super::item).collect::<Result<Vec<_>, _>>()?;
    answer(StatusCode::OK, &Page { items, next: found.next })
}
