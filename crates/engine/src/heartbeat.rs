//! Gives a sign of life every second, with what is served, so that other nodes know who may still hold what.

use std::sync::Arc;
use std::time::Duration;

use store::{Heartbeat, StoreError, Telemetry};

use crate::Shared;
use crate::outage::Outage;

/// The least time between two signs of life, however many changes there are.
const LEAST: Duration = Duration::from_millis(100);

/// How long the last word may take; without it, the node counts as silent for a while.
const FAREWELL: Duration = Duration::from_secs(2);

/// Beats until the engine ends, which is after traffic has drained: then this node holds nothing any more, and says so.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut outage = Outage::none("heartbeat");
    let mut served = shared.standing.follow();
    loop {
        outage.note(beat(&shared).await);
        tokio::select! {
            () = shared.options.shutdown.cancelled() => break,
            () = tokio::time::sleep(shared.options.pace.beat) => {}
            Ok(()) = served.changed() => {}
        }
        if !shared.sleep(LEAST).await {
            break;
        }
    }
    let farewell = Telemetry::Farewell(shared.options.node.id.clone());
    if let Ok(said) = tokio::time::timeout(FAREWELL, shared.options.store.record(farewell)).await {
        outage.note(said);
    }
}

async fn beat(shared: &Shared) -> Result<(), StoreError> {
    let node = shared.options.node.clone();
    // In this order: what is counted as open then cannot lack anything that began under an older revision.
    let serves = shared.standing.serving();
    let open = shared.registry.open();
    let heartbeat = Heartbeat {
        id: node.id,
        name: node.name,
        role: node.role,
        version: node.version,
        run: node.run,
        serves,
        max_staleness: shared.options.max_staleness,
        open,
    };
    shared.options.store.record(Telemetry::Heartbeat(heartbeat)).await
}
