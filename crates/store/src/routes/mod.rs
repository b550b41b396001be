//! Routes, as the specifications that operators wrote.

mod references;
mod revisions;
mod write;

use model::name::{EnvironmentName, RouteName, SecretName};
use model::route::RouteSpec;
use model::time::Timestamp;

pub use references::ReferenceRow;
pub use revisions::RouteRevision;

use crate::backend::{Row, args};
use crate::error::StoreError;
use crate::page::{Conditions, Listed, Page, contains};
use crate::seals::ROUTES;
use crate::transaction::ReadTx;

/// A route as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRow {
    /// What was written.
    pub spec: RouteSpec,
    /// The number of its latest revision; the ETag. It goes on counting when the name of a deleted route is used again.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Which routes. Every member that is given narrows the list.
#[derive(Debug, Clone, Default)]
pub struct RouteFilter {
    /// Part of the name or of anything in the specification, whatever the case.
    pub q: Option<String>,
    /// Served in this environment.
    pub environment: Option<EnvironmentName>,
    /// Naming this secret anywhere.
    pub secret: Option<SecretName>,
}

const COLUMNS: &str = "r.name, r.spec, r.version, r.created_at, r.updated_at";

impl ReadTx {
    /// A route by name.
    ///
    /// # Errors
    /// As any query.
    pub async fn route(&self, name: &str) -> Result<Option<RouteRow>, StoreError> {
        // By the key.
        let sql = format!("SELECT {} FROM routes r WHERE r.name = $1", ROUTES.select("r"));
        self.query_one(&sql, args![name]).await?.map(|row| self.sealed_route(&row)).transpose()
    }

    pub(crate) fn sealed_route(&self, row: &Row) -> Result<RouteRow, StoreError> {
        self.check_seal(&ROUTES, row)?;
        read(row)
    }

    /// One page of the routes that fit, by name, as they are stored: for people to look at, not to act upon.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`]; else as any query.
    pub async fn routes(&self, filter: &RouteFilter, page: &Page) -> Result<Listed<RouteRow>, StoreError> {
        let mut conditions = filter.conditions();
        if let Some(cursor) = &page.cursor {
            let after: RouteName = cursor.parse().map_err(|_| StoreError::BadCursor)?;
            conditions.add("r.name > {}", after.as_str());
        }
        let limit = conditions.bind(page.fetch());
        // The key, in its order; filters by the keys of route_environments and route_references.
        let sql = format!("SELECT {COLUMNS} FROM routes r {} ORDER BY r.name LIMIT {limit}", conditions.sql());
        let rows = self.query(&sql, conditions.args).await?;
        let found = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(page.cut(found, |route| route.spec.name.as_str().to_owned()))
    }

    /// How many routes fit.
    ///
    /// # Errors
    /// As any query.
    pub async fn count_routes(&self, filter: &RouteFilter) -> Result<i64, StoreError> {
        let conditions = filter.conditions();
        // As the list.
        let sql = format!("SELECT count(*) AS n FROM routes r {}", conditions.sql());
        self.query_one(&sql, conditions.args).await?.map_or(Ok(0), |row| row.int("n"))
    }

    /// All routes that name the secret anywhere, by name.
    ///
    /// # Errors
    /// As any query.
    pub async fn routes_naming(&self, secret: &str) -> Result<Vec<RouteRow>, StoreError> {
        // The leading column of route_references' key, then the key of routes.
        let sql = format!(
            "SELECT {} FROM routes r WHERE r.name IN (SELECT route FROM route_references WHERE secret = $1) \
             ORDER BY r.name",
            ROUTES.select("r")
        );
        self.query(&sql, args![secret]).await?.iter().map(|row| self.sealed_route(row)).collect()
    }

    /// All names of routes, sorted.
    ///
    /// # Errors
    /// As any query.
    pub async fn route_names(&self) -> Result<Vec<RouteName>, StoreError> {
        // The key, in its order.
        let rows = self.query("SELECT name FROM routes ORDER BY name", args![]).await?;
        rows.iter().map(|row| row.parsed("name")).collect()
    }

    /// The route that a host selects.
    ///
    /// # Errors
    /// As any query.
    pub async fn route_of_host(&self, host: &str) -> Result<Option<RouteName>, StoreError> {
        // By the key.
        let sql = "SELECT route FROM route_hosts WHERE host = $1";
        self.query_one(sql, args![host.to_ascii_lowercase()]).await?.map(|row| row.parsed("route")).transpose()
    }
}

impl RouteFilter {
    fn conditions(&self) -> Conditions {
        let mut all = Conditions::default();
        if let Some(q) = &self.q {
            all.add("lower(r.spec) LIKE {} ESCAPE '\\'", contains(q));
        }
        if let Some(environment) = &self.environment {
            let served = "EXISTS (SELECT 1 FROM route_environments e WHERE e.environment = {} AND e.route = r.name)";
            all.add(served, environment.as_str());
        }
        if let Some(secret) = &self.secret {
            all.add(
                "EXISTS (SELECT 1 FROM route_references f WHERE f.secret = {} AND f.route = r.name)",
                secret.as_str(),
            );
        }
        all
    }
}

fn read(row: &Row) -> Result<RouteRow, StoreError> {
    Ok(RouteRow {
        spec: row.json("spec")?,
        version: row.int("version")?,
        created_at: row.moment("created_at")?,
        updated_at: row.moment("updated_at")?,
    })
}
