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
    let store = &shared.options.store;
    store.record(Telemetry::ForgetAnswers { before: now.minus(ANSWERS) }).await?;
    store.record(Telemetry::ForgetTallies { before: now.minus(TALLIES) }).await
}
