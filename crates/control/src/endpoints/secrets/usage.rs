//! `GET /v1/secrets/{name}/usage`.

use std::sync::Arc;

use api::problem::Problem;
use api::secret::{UsageAnswer, UsageBucket, UsageQuery};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::time::{Span, Timestamp};

use super::{view, words};
use crate::call::{Call, answer};
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

const MINUTE: i64 = 60_000;
/// The most steps of an answer.
const MOST_STEPS: i64 = 10_000;
/// How many steps an answer has at most where the caller does not say how wide they are.
const FITTING_STEPS: i64 = 300;
/// The widths that are chosen from, in minutes: up to a day.
const WIDTHS: [i64; 6] = [1, 5, 15, 60, 360, 1_440];

/// How often, where and with what outcome a secret was used. Counts are kept by the minute, so the span is widened to
/// whole minutes; steps begin at multiples of their width since 1970.
#[utoipa::path(
    get,
    path = "/v1/secrets/{name}/usage",
    tag = "secrets",
    params(("name" = String, Path, description = "The secret."), UsageQuery),
    responses((status = 200, body = UsageAnswer), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub(super) async fn usage(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let (from, to, step) = frame(&call.query()?, call.now)?;
    let tx = control.store.read().await?;
    view::find(&tx, &name).await?;
    let found = tx.usage(&name, from, to, step).await?;
    let buckets: Vec<UsageBucket> = found
        .into_iter()
        .map(|bucket| UsageBucket {
            at: bucket.at.to_string(),
            route: bucket.route.to_string(),
            environment: bucket.environment.to_string(),
            outcome: words::wire_outcome(bucket.outcome),
            count: u64::try_from(bucket.count).unwrap_or(0),
        })
        .collect();
    let total = buckets.iter().map(|bucket| bucket.count).sum();
    answer(StatusCode::OK, &UsageAnswer { buckets, total })
}

/// From when, until when (whole minutes) and in which steps.
fn frame(query: &UsageQuery, now: Timestamp) -> Result<(Timestamp, Timestamp, Span), Refusal> {
    let mut members = Members::default();
    let to: Option<Timestamp> = members.read_opt("/to", "time-invalid", query.to.as_deref());
    let from: Option<Timestamp> = members.read_opt("/from", "time-invalid", query.from.as_deref());
    let step: Option<Span> = members.read_opt("/step", "duration-invalid", query.step.as_deref());
    // Until now means that this minute counts, also in its first instant.
    let to = to.unwrap_or_else(|| now.plus(Span::from_millis(1)));
    let from = from.unwrap_or_else(|| to.minus(Span::from_hours(24)));
    members.demand(from < to, "/from", "time-order", "is not before to");
    let minutes = |step: Span| step.as_millis() > 0 && step.as_millis() % MINUTE == 0;
    members.demand(step.is_none_or(minutes), "/step", "step-invalid", "is not a whole number of minutes");
    members.finish()?;

    let from = Timestamp::from_millis(from.as_millis() / MINUTE * MINUTE);
    let to = Timestamp::from_millis(to.as_millis().saturating_add(MINUTE - 1) / MINUTE * MINUTE);
    let length = Span::between(from, to).as_millis();
    let step = step.map_or_else(|| fitting(length), Span::as_millis);
    if length / step > MOST_STEPS {
        return Err(Refusal::member("/step", "step-too-short", "makes more than 10000 steps of the span; widen it"));
    }
    Ok((from, to, Span::from_millis(step)))
}

/// A width at which the span has few enough steps: of the usual ones, else whole days.
fn fitting(length: i64) -> i64 {
    let usual = WIDTHS.into_iter().map(|width| width * MINUTE).find(|width| length / width <= FITTING_STEPS);
    const DAY: i64 = 1_440 * MINUTE;
    usual.unwrap_or_else(|| (length / FITTING_STEPS / DAY + 1) * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_that_fit() {
        let (hour, day) = (60 * MINUTE, 1_440 * MINUTE);
        for (length, width) in
            [(hour, MINUTE), (day, 5 * MINUTE), (30 * day, 6 * hour), (90 * day, day), (3_000 * day, 11 * day)]
        {
            assert_eq!(fitting(length), width, "{length}");
        }
    }
}
