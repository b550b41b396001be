//! Where secrets are named.

use model::name::{EnvironmentName, RouteName};
use model::time::Timestamp;

use crate::backend::args;
use crate::error::StoreError;
use crate::transaction::ReadTx;

/// One mention of a secret in a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceRow {
    /// The route.
    pub route: RouteName,
    /// Where it takes effect; `None` for a mention in the base that no environment inherits.
    pub environment: Option<EnvironmentName>,
    /// The member that holds it: `inject.headers.Authorization`.
    pub field: String,
    /// Whether traffic can use it.
    pub enabled: bool,
    /// When the secret was last sent through this route and environment.
    pub last_used_at: Option<Timestamp>,
}

impl ReadTx {
    /// All mentions of a secret, by route, environment and field.
    ///
    /// # Errors
    /// As any query.
    pub async fn references(&self, secret: &str) -> Result<Vec<ReferenceRow>, StoreError> {
        // The leading column of route_references' key; usage by its key.
        let sql = "SELECT r.route, r.environment, r.field, u.last_used_at FROM route_references r \
             LEFT JOIN binding_usage u ON u.secret = r.secret AND u.route = r.route AND u.environment = r.environment \
             WHERE r.secret = $1 ORDER BY r.route, r.environment, r.field";
        let mut found = Vec::new();
        for row in self.query(sql, args![secret]).await? {
            let environment = match row.text("environment")? {
                "" => None,
                _ => Some(row.parsed("environment")?),
            };
            found.push(ReferenceRow {
                route: row.parsed("route")?,
                field: row.text("field")?.to_owned(),
                enabled: environment.is_some(),
                environment,
                last_used_at: row.opt_moment("last_used_at")?,
            });
        }
        Ok(found)
    }

    /// How many mentions of a secret there are.
    ///
    /// # Errors
    /// As any query.
    pub async fn count_references(&self, secret: &str) -> Result<usize, StoreError> {
        // The leading column of route_references' key.
        let sql = "SELECT count(*) AS n FROM route_references WHERE secret = $1";
        let count = self.query_one(sql, args![secret]).await?.map_or(Ok(0), |row| row.int("n"))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }
}
