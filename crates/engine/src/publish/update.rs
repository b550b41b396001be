//! Reads what is new, in one consistent look.

use std::collections::{BTreeSet, HashSet};

use model::environment::Environment;
use model::name::SecretName;
use model::rotation::Summary;
use model::route::RouteSpec;
use store::{ClientKeys, Position, ReadTx, SealedSecret, StoreError, Tombstone, TombstoneKind};

use super::index::{Use, uses};
use super::world::{Trail, World};
use crate::standing::Suspects;
use crate::supervise::blocking;

/// What is new since the world was last brought up to date.
pub(super) struct Update {
    pub(super) position: Position,
    pub(super) trail: Trail,
    pub(super) suspects: Suspects,
    /// Secrets whose rows changed, and those that a route has begun to name.
    pub(super) secrets: Vec<SealedSecret>,
    /// Secrets whose rows are there and cannot be read.
    pub(super) unreadable: BTreeSet<SecretName>,
    pub(super) routes: Vec<(RouteSpec, BTreeSet<Use>)>,
    pub(super) environments: Vec<Environment>,
    pub(super) clients: Vec<ClientKeys>,
    /// Rotations that changed.
    pub(super) rotations: Vec<Summary>,
    /// What no longer exists or can no longer be read.
    pub(super) gone: Vec<Tombstone>,
}

impl Update {
    /// Reads what changed since the state of `world`; everything where there is none.
    pub(super) async fn read(tx: &ReadTx, world: Option<&World>, suspects: Suspects) -> Result<Self, StoreError> {
        let changes = tx.changes_since(world.map_or(0, World::revision)).await?;
        for damage in &changes.damaged {
            let (kind, name) = (damage.of.kind, damage.of.name.as_str());
            tracing::error!(?kind, ?name, column = %damage.column, problem = damage.problem,
                "a stored row was changed outside Keyroll and cannot be read; it is not served");
        }
        let routes = blocking(move || {
            let specs = changes.routes.into_iter().map(|row| row.spec);
            specs.map(|spec| (uses(&spec), spec)).map(|(uses, spec)| (spec, uses)).collect::<Vec<_>>()
        });
        let unreadable = changes.damaged.iter().filter(|damage| damage.of.kind == TombstoneKind::Secret);
        let mut update = Self {
            unreadable: unreadable.filter_map(|damage| damage.of.name.parse().ok()).collect(),
            routes: routes.await,
            trail: Trail {
                sequence: changes.position.audit_size,
                leaf: tx.audit_leaf(changes.position.audit_size).await?,
            },
            position: changes.position,
            suspects,
            secrets: changes.secrets,
            environments: changes.environments,
            clients: changes.clients,
            rotations: changes.rotations,
            gone: changes.gone,
        };
        if let Some(world) = world {
            update.read_others(tx, world).await?;
        }
        Ok(update)
    }

    /// Reads the rows of secrets that did not change but are needed now. Since revision 0 there are none.
    async fn read_others(&mut self, tx: &ReadTx, world: &World) -> Result<(), StoreError> {
        let begun = self.routes.iter().flat_map(|(_, uses)| uses).map(|(secret, _)| secret);
        let needed = self.rotations.iter().filter(|rotation| !rotation.traffic.is_empty());
        let needed = needed.flat_map(|rotation| [&rotation.outgoing, &rotation.incoming]);
        let begun = begun.chain(needed).filter(|secret| !world.holds(secret));
        let mut wanted: BTreeSet<SecretName> = begun.chain(world.recovered(&self.suspects)).cloned().collect();
        let read: HashSet<&SecretName> = self.secrets.iter().map(|row| &row.secret.name).collect();
        wanted.retain(|name| !read.contains(name));
        for Tombstone { name, .. } in self.gone.iter().filter(|gone| gone.kind == TombstoneKind::Secret) {
            wanted.remove(name.as_str());
        }
        for name in wanted {
            match tx.sealed_secret(name.as_str()).await {
                Ok(row) => self.secrets.extend(row),
                Err(StoreError::Damaged { column, problem }) => {
                    tracing::error!(secret = %name, column, problem,
                        "a stored secret was changed outside Keyroll and cannot be read; it is not used");
                    self.unreadable.insert(name);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
