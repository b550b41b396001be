//! How routes are made, replaced and deleted, with all that is derived from them.

use std::collections::BTreeSet;

use model::name::SecretName;
use model::route::{RouteSpec, references};
use model::time::Timestamp;

use crate::backend::args;
use crate::error::StoreError;
use crate::seals::{ROUTE_REVISIONS, ROUTES};
use crate::secrets::json;
use crate::tombstones::TombstoneKind;
use crate::transaction::WriteTx;

impl WriteTx {
    /// Stores a new route. The answer is its version.
    ///
    /// # Errors
    /// [`crate::Rule::Taken`] where the name or a host is in use, [`crate::Rule::SecretNotFound`] where a secret is
    /// missing or deleted, [`crate::Rule::ForeignKey`] where an environment does not exist.
    pub async fn insert_route(&mut self, spec: &RouteSpec, now: Timestamp) -> Result<i64, StoreError> {
        let text = json(spec)?;
        let version = self.next_number(spec.name.as_str()).await?;
        let sql =
            "INSERT INTO routes (name, spec, created_at, updated_at, version, changed) VALUES ($1, $2, $3, $3, $4, $5)";
        self.execute(sql, args![spec.name.as_str(), &text, now, version, self.next_revision()]).await?;
        self.seal_row(&ROUTES, args![spec.name.as_str()]).await?;
        self.unbury(TombstoneKind::Route, spec.name.as_str()).await?;
        self.derive(spec, now).await?;
        self.append_revision(spec.name.as_str(), version, now, "create", Some(text)).await?;
        Ok(version)
    }

    /// Replaces a route; `action` says by what: `update`, `replace-secret`, `roll-back`. The answer is its version.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown one; else as [`Self::insert_route`].
    pub async fn update_route(&mut self, spec: &RouteSpec, action: &str, now: Timestamp) -> Result<i64, StoreError> {
        let name = spec.name.as_str();
        let text = json(spec)?;
        let version = self.next_number(name).await?;
        // By the key.
        let sql = "UPDATE routes SET spec = $2, updated_at = $3, version = $4, changed = $5 WHERE name = $1";
        self.change("the route", sql, args![name, &text, now, version, self.next_revision()]).await?;
        self.seal_row(&ROUTES, args![name]).await?;
        self.underive(name, now).await?;
        self.derive(spec, now).await?;
        self.append_revision(name, version, now, action, Some(text)).await?;
        Ok(version)
    }

    /// Deletes a route. Its revisions stay.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown one.
    pub async fn delete_route(&mut self, name: &str, now: Timestamp) -> Result<(), StoreError> {
        let version = self.next_number(name).await?;
        self.underive(name, now).await?;
        // By the key.
        self.change("the route", "DELETE FROM routes WHERE name = $1", args![name]).await?;
        self.bury(TombstoneKind::Route, name).await?;
        self.append_revision(name, version, now, "delete", None).await
    }

    async fn next_number(&self, route: &str) -> Result<i64, StoreError> {
        // The end of the key's range.
        let sql = "SELECT coalesce(max(number), 0) + 1 AS n FROM route_revisions WHERE route = $1";
        self.query_one(sql, args![route]).await?.map_or(Ok(1), |row| row.int("n"))
    }

    async fn append_revision(
        &self,
        route: &str,
        number: i64,
        at: Timestamp,
        action: &str,
        spec: Option<String>,
    ) -> Result<(), StoreError> {
        let mut columns = args![route, number, at, self.actor(), action, spec];
        columns.push(self.seal_of(&ROUTE_REVISIONS, &columns)?);
        let sql = "INSERT INTO route_revisions (route, number, at, actor, action, spec, seal) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)";
        self.execute(sql, columns).await.map(drop)
    }

    /// Writes what follows from the specification, and notes that its secrets are named.
    async fn derive(&mut self, spec: &RouteSpec, now: Timestamp) -> Result<(), StoreError> {
        let route = spec.name.as_str();
        let mut secrets = BTreeSet::new();
        for reference in references(spec) {
            let environment = reference.environment.as_ref().map_or("", |name| name.as_str());
            let sql = "INSERT INTO route_references (secret, route, environment, field) VALUES ($1, $2, $3, $4)";
            self.execute(sql, args![reference.secret.as_str(), route, environment, &reference.field]).await?;
            secrets.insert(reference.secret);
        }
        self.touch_last_referenced(&secrets, now).await?;
        for environment in spec.environments.keys() {
            let sql = "INSERT INTO route_environments (environment, route) VALUES ($1, $2)";
            self.execute(sql, args![environment.as_str(), route]).await?;
        }
        let hosts: BTreeSet<String> = spec.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        for host in hosts {
            self.execute("INSERT INTO route_hosts (host, route) VALUES ($1, $2)", args![host, route]).await?;
        }
        Ok(())
    }

    /// Removes what followed from the specification before, and notes until when its secrets were named.
    async fn underive(&mut self, route: &str, now: Timestamp) -> Result<(), StoreError> {
        // route_references_route.
        let rows = self.query("SELECT DISTINCT secret FROM route_references WHERE route = $1", args![route]).await?;
        let secrets: BTreeSet<SecretName> = rows.iter().map(|row| row.parsed("secret")).collect::<Result<_, _>>()?;
        self.touch_last_referenced(&secrets, now).await?;
        // route_references_route, route_environments_route, route_hosts_route.
        self.execute("DELETE FROM route_references WHERE route = $1", args![route]).await?;
        self.execute("DELETE FROM route_environments WHERE route = $1", args![route]).await?;
        self.execute("DELETE FROM route_hosts WHERE route = $1", args![route]).await.map(drop)
    }
}
