//! What publishing reads: everything that changed after a revision, in one consistent look.

use model::environment::Environment;
use model::rotation::Summary;

use crate::backend::{Row, args};
use crate::clients::ClientKeys;
use crate::error::StoreError;
use crate::routes::RouteRow;
use crate::seals::{CLIENTS, ENVIRONMENTS, ROUTES};
use crate::secrets::{SEALED, SealedSecret, sealed};
use crate::tombstones::{Tombstone, TombstoneKind};
use crate::transaction::{Position, ReadTx};

/// What changed after a revision.
///
/// Where the position's incarnation is not the one that the reader knows, the revision that it asked by means nothing:
/// it forgets what it has and asks since 0.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The state that was looked at.
    pub position: Position,
    /// Active secrets.
    pub secrets: Vec<SealedSecret>,
    /// Routes.
    pub routes: Vec<RouteRow>,
    /// Environments.
    pub environments: Vec<Environment>,
    /// Clients, each with all of its keys.
    pub clients: Vec<ClientKeys>,
    /// Rotations; those that have ended have nothing for traffic any more.
    pub rotations: Vec<Summary>,
    /// What no longer exists, deleted secrets and damaged rows included.
    pub gone: Vec<Tombstone>,
    /// Rows that somebody else wrote so that they cannot be read. They count as gone; they are to be reported.
    pub damaged: Vec<Damage>,
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Whose row it is.
    pub of: Tombstone,
    /// The column.
    pub column: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl ReadTx {
    /// What changed after the revision; since 0, everything.
    ///
    /// # Errors
    /// As any query. A row that cannot be read is no error: it must not keep the others from being served.
    pub async fn changes_since(&self, revision: i64) -> Result<Changes, StoreError> {
        // secrets_changed.
        let sql = format!("SELECT {SEALED} FROM secrets s WHERE s.changed > $1 AND s.state = 'active' ORDER BY s.name");
        let secret_rows = self.query(&sql, args![revision]).await?;
        // routes_changed.
        let sql = format!("SELECT {} FROM routes r WHERE r.changed > $1 ORDER BY r.name", ROUTES.select("r"));
        let route_rows = self.query(&sql, args![revision]).await?;
        // environments_changed.
        let sql =
            format!("SELECT {} FROM environments e WHERE e.changed > $1 ORDER BY e.name", ENVIRONMENTS.select("e"));
        let environment_rows = self.query(&sql, args![revision]).await?;
        // clients_changed.
        let sql = format!("SELECT {} FROM clients c WHERE c.changed > $1 ORDER BY c.name", CLIENTS.select("c"));
        let client_rows = self.query(&sql, args![revision]).await?;
        let mut keys = self.client_keys_since(revision).await?;
        let mut damaged = Vec::new();
        let mut changes = Changes {
            position: self.position().clone(),
            secrets: sound(&secret_rows, TombstoneKind::Secret, sealed, &mut damaged)?,
            routes: sound(&route_rows, TombstoneKind::Route, |row| self.sealed_route(row), &mut damaged)?,
            environments: sound(
                &environment_rows,
                TombstoneKind::Environment,
                |row| self.sealed_environment(row),
                &mut damaged,
            )?,
            clients: sound(
                &client_rows,
                TombstoneKind::Client,
                |row| self.sealed_client(row, &mut keys),
                &mut damaged,
            )?,
            rotations: self.rotations_changed_since(revision).await?,
            gone: self.tombstones_since(revision).await?,
            damaged: Vec::new(),
        };
        changes.gone.extend(damaged.iter().map(|damage| damage.of.clone()));
        changes.damaged = damaged;
        Ok(changes)
    }
}

/// Reads rows, and puts those that cannot be read aside.
fn sound<T>(
    rows: &[Row],
    kind: TombstoneKind,
    mut read: impl FnMut(&Row) -> Result<T, StoreError>,
    damaged: &mut Vec<Damage>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        match read(row) {
            Ok(thing) => found.push(thing),
            Err(StoreError::Damaged { column, problem }) => {
                let of = Tombstone { kind, name: row.text("name").unwrap_or("?").to_owned() };
                damaged.push(Damage { of, column, problem });
            }
            Err(StoreError::Tampered { .. }) => {
                let of = Tombstone { kind, name: row.text("name").unwrap_or("?").to_owned() };
                damaged.push(Damage { of, column: "seal".to_owned(), problem: "does not fit the row" });
            }
            Err(other) => return Err(other),
        }
    }
    Ok(found)
}
