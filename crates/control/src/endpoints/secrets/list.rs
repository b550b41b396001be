//! `GET /v1/secrets`.

use std::sync::Arc;

use api::list::Page;
use api::problem::Problem;
use api::secret::{SecretItem, SecretQuery, SecretSort as WireSort};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::secret::State as SecretState;
use model::time::{Span, Timestamp};
use store::{SecretFilter, SecretSort, SortKey};

use super::{group, view, words};
use crate::call::{Call, answer};
use crate::members::{Members, page};
use crate::refusal::Refusal;
use crate::state::Control;

/// The secrets that fit all filters, never their values.
///
/// `group_by=service` groups by the first word of the name (`stripe` of `stripe_api_key`), `environment` by the environments
/// that the value is limited to (`*` for no limit), `type` by the kind.
#[utoipa::path(
    get,
    path = "/v1/secrets",
    tag = "secrets",
    params(SecretQuery),
    responses((status = 200, body = Page<SecretItem>), (status = 422, body = Problem))
)]
pub(super) async fn list(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let query: SecretQuery = call.query()?;
    let page = page(query.limit, query.cursor.clone())?;
    let filter = filter(&query, call.now)?;
    let sort = sort(query.sort.unwrap_or(WireSort::Name));
    let tx = control.store.read().await?;
    if let Some(by) = query.group_by {
        return answer(StatusCode::OK, &group::list(&tx, &filter, by, sort, &page, call.now).await?);
    }
    let found = tx.secrets(&filter, sort, &page).await?;
    let items = found.items.iter().map(|row| view::item(row, call.now)).collect();
    answer(StatusCode::OK, &Page { items, next: found.next })
}

fn filter(query: &SecretQuery, now: Timestamp) -> Result<SecretFilter, Refusal> {
    let mut members = Members::default();
    let environment = members.read_opt("/environment", "name-invalid", query.environment.as_deref());
    let unused: Option<Span> = members.read_opt("/unused_for", "duration-invalid", query.unused_for.as_deref());
    let due: Option<Span> = members.read_opt("/due_within", "duration-invalid", query.due_within.as_deref());
    members.finish()?;
    Ok(SecretFilter {
        q: query.q.clone(),
        kind: query.kind.map(words::kind),
        class: query.class.map(words::class),
        environment,
        tag: query.tag.clone(),
        state: Some(query.state.map_or(SecretState::Active, words::state)),
        unused_since: unused.map(|span| now.minus(span)),
        unreferenced: query.unreferenced,
        temporary: query.temporary,
        due_before: due.map(|span| now.plus(span)),
    })
}

fn sort(wire: WireSort) -> SecretSort {
    let (key, descending) = match wire {
        WireSort::Name => (SortKey::Name, false),
        WireSort::NameDown => (SortKey::Name, true),
        WireSort::CreatedAt => (SortKey::CreatedAt, false),
        WireSort::CreatedAtDown => (SortKey::CreatedAt, true),
        WireSort::LastUsedAt => (SortKey::LastUsedAt, false),
        WireSort::LastUsedAtDown => (SortKey::LastUsedAt, true),
        WireSort::RotationDueAt => (SortKey::RotationDueAt, false),
        WireSort::RotationDueAtDown => (SortKey::RotationDueAt, true),
    };
    SecretSort { key, descending }
}
