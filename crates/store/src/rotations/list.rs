//! Lists of rotations.

use model::name::{EnvironmentName, SecretName};
use model::rotation::Summary;

use crate::error::StoreError;
use crate::page::{Conditions, Listed, Page};
use crate::seals::ROTATIONS;
use crate::transaction::ReadTx;

/// Which rotations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RotationFilter {
    /// Those in this state.
    pub state: Option<String>,
    /// Those that can still change, or those that cannot.
    pub live: Option<bool>,
    /// Those that this secret is a part of.
    pub secret: Option<SecretName>,
    /// Those that are in or before this environment.
    pub environment: Option<EnvironmentName>,
}

impl ReadTx {
    /// One page of the rotations that fit, the latest first.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`]; else as any query.
    pub async fn rotations(&self, filter: &RotationFilter, page: &Page) -> Result<Listed<Summary>, StoreError> {
        let mut conditions = Conditions::default();
        if let Some(state) = &filter.state {
            conditions.add("t.state = {}", state.as_str());
        }
        if let Some(live) = filter.live {
            conditions.add("t.live = {}", live);
        }
        if let Some(secret) = &filter.secret {
            conditions.add("{} IN (t.outgoing, t.incoming)", secret.as_str());
        }
        if let Some(environment) = &filter.environment {
            conditions.add("t.environment = {}", environment.as_str());
        }
        if let Some(cursor) = &page.cursor {
            let (at, id) = cursor.split_once(':').ok_or(StoreError::BadCursor)?;
            let at: i64 = at.parse().map_err(|_| StoreError::BadCursor)?;
            let (at, id) = (conditions.bind(at), conditions.bind(id));
            conditions.add_plain(&format!("t.started_at < {at} OR (t.started_at = {at} AND t.id < {id})"));
        }
        let limit = conditions.bind(page.fetch());
        // rotations_started_at, backwards.
        let sql = format!(
            "SELECT {} FROM rotations t {} ORDER BY t.started_at DESC, t.id DESC LIMIT {limit}",
            ROTATIONS.select("t"),
            conditions.sql()
        );
        let rows = self.query(&sql, conditions.args).await?;
        let found = rows.iter().map(|row| self.sealed_rotation(row)).collect::<Result<Vec<_>, _>>()?;
        Ok(page.cut(found, |row| format!("{}:{}", row.started_at.as_millis(), row.id)))
    }
}
