//! What may be written without being a change: a closed list.

use model::snapshot::{TrialDrained, TrialKey};
use model::time::{Span, Timestamp};
use model::usage::{Drained, TallyKey};

use crate::backend::Conversation;
use crate::error::StoreError;
use crate::idempotency::{self, IdempotencyRecord};
use crate::nodes::{self, Heartbeat};
use crate::rotations;
use crate::tallies;

/// What may be written without event, revision or announcement, since nothing that is decided or served changes by it.
#[derive(Debug, Clone)]
pub enum Telemetry {
    /// Uses that were counted until `at`.
    Tallies {
        /// The moment of counting; decides the minute that the counts belong to.
        at: Timestamp,
        /// The counts.
        rows: Vec<(TallyKey, Drained)>,
    },
    /// What rotations were counted until `at`.
    Trials {
        /// The moment of counting.
        at: Timestamp,
        /// The counts.
        rows: Vec<(TrialKey, TrialDrained)>,
    },
    /// Counts of rotations from before the moment are kept by the minute.
    CompactTrials {
        /// The moment.
        before: Timestamp,
    },
    /// Counts of rotations that ended before the moment are no longer kept.
    ForgetTrials {
        /// The moment.
        before: Timestamp,
    },
    /// The answer to a request that changed nothing, such as a dry run.
    Remember(IdempotencyRecord),
    /// A node's sign of life.
    Heartbeat(Heartbeat),
    /// The last word of the node of this id: it holds nothing any more.
    Farewell(String),
    /// Nodes that have been stopped or gone for longer than this are no longer remembered.
    ForgetNodes {
        /// How long they are.
        kept: Span,
    },
    /// Answers from before the moment are no longer kept.
    ForgetAnswers {
        /// The moment.
        before: Timestamp,
    },
    /// Counts by minute from before the moment are no longer kept. Last uses and totals stay.
    ForgetTallies {
        /// The moment.
        before: Timestamp,
    },
}

pub(crate) async fn write(conversation: &Conversation, telemetry: Telemetry) -> Result<(), StoreError> {
    match telemetry {
        Telemetry::Tallies { at, rows } => tallies::add(conversation, at, rows).await,
        Telemetry::Trials { at, rows } => rotations::add(conversation, at, rows).await,
        Telemetry::CompactTrials { before } => rotations::compact(conversation, before).await,
        Telemetry::ForgetTrials { before } => rotations::forget(conversation, before).await,
        Telemetry::Remember(record) => idempotency::remember(conversation, &record).await,
        Telemetry::Heartbeat(beat) => nodes::beat(conversation, &beat).await,
        Telemetry::Farewell(id) => nodes::farewell(conversation, &id).await,
        Telemetry::ForgetNodes { kept } => nodes::forget(conversation, kept).await,
        Telemetry::ForgetAnswers { before } => idempotency::forget(conversation, before).await,
        Telemetry::ForgetTallies { before } => tallies::forget(conversation, before).await,
    }
}
