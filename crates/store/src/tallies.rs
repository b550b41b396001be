//! How often and when secrets were used.

use std::collections::BTreeMap;

use model::name::{EnvironmentName, RouteName};
use model::time::{Span, Timestamp};
use model::usage::{Drained, OUTCOMES, Outcome, TallyKey};

use crate::backend::{Conversation, args};
use crate::error::StoreError;
use crate::transaction::ReadTx;

/// Uses of a secret within one step of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The beginning of the step, a multiple of its length since 1970.
    pub at: Timestamp,
    /// Through which route.
    pub route: RouteName,
    /// In which environment.
    pub environment: EnvironmentName,
    /// How they ended.
    pub outcome: Outcome,
    /// How many.
    pub count: i64,
}

/// All uses of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SecretUsage {
    /// The latest one.
    pub last_used_at: Option<Timestamp>,
    /// How many.
    pub count: i64,
}

/// Counts are kept by the minute.
const MINUTE: i64 = 60_000;

impl ReadTx {
    /// The uses of a secret from `from` up to but not including `to`, in steps of whole minutes (at least one), by time.
    ///
    /// # Errors
    /// As any query.
    pub async fn usage(
        &self,
        secret: &str,
        from: Timestamp,
        to: Timestamp,
        step: Span,
    ) -> Result<Vec<Bucket>, StoreError> {
        let step = (step.as_millis() / MINUTE).max(1) * MINUTE;
        // The leading columns of the key. The cast keeps a sum a BIGINT on both engines.
        let sql = "SELECT minute / $4 * $4 AS at, route, environment, outcome, CAST(sum(count) AS BIGINT) AS total \
             FROM tallies WHERE secret = $1 AND minute >= $2 AND minute < $3 \
             GROUP BY minute / $4 * $4, route, environment, outcome ORDER BY 1, 2, 3, 4";
        let mut buckets = Vec::new();
        for row in self.query(sql, args![secret, from, to, step]).await? {
            let word = row.text("outcome")?;
            let outcome = OUTCOMES.into_iter().find(|outcome| outcome.as_str() == word);
            buckets.push(Bucket {
                at: row.moment("at")?,
                route: row.parsed("route")?,
                environment: row.parsed("environment")?,
                outcome: outcome.ok_or_else(|| StoreError::damaged("outcome", "is no outcome"))?,
                count: row.int("total")?,
            });
        }
        Ok(buckets)
    }

    /// When and how often a secret was used, wherever.
    ///
    /// # Errors
    /// As any query.
    pub async fn last_used(&self, secret: &str) -> Result<SecretUsage, StoreError> {
        // By the key.
        let sql = "SELECT last_used_at, use_count FROM secret_usage WHERE secret = $1";
        match self.query_one(sql, args![secret]).await? {
            Some(row) => {
                Ok(SecretUsage { last_used_at: row.opt_moment("last_used_at")?, count: row.int("use_count")? })
            }
            None => Ok(SecretUsage::default()),
        }
    }
}

/// Adds counts. Rows are locked table by table and in one order everywhere, so that two nodes that count at once wait for
/// each other and never in a circle.
pub(crate) async fn add(
    conversation: &Conversation,
    at: Timestamp,
    mut rows: Vec<(TallyKey, Drained)>,
) -> Result<(), StoreError> {
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    let minute = at.as_millis() / MINUTE * MINUTE;
    for (key, drained) in &rows {
        add_minute(conversation, minute, key, drained).await?;
    }
    // By the key. A use is never forgotten and never put later: the greater moment stays.
    let sql = "INSERT INTO binding_usage (secret, route, environment, last_used_at, use_count) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (secret, route, environment) DO UPDATE SET use_count = binding_usage.use_count + excluded.use_count, \
         last_used_at = CASE WHEN binding_usage.last_used_at >= excluded.last_used_at OR excluded.last_used_at IS NULL \
         THEN binding_usage.last_used_at ELSE excluded.last_used_at END";
    let mut secrets = BTreeMap::<&str, (SecretUsage, Option<Timestamp>)>::new();
    for (key, drained) in &rows {
        let (secret, total) = (key.secret.as_str(), total(drained));
        let args = args![secret, key.route.as_str(), key.environment.as_str(), drained.last_used, total];
        conversation.execute(sql, args).await?;
        let (all, dead_since) = secrets.entry(secret).or_default();
        if drained.of(Outcome::Rejected) > 0 {
            *dead_since = Some(at);
        }
        all.count = all.count.saturating_add(total);
        all.last_used_at = all.last_used_at.max(drained.last_used);
    }
    // By the key. The earlier moment of death stays, and nothing takes it back: a new value is a new secret.
    let sql = "INSERT INTO secret_usage (secret, last_used_at, use_count, dead_since) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (secret) DO UPDATE SET use_count = secret_usage.use_count + excluded.use_count, \
         last_used_at = CASE WHEN secret_usage.last_used_at >= excluded.last_used_at OR excluded.last_used_at IS NULL \
         THEN secret_usage.last_used_at ELSE excluded.last_used_at END, \
         dead_since = CASE WHEN secret_usage.dead_since <= excluded.dead_since OR excluded.dead_since IS NULL \
         THEN secret_usage.dead_since ELSE excluded.dead_since END";
    for (secret, (all, dead_since)) in secrets {
        conversation.execute(sql, args![secret, all.last_used_at, all.count, dead_since]).await?;
    }
    Ok(())
}

async fn add_minute(
    conversation: &Conversation,
    minute: i64,
    key: &TallyKey,
    drained: &Drained,
) -> Result<(), StoreError> {
    let (secret, route, environment) = (key.secret.as_str(), key.route.as_str(), key.environment.as_str());
    for (outcome, count) in OUTCOMES.into_iter().zip(drained.counts).filter(|(_, count)| *count > 0) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        // By the key.
        let sql = "INSERT INTO tallies (secret, minute, route, environment, outcome, count) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (secret, minute, route, environment, outcome) DO UPDATE SET count = tallies.count + excluded.count";
        conversation.execute(sql, args![secret, minute, route, environment, outcome.as_str(), count]).await?;
    }
    Ok(())
}

fn total(drained: &Drained) -> i64 {
    drained.counts.iter().fold(0, |sum, count| sum.saturating_add(i64::try_from(*count).unwrap_or(i64::MAX)))
}

pub(crate) async fn forget(conversation: &Conversation, before: Timestamp) -> Result<(), StoreError> {
    // tallies_minute.
    conversation.execute("DELETE FROM tallies WHERE minute < $1", args![before]).await.map(drop)
}
