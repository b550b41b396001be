//! Removes what is no longer kept.

use std::sync::Arc;

use model::time::Span;
use store::{StoreError, Telemetry};

use crate::Shared;
use crate::outage::Outage;

/// How long the answer to an `Idempotency-Key` is kept. Whoever reads one also looks at its age.
const ANSWERS: Span = Span::from_hours(24);

/// How long counts by the minute are kept: a busy (secret, route, environment) makes 1,440 rows a day for each outcome.
/// Totals and last uses stay.
const TALLIES: Span = Span::from_days(31);

/// How long what rotations were counted is kept by the second.
const SECONDS: Span = Span::from_secs(180);

/// How long nodes that are stopped or gone are remembered.
const NODES: Span = Span::from_days(7);

/// How long the lease lasts beyond a pause. Removing is harmless when it happens twice; one node at a time is enough.
const LEASE: Span = Span::from_secs(60);

/// Removes, each time the task wakes, what has become too old meanwhile.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut outage = Outage::none("retain");
    loop {
        outage.note(retain(&shared).await);
        if !shared.sleep(shared.options.pace.retain).await {
            return;
        }
    }
}

async fn retain(shared: &Shared) -> Result<(), StoreError> {
    let now = shared.options.clock.now();
    let Some(lease) = shared.lease("retain", shared.options.pace.retain, LEASE).await? else { return Ok(()) };
    let old = [
        Telemetry::ForgetAnswers { before: now.minus(ANSWERS) },
        Telemetry::ForgetTallies { before: now.minus(TALLIES) },
        Telemetry::CompactTrials { before: now.minus(SECONDS) },
        Telemetry::ForgetTrials { before: now.minus(TALLIES) },
        Telemetry::ForgetNodes { kept: NODES },
    ];
    for telemetry in old {
        shared.options.store.record_under(&lease, telemetry).await?;
    }
    Ok(())
}
