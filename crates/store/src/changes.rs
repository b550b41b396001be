//! What publishing reads: everything that changed after a revision, in one consistent look.

use model::environment::Environment;

use crate::backend::args;
use crate::clients::ClientKeys;
use crate::error::StoreError;
use crate::routes::{self, RouteRow};
use crate::secrets::{SEALED, SealedSecret, sealed};
use crate::tombstones::Tombstone;
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
    /// What no longer exists, deleted secrets included.
    pub gone: Vec<Tombstone>,
}

impl ReadTx {
    /// What changed after the revision; since 0, everything.
    ///
    /// # Errors
    /// As any query.
    pub async fn changes_since(&self, revision: i64) -> Result<Changes, StoreError> {
        // secrets_changed.
        let sql = format!("SELECT {SEALED} FROM secrets s WHERE s.changed > $1 AND s.state = 'active' ORDER BY s.name");
        let secrets = self.query(&sql, args![revision]).await?.iter().map(sealed).collect::<Result<_, _>>()?;
        // routes_changed.
        let sql = format!("SELECT {} FROM routes r WHERE r.changed > $1 ORDER BY r.name", routes::COLUMNS);
        let routes = self.query(&sql, args![revision]).await?.iter().map(routes::read).collect::<Result<_, _>>()?;
        Ok(Changes {
            position: self.position().clone(),
            secrets,
            routes,
            environments: self.environments_since(revision).await?,
            clients: self.clients_since(revision).await?,
            gone: self.tombstones_since(revision).await?,
        })
    }
}
