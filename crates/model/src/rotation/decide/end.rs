//! The final soak, and what comes after there is no way back.

use super::super::action::WORKS;
use super::super::event::{Event, Reading, Trouble};
use super::super::evidence::{Evidence, Measured};
use super::super::next::Next;
use super::super::plan::Manner;
use super::super::proof::{Converged, SoakElapsed, Unused};
use super::super::rotation::Rotation;
use super::super::state::Withdrawn;
use super::{Step, canary};
use crate::time::{Span, Timestamp};

/// How long a withdrawal waits for requests and streams that began with the outgoing credential, after everything else
/// is proven. What is still under way then has to be ended by the withdrawal itself.
const STREAM_PATIENCE: Span = Span::from_hours(1);

pub(super) fn watching(rotation: &Rotation, evidence: &Evidence, now: Timestamp) -> Step {
    if let Some(detail) = &evidence.incoming_unusable {
        return Step::Record(Event::NeedsOperator { why: Trouble::IncomingUnusable { detail: detail.clone() } });
    }
    let soak = match soak(rotation, evidence, now) {
        Ok(soak) => soak,
        Err(until) => {
            let rest = || Step::Rest(Next::watch(rotation, evidence.needed_at, until));
            return canary::quiet(rotation, evidence, now).unwrap_or_else(rest);
        }
    };
    if let Some(measured) = evidence.measured.iter().find(|measured| leans_against(rotation, measured)) {
        return Step::Rest(Next::leaning(rotation, &measured.upstream));
    }
    match Converged::check(&evidence.fleet, rotation.cut_over_revision()) {
        Err(behind) => Step::Rest(Next::behind(&behind)),
        Ok(_)
            if evidence.open > 0
                && now < rotation.cut_over_at().plus(rotation.plan.final_soak()).plus(STREAM_PATIENCE) =>
        {
            Step::Rest(Next::streams(evidence.open, "withdraw"))
        }
        Ok(converged) => Step::Withdraw(soak, converged),
    }
}

/// Whether the few answers that there are rather speak against the incoming credential, and nothing has spoken for it
/// since: a silence after refusals is no proof that it works.
fn leans_against(rotation: &Rotation, measured: &Measured) -> bool {
    let total = measured.total();
    let probed = rotation.probe.filter(|last| last.reading == Reading::Alive).map(|last| last.at);
    let spoken_for = probed.is_some_and(|at| Some(at) >= measured.last_at) || rotation.attested.contains_key(WORKS);
    total.pairs > total.alive && !spoken_for
}

/// Whether the final soak has elapsed without any need of the outgoing credential in the places of the plan.
pub(in crate::rotation) fn soak(
    rotation: &Rotation,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<SoakElapsed, Timestamp> {
    SoakElapsed::check(rotation.cut_over_at(), evidence.needed_at, rotation.plan.final_soak(), now)
}

pub(super) fn withdrawn(rotation: &Rotation, withdrawn: &Withdrawn, evidence: &Evidence) -> Step {
    if withdrawn.deleted || (withdrawn.remains && !evidence.outgoing_deleted) {
        return Step::Record(Event::Completed);
    }
    if evidence.outgoing_deleted {
        return Step::Record(Event::Deleted { unused: None });
    }
    match unused(rotation, withdrawn, evidence) {
        Err(next) => Step::Rest(*next),
        Ok(_) if rotation.plan.delete_outgoing == Manner::Manual => Step::Rest(Next::delete(rotation)),
        Ok(_) if !evidence.unattested.is_empty() => Step::Rest(Next::attest(&evidence.unattested)),
        Ok(unused) => Step::Delete(unused),
    }
}

/// Whether the outgoing credential may be destroyed: by the rotation, or by an operator who asks for it.
pub(in crate::rotation) fn unused(
    rotation: &Rotation,
    withdrawn: &Withdrawn,
    evidence: &Evidence,
) -> Result<Unused, Box<Next>> {
    if let Some(mention) = evidence.outgoing_at.first() {
        return Err(Box::new(Next::referenced(mention)));
    }
    let converged =
        Converged::check(&evidence.fleet, withdrawn.revision).map_err(|behind| Box::new(Next::behind(&behind)))?;
    if evidence.open > 0 {
        return Err(Box::new(Next::streams(evidence.open, "delete")));
    }
    // A node that was cut off tells late of what it counted before the withdrawal.
    match withdrawn.soak.again(evidence.needed_at, rotation.plan.final_soak(), evidence.fleet.now) {
        Err(until) => Err(Box::new(Next::needed_meanwhile(rotation, until))),
        Ok(soak) => Ok(Unused::new(converged, soak)),
    }
}
