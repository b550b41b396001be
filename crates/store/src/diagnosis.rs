//! What somebody asks who wants to know why a route fails: its answers, and since when it is as it is.

use model::name::EnvironmentName;
use model::time::Timestamp;
use model::usage::{OUTCOMES, Outcome};

use crate::backend::args;
use crate::error::StoreError;
use crate::transaction::ReadTx;

/// Counts are kept by the minute.
const MINUTE: i64 = 60_000;

/// How often a secret's uses through one route ended so, in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// In which environment.
    pub environment: EnvironmentName,
    /// How they ended.
    pub outcome: Outcome,
    /// How many.
    pub count: i64,
    /// The first minute that has one.
    pub first: Timestamp,
    /// The last minute that has one.
    pub last: Timestamp,
}

impl ReadTx {
    /// The uses of a secret through one route, in the minutes from that of `from` up to that of `to`, which counts too.
    ///
    /// # Errors
    /// As any query.
    pub async fn answers(
        &self,
        secret: &str,
        route: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Answered>, StoreError> {
        let minute = |at: Timestamp| at.as_millis() / MINUTE * MINUTE;
        // One look by the leading columns of the key for each minute: a secret may be used by thousands of other routes,
        // which a range of minutes would lead through. CROSS keeps SQLite in that order.
        let sql = "WITH RECURSIVE minutes (minute) AS (SELECT CAST($3 AS BIGINT) \
             UNION ALL SELECT minute + 60000 FROM minutes WHERE minute + 60000 <= $4) \
             SELECT t.environment, t.outcome, CAST(sum(t.count) AS BIGINT) AS total, min(t.minute) AS first_minute, \
             max(t.minute) AS last_minute FROM minutes m CROSS JOIN tallies t \
             WHERE t.secret = $1 AND t.minute = m.minute AND t.route = $2 \
             GROUP BY t.environment, t.outcome ORDER BY 1, 2";
        let mut found = Vec::new();
        for row in self.query(sql, args![secret, route, minute(from), minute(to)]).await? {
            let word = row.text("outcome")?;
            let outcome = OUTCOMES.into_iter().find(|outcome| outcome.as_str() == word);
            found.push(Answered {
                environment: row.parsed("environment")?,
                outcome: outcome.ok_or_else(|| StoreError::damaged("outcome", "is no outcome"))?,
                count: row.int("total")?,
                first: row.moment("first_minute")?,
                last: row.moment("last_minute")?,
            });
        }
        Ok(found)
    }

    /// When a secret was last sent through one route, by environment.
    ///
    /// # Errors
    /// As any query.
    pub async fn last_sent(&self, secret: &str, route: &str) -> Result<Vec<(EnvironmentName, Timestamp)>, StoreError> {
        // The leading columns of the key.
        let sql = "SELECT environment, last_used_at FROM binding_usage \
             WHERE secret = $1 AND route = $2 AND last_used_at IS NOT NULL ORDER BY environment";
        let rows = self.query(sql, args![secret, route]).await?;
        rows.iter().map(|row| Ok((row.parsed("environment")?, row.moment("last_used_at")?))).collect()
    }

    /// The revision since which a route is as it is, its secrets included; `None` where there is no such route.
    ///
    /// # Errors
    /// As any query.
    pub async fn route_stands_since(&self, route: &str) -> Result<Option<i64>, StoreError> {
        // The route by its key; references by route_references_route, secrets by theirs.
        let sql = "SELECT r.changed AS route, coalesce((SELECT max(s.changed) FROM route_references f \
             JOIN secrets s ON s.name = f.secret WHERE f.route = r.name), 0) AS secrets FROM routes r WHERE r.name = $1";
        let row = self.query_one(sql, args![route]).await?;
        row.map(|row| Ok(row.int("route")?.max(row.int("secrets")?))).transpose()
    }
}
