//! Writes what traffic counted.

use std::sync::Arc;
use std::time::Duration;

use model::time::{Span, Timestamp};
use store::{StoreError, Telemetry};

use crate::Shared;
use crate::outage::Outage;

/// How many counters are written at once: few enough that a change of an operator never waits long for its turn.
const BATCH: usize = 500;

/// How often the last writing is tried before the counts of the last second are given up.
const LAST_TRIES: usize = 3;

/// Writes every second what was counted, and once more at the end.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut outage = Outage::none("flush");
    while shared.sleep(shared.options.pace.flush).await {
        outage.note(flush(&shared).await);
    }
    for _ in 0..LAST_TRIES {
        if outage.note(flush(&shared).await).is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn flush(shared: &Shared) -> Result<(), StoreError> {
    let now = shared.options.clock.now();
    let mut pending = shared.registry.drain();
    // Counts that piled up during an outage belong to the minute of the last use, not to that of the recovery: a use is
    // never reported later than it happened.
    let moment = |last_used: Option<Timestamp>| last_used.map_or(now, |at| at.min(now));
    let minute = |at: Timestamp| at.as_millis() / Span::from_secs(60).as_millis();
    pending.rows.sort_by_key(|(_, drained)| moment(drained.last_used));
    while let Some((_, last)) = pending.rows.last() {
        let at = moment(last.last_used);
        let alike = pending.rows.iter().rev().take(BATCH);
        let alike = alike.take_while(|(_, drained)| minute(moment(drained.last_used)) == minute(at)).count();
        let rest = pending.rows.len().saturating_sub(alike);
        let rows = pending.rows.get(rest..).unwrap_or_default().to_vec();
        shared.options.store.record(Telemetry::Tallies { at, rows }).await?;
        pending.rows.truncate(rest);
    }
    drop(pending);
    flush_trials(shared, now).await
}

/// What rotations were counted belongs to the second in which it is written: their verdict goes by the order of things.
async fn flush_trials(shared: &Shared, now: Timestamp) -> Result<(), StoreError> {
    let rows = shared.registry.drain_trials();
    for (at, batch) in rows.chunks(BATCH).enumerate() {
        let written = shared.options.store.record(Telemetry::Trials { at: now, rows: batch.to_vec() }).await;
        if written.is_err() {
            for (key, drained) in rows.get(at.saturating_mul(BATCH)..).unwrap_or_default() {
                shared.registry.trial(key.clone()).put_back(*drained);
            }
            return written;
        }
    }
    Ok(())
}
