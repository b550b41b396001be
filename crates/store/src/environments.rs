//! Environments.

use model::environment::Environment;

use crate::backend::{Row, args};
use crate::error::StoreError;
use crate::seals::ENVIRONMENTS;
use crate::tombstones::TombstoneKind;
use crate::transaction::{ReadTx, WriteTx};

/// Something that names an environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvironmentUse {
    /// `route`, `client` or `secret`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl ReadTx {
    /// All environments, by rank, then by name.
    ///
    /// # Errors
    /// As any query.
    pub async fn environments(&self) -> Result<Vec<Environment>, StoreError> {
        // The whole table: there are few.
        let sql = format!("SELECT {} FROM environments e ORDER BY e.rank, e.name", ENVIRONMENTS.select("e"));
        self.query(&sql, args![]).await?.iter().map(|row| self.sealed_environment(row)).collect()
    }

    /// An environment by name.
    ///
    /// # Errors
    /// As any query.
    pub async fn environment(&self, name: &str) -> Result<Option<Environment>, StoreError> {
        // By the key.
        let sql = format!("SELECT {} FROM environments e WHERE e.name = $1", ENVIRONMENTS.select("e"));
        self.query_one(&sql, args![name]).await?.map(|row| self.sealed_environment(&row)).transpose()
    }

    pub(crate) fn sealed_environment(&self, row: &Row) -> Result<Environment, StoreError> {
        self.check_seal(&ENVIRONMENTS, row)?;
        read(row)
    }

    /// What names the environment: routes served there, clients, and active secrets limited to it. At most 100.
    ///
    /// # Errors
    /// As any query.
    pub async fn environment_uses(&self, name: &str) -> Result<Vec<EnvironmentUse>, StoreError> {
        // Keys of route_environments and secret_labels; clients by a scan. A name is a slug, so that in a JSON list
        // its quoted form stands for nothing else.
        let sql = "SELECT 'route' AS kind, route AS name FROM route_environments WHERE environment = $1 \
             UNION ALL SELECT 'client' AS kind, name FROM clients WHERE environments LIKE $2 ESCAPE '\\' \
             UNION ALL SELECT 'secret' AS kind, l.secret AS name FROM secret_labels l JOIN secrets s ON s.name = l.secret \
             WHERE l.kind = 'environment' AND l.label = $1 AND s.state = 'active' ORDER BY 1, 2 LIMIT 100";
        let pattern = format!("%\"{}\"%", name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%"));
        let rows = self.query(sql, args![name, pattern]).await?;
        rows.iter()
            .map(|row| Ok(EnvironmentUse { kind: row.text("kind")?.to_owned(), name: row.text("name")?.to_owned() }))
            .collect()
    }
}

impl WriteTx {
    /// Stores a new environment as version 1. Where it is the default one, no other is any longer.
    ///
    /// # Errors
    /// [`crate::Rule::Taken`] where the name is in use.
    pub async fn insert_environment(&mut self, environment: &Environment) -> Result<(), StoreError> {
        self.only_default(environment).await?;
        let sql = "INSERT INTO environments (name, display_name, rank, protected, is_default, version, changed) \
             VALUES ($1, $2, $3, $4, $5, 1, $6)";
        self.execute(sql, self.environment_columns(environment)).await?;
        self.seal_row(&ENVIRONMENTS, args![environment.name.as_str()]).await?;
        self.unbury(TombstoneKind::Environment, environment.name.as_str()).await
    }

    /// Replaces an environment. Where it is the default one, no other is any longer. The answer is the new version.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown one.
    pub async fn update_environment(&mut self, environment: &Environment) -> Result<i64, StoreError> {
        self.only_default(environment).await?;
        // By the key.
        let sql = "UPDATE environments SET display_name = $2, rank = $3, protected = $4, is_default = $5, changed = $6, \
             version = version + 1 WHERE name = $1 RETURNING version";
        let row = self.query_one(sql, self.environment_columns(environment)).await?;
        let version = row.ok_or(StoreError::Missing("the environment"))?.int("version")?;
        self.seal_row(&ENVIRONMENTS, args![environment.name.as_str()]).await?;
        Ok(version)
    }

    /// Deletes an environment.
    ///
    /// # Errors
    /// [`crate::Rule::ForeignKey`] while a route is served there; [`StoreError::Missing`] for an unknown one.
    /// Ask [`ReadTx::environment_uses`] first: clients and secrets do not hold it.
    pub async fn delete_environment(&mut self, name: &str) -> Result<(), StoreError> {
        // By the key.
        self.change("the environment", "DELETE FROM environments WHERE name = $1", args![name]).await?;
        self.bury(TombstoneKind::Environment, name).await
    }

    async fn only_default(&self, environment: &Environment) -> Result<(), StoreError> {
        if !environment.default {
            return Ok(());
        }
        for other in self.environments().await? {
            if other.default && other.name != environment.name {
                let sql = "UPDATE environments SET is_default = 0, version = version + 1, changed = $2 WHERE name = $1";
                self.execute(sql, args![other.name.as_str(), self.next_revision()]).await?;
                self.seal_row(&ENVIRONMENTS, args![other.name.as_str()]).await?;
            }
        }
        Ok(())
    }

    fn environment_columns(&self, environment: &Environment) -> Vec<crate::backend::Val> {
        args![
            environment.name.as_str(),
            &environment.display_name,
            environment.rank,
            environment.protected,
            environment.default,
            self.next_revision(),
        ]
    }
}

fn read(row: &Row) -> Result<Environment, StoreError> {
    Ok(Environment {
        name: row.parsed("name")?,
        display_name: row.text("display_name")?.to_owned(),
        rank: row.int("rank")?,
        protected: row.truth("protected")?,
        default: row.truth("is_default")?,
        version: row.int("version")?,
    })
}
