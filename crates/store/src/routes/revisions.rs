//! Every state that a route was in.

use model::route::RouteSpec;
use model::time::Timestamp;

use crate::backend::{Row, args};
use crate::error::StoreError;
use crate::page::{Listed, Page};
use crate::seals::ROUTE_REVISIONS;
use crate::transaction::ReadTx;

/// One state of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRevision {
    /// Counts the states of this name, from 1.
    pub number: i64,
    /// When it began.
    pub at: Timestamp,
    /// Who made it.
    pub actor: String,
    /// By what: `create`, `update`, `replace-secret`, `roll-back`, `delete`.
    pub action: String,
    /// What was written; `None` for a deletion.
    pub spec: Option<RouteSpec>,
}

impl ReadTx {
    /// One page of a route's states, the latest first; those before a deletion included.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`]; else as any query.
    pub async fn route_revisions(&self, route: &str, page: &Page) -> Result<Listed<RouteRevision>, StoreError> {
        let below = page.after_number()?.unwrap_or(i64::MAX);
        // The key, backwards.
        let sql = "SELECT number, at, actor, action, spec FROM route_revisions WHERE route = $1 AND number < $2 \
             ORDER BY number DESC LIMIT $3";
        let rows = self.query(sql, args![route, below, page.fetch()]).await?;
        let found = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(page.cut(found, |revision| revision.number.to_string()))
    }

    /// One state of a route.
    ///
    /// # Errors
    /// As any query.
    pub async fn route_revision(&self, route: &str, number: i64) -> Result<Option<RouteRevision>, StoreError> {
        // By the key.
        let sql = format!(
            "SELECT {} FROM route_revisions r WHERE r.route = $1 AND r.number = $2",
            ROUTE_REVISIONS.select("r")
        );
        let Some(row) = self.query_one(&sql, args![route, number]).await? else { return Ok(None) };
        self.check_seal(&ROUTE_REVISIONS, &row)?;
        read(&row).map(Some)
    }
}

fn read(row: &Row) -> Result<RouteRevision, StoreError> {
    Ok(RouteRevision {
        number: row.int("number")?,
        at: row.moment("at")?,
        actor: row.text("actor")?.to_owned(),
        action: row.text("action")?.to_owned(),
        spec: row.opt_json("spec")?,
    })
}
