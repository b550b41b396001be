//! Secrets: what is known about them, and their values as sealed bytes.

mod list;
mod row;
mod write;

use std::collections::BTreeMap;

use model::name::{EnvironmentName, RouteName, SecretName};
use model::schedule::{Due, due};
use model::secret::Secret;
use model::time::Timestamp;

pub use list::{SecretFilter, SecretSort, SortKey};
pub(crate) use row::{SEALED, sealed};
pub(crate) use write::json;

use crate::backend::{Val, args};
use crate::error::StoreError;
use crate::transaction::ReadTx;

/// A value as the envelope sealed it. Nothing in here opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which way of sealing.
    pub format: i64,
    /// The data key's id; never used for another secret.
    pub dek_id: String,
    /// The key that wraps the data key.
    pub kek_id: String,
    /// The data key, wrapped; bound to the limits.
    pub wrapped_dek: Vec<u8>,
    /// The value, sealed; bound to id, name and data key.
    pub ciphertext: Vec<u8>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").field("dek_id", &self.dek_id).field("kek_id", &self.kek_id).finish_non_exhaustive()
    }
}

/// A data key wrapped anew: under another key, or bound to other limits. The value stays as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Rebound {
    /// The key that wraps the data key.
    pub kek_id: String,
    /// The data key, wrapped.
    pub wrapped_dek: Vec<u8>,
}

/// A secret with its sealed value.
#[derive(Debug, Clone)]
pub struct SealedSecret {
    /// What is known about it.
    pub secret: Secret,
    /// Its value.
    pub sealed: Sealed,
}

/// A secret as lists and pages show it.
#[derive(Debug, Clone)]
pub struct SecretRow {
    /// What is known about it.
    pub secret: Secret,
    /// Its latest successor.
    pub superseded_by: Option<SecretName>,
    /// The live rotation that it is a part of; the latest where there are several.
    pub rotation: Option<String>,
    /// When it was last sent.
    pub last_used_at: Option<Timestamp>,
    /// How often it was sent.
    pub use_count: i64,
    /// When an upstream was first seen to call it dead.
    pub dead_since: Option<Timestamp>,
    /// Where it takes effect, sorted.
    pub bindings: Vec<Binding>,
}

impl SecretRow {
    /// When it should have been replaced, and why then.
    #[must_use]
    pub fn due(&self) -> Option<Due> {
        due(&self.secret, self.dead_since)
    }
}

/// A place where a secret takes effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    /// The route.
    pub route: RouteName,
    /// The environment.
    pub environment: EnvironmentName,
}

impl ReadTx {
    /// A secret by name, deleted ones included.
    ///
    /// # Errors
    /// As any query.
    pub async fn secret(&self, name: &str) -> Result<Option<SecretRow>, StoreError> {
        // Secrets and usage by their keys, the successor by secrets_successor_of.
        let sql = format!("{} WHERE s.name = $1", row::SELECT);
        let rows = self.query(&sql, args![name]).await?;
        Ok(self.with_bindings(&rows).await?.into_iter().next())
    }

    /// A secret with its sealed value; `None` for an unknown or a deleted one.
    ///
    /// # Errors
    /// As any query.
    pub async fn sealed_secret(&self, name: &str) -> Result<Option<SealedSecret>, StoreError> {
        // By the key.
        let sql = format!("SELECT {} FROM secrets s WHERE s.name = $1 AND s.state = 'active'", row::SEALED);
        self.query_one(&sql, args![name]).await?.as_ref().map(row::sealed).transpose()
    }

    /// Active secrets with their sealed values, by name: at most `limit` after the name `after`. A row that cannot be
    /// read, because it was changed outside Keyroll, stands with its name alone.
    ///
    /// # Errors
    /// As any query.
    pub async fn sealed_secrets(
        &self,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Option<SealedSecret>)>, StoreError> {
        // The key, in its order.
        let sql = format!(
            "SELECT {} FROM secrets s WHERE s.name > $1 AND s.state = 'active' ORDER BY s.name LIMIT $2",
            row::SEALED
        );
        let rows = self.query(&sql, args![after, i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
        rows.iter().map(|row| Ok((row.text("name")?.to_owned(), row::sealed(row).ok()))).collect()
    }

    /// All names that are taken, deleted secrets' included, sorted: for suggestions and checks.
    ///
    /// # Errors
    /// As any query.
    pub async fn secret_names(&self) -> Result<Vec<SecretName>, StoreError> {
        // The key, in its order.
        let rows = self.query("SELECT name FROM secrets ORDER BY name", args![]).await?;
        rows.iter().map(|row| row.parsed("name")).collect()
    }

    /// Secrets whose data key is wrapped by another key than `kek_id`, by name: at most `limit` after the name `after`,
    /// for rewrapping in steps. A row that cannot be read stands with its name alone.
    ///
    /// # Errors
    /// As any query.
    pub async fn secrets_not_wrapped_by(
        &self,
        kek_id: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Option<SealedSecret>)>, StoreError> {
        // Two ranges of secrets_kek_id, below and above.
        let sql = format!(
            "SELECT {} FROM secrets s WHERE (s.kek_id < $1 OR s.kek_id > $1) AND s.name > $2 ORDER BY s.name LIMIT $3",
            row::SEALED
        );
        let rows = self.query(&sql, args![kek_id, after, i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
        rows.iter().map(|row| Ok((row.text("name")?.to_owned(), row::sealed(row).ok()))).collect()
    }

    /// How many secrets each key wraps, by the key's id; a keyring without one of them cannot open everything.
    ///
    /// # Errors
    /// As any query.
    pub async fn secrets_by_kek(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        // secrets_kek_id alone.
        let sql = "SELECT kek_id, COUNT(*) AS wrapped FROM secrets WHERE kek_id IS NOT NULL GROUP BY kek_id";
        let rows = self.query(sql, args![]).await?;
        rows.iter().map(|row| Ok((row.text("kek_id")?.to_owned(), row.int("wrapped")?))).collect()
    }

    async fn with_bindings(&self, rows: &[crate::backend::Row]) -> Result<Vec<SecretRow>, StoreError> {
        let mut found: Vec<SecretRow> = rows.iter().map(row::secret_row).collect::<Result<_, _>>()?;
        if found.is_empty() {
            return Ok(found);
        }
        let names: Vec<Val> = found.iter().map(|row| Val::from(row.secret.name.as_str())).collect();
        let places: Vec<String> = (1..=names.len()).map(|number| format!("${number}")).collect();
        // The leading column of the key.
        let sql = format!(
            "SELECT DISTINCT secret, route, environment FROM route_references \
             WHERE secret IN ({}) AND environment <> '' ORDER BY secret, route, environment",
            places.join(", ")
        );
        let mut bindings: BTreeMap<SecretName, Vec<Binding>> = BTreeMap::new();
        for row in self.query(&sql, names).await? {
            let binding = Binding { route: row.parsed("route")?, environment: row.parsed("environment")? };
            bindings.entry(row.parsed("secret")?).or_default().push(binding);
        }
        for row in &mut found {
            row.bindings = bindings.remove(&row.secret.name).unwrap_or_default();
        }
        Ok(found)
    }
}
