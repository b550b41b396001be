//! What gateways counted in rotations, by second at first and by minute later.

use model::snapshot::{TrialDrained, TrialKey};
use model::time::Timestamp;

use crate::backend::{Conversation, args};
use crate::error::StoreError;

/// The counters' columns, in the order of the signs.
pub(super) const COLUMNS: [&str; 10] = [
    "alive",
    "pair",
    "both_dead",
    "unpaired",
    "refused",
    "unclear",
    "outgoing_alive",
    "outgoing_dead",
    "outgoing_unclear",
    "kept",
];

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;

/// What is added to a row that is there already, from the row that was to be written.
fn sums() -> String {
    let sums = COLUMNS.iter().map(|column| format!("{column} = rotation_counts.{column} + excluded.{column}"));
    let needed = "needed_at = CASE WHEN rotation_counts.needed_at >= excluded.needed_at OR excluded.needed_at IS NULL \
         THEN rotation_counts.needed_at ELSE excluded.needed_at END";
    sums.chain([needed.to_owned()]).collect::<Vec<_>>().join(", ")
}

/// Adds what was counted until `at`. Rows are locked in one order everywhere.
pub(crate) async fn add(
    conversation: &Conversation,
    at: Timestamp,
    mut rows: Vec<(TrialKey, TrialDrained)>,
) -> Result<(), StoreError> {
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    let second = at.as_millis() / SECOND * SECOND;
    // By the key.
    let sql = format!(
        "INSERT INTO rotation_counts (rotation, environment, upstream, route, at, {}, needed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
         ON CONFLICT (rotation, environment, upstream, route, at) DO UPDATE SET {}",
        COLUMNS.join(", "),
        sums()
    );
    for (key, drained) in &rows {
        let mut values = args![&key.rotation, key.environment.as_str(), &key.upstream, key.route.as_str(), second];
        for count in drained.counts {
            values.push(i64::try_from(count).unwrap_or(i64::MAX).into());
        }
        values.push(drained.needed_at.into());
        conversation.execute(&sql, values).await?;
    }
    Ok(())
}

/// Adds up the seconds from before the moment, a minute each; and the minutes from two hours before it, an hour each, where
/// a rotation is watched for days: each look at it reads all that it was counted. The steps of a canary stay apart.
pub(crate) async fn compact(conversation: &Conversation, before: Timestamp) -> Result<(), StoreError> {
    let minutes = before.as_millis() / MINUTE * MINUTE;
    sum_up(conversation, MINUTE, minutes, "1 = 1").await?;
    let hours = (before.as_millis() / HOUR).saturating_sub(2).saturating_mul(HOUR);
    // By the key of rotations.
    let watched = format!(
        "EXISTS (SELECT 1 FROM rotations r WHERE r.id = rotation_counts.rotation AND r.state = 'watching' \
         AND rotation_counts.at / {HOUR} * {HOUR} > r.cut_over_at)"
    );
    sum_up(conversation, HOUR, hours, &watched).await
}

async fn sum_up(conversation: &Conversation, span: i64, before: i64, only: &str) -> Result<(), StoreError> {
    let totals = COLUMNS.iter().map(|column| format!("CAST(sum({column}) AS BIGINT)"));
    // rotation_counts_at. What stands at the beginning of a span is added to.
    let sql = format!(
        "INSERT INTO rotation_counts (rotation, environment, upstream, route, at, {}, needed_at) \
         SELECT rotation, environment, upstream, route, at / {span} * {span}, {}, max(needed_at) FROM rotation_counts \
         WHERE at < $1 AND at % {span} <> 0 AND {only} GROUP BY rotation, environment, upstream, route, at / {span} * {span} \
         ON CONFLICT (rotation, environment, upstream, route, at) DO UPDATE SET {}",
        COLUMNS.join(", "),
        totals.collect::<Vec<_>>().join(", "),
        sums()
    );
    conversation.execute(&sql, args![before]).await?;
    // rotation_counts_at.
    let sql = format!("DELETE FROM rotation_counts WHERE at < $1 AND at % {span} <> 0 AND {only}");
    conversation.execute(&sql, args![before]).await.map(drop)
}

/// Forgets the counts of rotations that ended before the moment; what they amounted to is in their logs.
pub(crate) async fn forget(conversation: &Conversation, before: Timestamp) -> Result<(), StoreError> {
    // rotation_counts_at, then the key of rotations.
    let sql = "DELETE FROM rotation_counts WHERE at < $1 AND rotation IN \
         (SELECT id FROM rotations WHERE live = 0 AND state_since < $1)";
    conversation.execute(sql, args![before]).await.map(drop)
}
