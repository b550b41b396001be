//! `GET /v1/rotations/calendar.ics`: the due dates, for calendars of people.

use std::sync::Arc;

use api::problem::Problem;
use api::rotation::{CalendarQuery, DEFAULT_DAYS, ICALENDAR, MAX_DAYS};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::access::Need;
use model::schedule::Entry;
use model::secret::State as SecretState;
use model::time::Span;
use store::{Page, ReadTx, SecretFilter, SecretRow, SecretSort, SortKey};

use crate::call::Call;
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// The due dates as an iCalendar document (RFC 5545): one event for each active secret that is overdue or due within the
/// next days, with reminders 14, 7 and 1 days before.
#[utoipa::path(
    get,
    path = "/v1/rotations/calendar.ics",
    tag = "rotations",
    params(CalendarQuery),
    responses((status = 200, body = String, content_type = "text/calendar"), (status = 422, body = Problem))
)]
pub(super) async fn calendar(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let filter = filter(&call)?;
    let rows = due(&control.store.read().await?, &filter).await?;
    let entries: Vec<Entry<'_>> = rows
        .iter()
        .filter_map(|row| {
            Some(Entry { secret: &row.secret, due: row.due()?, superseded_by: row.superseded_by.as_ref() })
        })
        .collect();
    let mut response = model::schedule::calendar(&entries, call.now).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(ICALENDAR));
    Ok(response)
}

fn filter(call: &Call) -> Result<SecretFilter, Refusal> {
    let query: CalendarQuery = call.query()?;
    let mut members = Members::default();
    let environment = members.read_opt("/environment", "name-invalid", query.environment.as_deref());
    let days = query.days.unwrap_or(DEFAULT_DAYS);
    members.demand((1..=MAX_DAYS).contains(&days), "/days", "days-invalid", "is not between 1 and 3650");
    members.finish()?;
    Ok(SecretFilter {
        environment,
        state: Some(SecretState::Active),
        due_before: Some(call.now.plus(Span::from_days(days.into()))),
        ..SecretFilter::default()
    })
}

/// All of them: a calendar has no second page.
async fn due(tx: &ReadTx, filter: &SecretFilter) -> Result<Vec<SecretRow>, Refusal> {
    let sort = SecretSort { key: SortKey::RotationDueAt, descending: false };
    let (mut all, mut page) = (Vec::new(), Page { limit: 500, cursor: None });
    loop {
        let found = tx.secrets(filter, sort, &page).await?;
        all.extend(found.items);
        if found.next.is_none() {
            return Ok(all);
        }
        page.cursor = found.next;
    }
}
