//! Between the words of rotations on the wire and those of the rules.

use api::rotation::{Manner as WireManner, PlanItem, PlanStage, RotationReason, SignCounts};
use model::rotation::{Manner, Plan, Reason};
use model::snapshot::{SIGNS, Sign};

/// The plan as it is told.
pub(super) fn plan(plan: &Plan) -> PlanItem {
    PlanItem {
        environments: plan.stages.iter().map(|stage| stage.environment.to_string()).collect(),
        stages: plan
            .stages
            .iter()
            .map(|stage| PlanStage {
                environment: stage.environment.to_string(),
                protected: stage.protected,
                canary: stage.canary.iter().map(ToString::to_string).collect(),
                canary_step: stage.canary_step.to_string(),
                soak: stage.soak.to_string(),
                advance: manner(stage.advance),
            })
            .collect(),
        roll_back: manner(plan.roll_back),
        delete_outgoing: manner(plan.delete_outgoing),
        reason: reason(plan.reason),
        after: plan.after.clone(),
        approval: plan.approval,
        notes: plan.notes.clone(),
    }
}

/// The manner on the wire.
fn manner(manner: Manner) -> WireManner {
    match manner {
        Manner::Automatic => WireManner::Automatic,
        Manner::Manual => WireManner::Manual,
    }
}

/// The manner that the wire names.
pub(super) fn manner_of(wire: WireManner) -> Manner {
    match wire {
        WireManner::Automatic => Manner::Automatic,
        WireManner::Manual => Manner::Manual,
    }
}

fn reason(reason: Reason) -> RotationReason {
    match reason {
        Reason::Scheduled => RotationReason::Scheduled,
        Reason::Compromised => RotationReason::Compromised,
        Reason::Expiring => RotationReason::Expiring,
        Reason::Other => RotationReason::Other,
    }
}

/// The reason that the wire names.
pub(super) fn reason_of(wire: RotationReason) -> Reason {
    match wire {
        RotationReason::Scheduled => Reason::Scheduled,
        RotationReason::Compromised => Reason::Compromised,
        RotationReason::Expiring => Reason::Expiring,
        RotationReason::Other => Reason::Other,
    }
}

/// Adds what was counted to what is told of it.
pub(super) fn count(told: &mut SignCounts, counts: &[u64; SIGNS.len()]) {
    for (sign, count) in SIGNS.into_iter().zip(counts) {
        let member = match sign {
            Sign::Alive => &mut told.alive,
            Sign::Pair => &mut told.pair,
            Sign::BothDead => &mut told.both_dead,
            Sign::Unpaired => &mut told.unpaired,
            Sign::Refused => &mut told.refused,
            Sign::Unclear => &mut told.unclear,
            Sign::OutgoingAlive => &mut told.outgoing_alive,
            Sign::OutgoingDead => &mut told.outgoing_dead,
            Sign::OutgoingUnclear => &mut told.outgoing_unclear,
            Sign::Kept => &mut told.kept,
        };
        *member = member.saturating_add(*count);
    }
}
