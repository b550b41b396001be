//! Follows the revision, and puts each newer state before traffic as a snapshot.

mod callers;
mod index;
#[cfg(test)]
mod tests;
mod trials;
mod update;
mod world;

use std::sync::Arc;

use envelope::{Keyring, OpenError};
use model::secret::SecretValue;
use store::{SealedSecret, StoreError};

use self::update::Update;
use self::world::World;
use crate::Shared;
use crate::freshness::{self, Moment};
use crate::outage::Outage;
use crate::supervise::blocking;

/// Publishes the newest state at each wake; a burst of commits is as many snapshots as there is time for.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut changes = shared.options.store.changes();
    let mut outage = Outage::none("publish");
    let mut world = None;
    loop {
        outage.note(tick(&shared, &mut world).await);
        tokio::select! {
            () = shared.options.shutdown.cancelled() => return,
            () = tokio::time::sleep(shared.options.pace.poll) => {}
            () = shared.standing.doubted() => {}
            Ok(()) = changes.changed() => {}
        }
    }
}

/// Brings the world up to date where there is anything new. On an error it stays as it was, and so does the snapshot.
async fn tick(shared: &Arc<Shared>, world: &mut Option<World>) -> Result<(), StoreError> {
    let asked = Moment::now(shared);
    let suspects = shared.standing.suspects();
    let tx = shared.options.store.read().await?;
    if let Some(known) = world.as_ref()
        && !known.leads_to(&tx).await?
    {
        tracing::warn!(incarnation = %tx.position().incarnation, "this is another database, or another history of it; everything is read anew");
        *world = None;
    }
    if let Some(world) = world.as_ref().filter(|world| world.is_at(tx.position(), &suspects)) {
        let served = shared.options.snapshot.load_full();
        if served.is_some_and(|served| Arc::ptr_eq(&served, &world.snapshot())) {
            freshness::serve(shared, asked, None);
        } else {
            put(shared, asked, world);
        }
        return Ok(());
    }
    let mut update = Update::read(&tx, world.as_ref(), suspects).await?;
    drop(tx);
    let is_later = world.is_some();
    let mut known = world.take().unwrap_or_default();
    // A key that was revoked opens nothing while what else was changed is compiled.
    if known.admit(&mut update, &shared.options.signing_keys) && is_later {
        freshness::amend(shared, known.snapshot());
    }
    let tools = Arc::clone(shared);
    // Opening and compiling everything takes seconds where there are 100,000 routes; nobody has to wait behind it.
    let next = blocking(move || known.apply(update, &tools)).await;
    put(shared, asked, &next);
    *world = Some(next);
    Ok(())
}

fn put(shared: &Shared, asked: Moment, world: &World) {
    if freshness::serve(shared, asked, Some(world.snapshot())) {
        shared.standing.publish(world.published());
    }
}

/// Opens a stored value for the secret and the limits that its row states.
pub(crate) fn open(keyring: &Keyring, row: &SealedSecret) -> Result<SecretValue, OpenError> {
    let sealed = envelope::Sealed {
        format: row.sealed.format,
        ciphertext: row.sealed.ciphertext.clone(),
        dek_id: row.sealed.dek_id.clone(),
        wrapped_dek: row.sealed.wrapped_dek.clone(),
        kek_id: row.sealed.kek_id.clone(),
    };
    envelope::open(keyring, &sealed, &(&row.secret).into())
}
