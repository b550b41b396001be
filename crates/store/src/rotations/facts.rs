//! What the database knows about a rotation beside its log: everything that its next step is decided by.

use std::collections::BTreeSet;

use model::rotation::{CountRow, Facts, Fleet, Rotation, Spot, Summary};
use model::route::RouteSpec;
use model::secret::Secret;
use model::snapshot::{SIGNS, TrialDrained};
use model::time::Timestamp;

use super::counts::COLUMNS;
use crate::backend::args;
use crate::error::StoreError;
use crate::transaction::ReadTx;

/// How counts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Each route by itself, for people.
    ByRoute,
    /// All routes to one upstream together, for the verdict: a secret may stand in hundreds of routes, and it is looked at
    /// every second. The route of a row is then any of them.
    Summed,
}

impl ReadTx {
    /// The nodes, and the clock of the database.
    ///
    /// # Errors
    /// As any query.
    pub async fn fleet(&self) -> Result<Fleet, StoreError> {
        Ok(Fleet {
            nodes: self.nodes().await?,
            now: self.now().await?,
            incarnation: self.position().incarnation.clone(),
        })
    }

    /// What the database knows about a rotation beside its log. `lately` is the moment from which on a promotion of another
    /// rotation still matters.
    ///
    /// # Errors
    /// As any query.
    pub async fn rotation_facts(
        &self,
        rotation: &Rotation,
        lately: Timestamp,
        detail: Detail,
    ) -> Result<Facts, StoreError> {
        let (outgoing, incoming) = (rotation.outgoing.as_str(), rotation.incoming.as_str());
        let mut specs = self.routes_naming(outgoing).await?;
        for row in self.routes_naming(incoming).await? {
            if specs.iter().all(|other| other.spec.name != row.spec.name) {
                specs.push(row);
            }
        }
        let specs: Vec<RouteSpec> = specs.into_iter().map(|row| row.spec).collect();
        let sibling = match &rotation.plan.after {
            Some(first) => self.rotation_row(first).await?,
            None => None,
        };
        Ok(Facts {
            outgoing: self.secret_alone(outgoing).await?,
            incoming: self.secret_alone(incoming).await?,
            counts: self.rotation_counts(&rotation.id, rotation.started_at, detail).await?,
            outgoing_used: self.binding_uses(outgoing).await?,
            open: self.open_uses(outgoing).await?,
            sibling,
            others: self.others(rotation, &specs, lately).await?,
            specs,
        })
    }

    /// The row of a rotation.
    ///
    /// # Errors
    /// As any query.
    pub async fn rotation_row(&self, id: &str) -> Result<Option<Summary>, StoreError> {
        // By the key.
        let sql = format!("SELECT {} FROM rotations t WHERE t.id = $1", crate::seals::ROTATIONS.select("t"));
        self.query_one(&sql, args![id]).await?.map(|row| self.sealed_rotation(&row)).transpose()
    }

    /// What gateways counted from the moment on, by time.
    ///
    /// # Errors
    /// As any query.
    pub async fn rotation_counts(
        &self,
        id: &str,
        from: Timestamp,
        detail: Detail,
    ) -> Result<Vec<CountRow>, StoreError> {
        let (route, group) = match detail {
            Detail::ByRoute => ("route", ", route"),
            Detail::Summed => ("min(route) AS route", ""),
        };
        let sums = COLUMNS.iter().map(|column| format!("CAST(sum({column}) AS BIGINT) AS {column}"));
        // The leading column of the key.
        let sql = format!(
            "SELECT environment, upstream, {route}, at, max(needed_at) AS needed_at, {} FROM rotation_counts \
             WHERE rotation = $1 AND at >= $2 GROUP BY at, environment, upstream{group} \
             ORDER BY at, environment, upstream{group}",
            sums.collect::<Vec<_>>().join(", ")
        );
        // A second or minute that the moment is in has begun before it.
        let from = from.as_millis() / 60_000 * 60_000;
        let mut found = Vec::new();
        for row in self.query(&sql, args![id, from]).await? {
            let mut counted = TrialDrained { counts: [0; SIGNS.len()], needed_at: row.opt_moment("needed_at")? };
            for (count, column) in counted.counts.iter_mut().zip(COLUMNS) {
                *count = u64::try_from(row.int(column)?).unwrap_or(0);
            }
            found.push(CountRow {
                environment: row.parsed("environment")?,
                upstream: row.text("upstream")?.to_owned(),
                route: row.parsed("route")?,
                at: row.moment("at")?,
                counted,
            });
        }
        Ok(found)
    }

    async fn secret_alone(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        Ok(self.secret(name).await?.map(|row| row.secret))
    }

    async fn binding_uses(&self, secret: &str) -> Result<Vec<(Spot, Timestamp)>, StoreError> {
        // The leading column of the key.
        let sql = "SELECT route, environment, last_used_at FROM binding_usage \
             WHERE secret = $1 AND last_used_at IS NOT NULL ORDER BY route, environment";
        let rows = self.query(sql, args![secret]).await?;
        let read = |row: &crate::backend::Row| {
            let spot = Spot { route: row.parsed("route")?, environment: row.parsed("environment")? };
            Ok((spot, row.moment("last_used_at")?))
        };
        rows.iter().map(read).collect()
    }

    async fn open_uses(&self, secret: &str) -> Result<Vec<(String, u64)>, StoreError> {
        // open_uses_secret.
        let rows = self.query("SELECT node, count FROM open_uses WHERE secret = $1", args![secret]).await?;
        rows.iter()
            .map(|row| Ok((row.text("node")?.to_owned(), u64::try_from(row.int("count")?).unwrap_or(0))))
            .collect()
    }

    /// Other rotations of secrets that the same routes name.
    async fn others(
        &self,
        rotation: &Rotation,
        specs: &[RouteSpec],
        lately: Timestamp,
    ) -> Result<Vec<Summary>, StoreError> {
        let named: BTreeSet<_> =
            specs.iter().flat_map(model::route::references).map(|reference| reference.secret).collect();
        let others = named.iter().filter(|name| **name != rotation.outgoing && **name != rotation.incoming);
        let mut found: Vec<Summary> = Vec::new();
        for name in others {
            // rotations_outgoing, rotations_incoming.
            let sql = format!(
                "SELECT {} FROM rotations t WHERE (t.outgoing = $1 OR t.incoming = $1) AND t.id <> $2 \
                 AND (t.live = 1 OR t.cut_over_at >= $3) ORDER BY t.id",
                crate::seals::ROTATIONS.select("t")
            );
            for row in self.query(&sql, args![name.as_str(), &rotation.id, lately]).await? {
                let row = self.sealed_rotation(&row)?;
                if found.iter().all(|other| other.id != row.id) {
                    found.push(row);
                }
            }
        }
        Ok(found)
    }
}
