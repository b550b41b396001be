//! Up to the first share of an environment's traffic.

use super::super::event::{Event, Trouble, WaitFor};
use super::super::evidence::{Evidence, Sibling};
use super::super::next::Next;
use super::super::plan::{Manner, Reason};
use super::super::rotation::Rotation;
use super::super::state::{Probing, Waiting};
use super::health::{Health, health};
use super::{MOST_REFUSED, MOST_UNCLEAR, Step};
use crate::time::Timestamp;

pub(super) fn planned(evidence: &Evidence) -> Step {
    if evidence.probe.any() { Step::Probe } else { Step::Record(Event::ProbeSkipped) }
}

pub(super) fn probing(probing: Probing, evidence: &Evidence, now: Timestamp) -> Step {
    if !evidence.probe.any() {
        return Step::Record(Event::ProbeSkipped);
    }
    if probing.refused >= MOST_REFUSED {
        return Step::Record(Event::NeedsOperator { why: Trouble::ProbedDead });
    }
    if probing.unclear >= MOST_UNCLEAR {
        return Step::Record(Event::NeedsOperator { why: Trouble::ProbedUnclear });
    }
    match probing.again_at {
        Some(at) if now < at => Step::Rest(Next::probe_again(at)),
        // Also where the outcome of a try was lost.
        _ => Step::Probe,
    }
}

pub(super) fn waiting(rotation: &Rotation, waiting: &Waiting, evidence: &Evidence, now: Timestamp) -> Step {
    let Some(stage) = rotation.plan.stages.get(waiting.stage) else { return Step::Rest(Next::over()) };
    let environment = &stage.environment;
    if let Some(detail) = &evidence.incoming_unusable {
        return Step::Record(Event::NeedsOperator { why: Trouble::IncomingUnusable { detail: detail.clone() } });
    }
    if let Some(first) = first_of(rotation, waiting)
        && matches!(evidence.sibling, Some(Sibling::Ended) | None)
    {
        let why = Trouble::SiblingEnded { rotation: first.to_owned() };
        return Step::Record(Event::NeedsOperator { why });
    }
    match hindrance(rotation, waiting, evidence, now) {
        Some(wait) if wait == waiting.wait => Step::Rest(Next::waiting(&wait, environment)),
        Some(wait) => Step::Record(Event::Waiting(wait)),
        None => {
            let routes = evidence.places.iter().filter(|place| place.spot.environment == *environment);
            let routes = routes.filter(|place| place.names_outgoing);
            let healthy = match health(rotation, environment, evidence, rotation.started_at) {
                Health::Healthy(healthy) => Some(healthy),
                _ => None,
            };
            Step::Record(Event::StageBegan {
                environment: environment.clone(),
                weight: stage.canary.first().copied().unwrap_or(super::super::Weight::ALL),
                routes: routes.map(|place| (place.spot.route.clone(), place.upstream.clone())).collect(),
                healthy,
            })
        }
    }
}

/// The rotation that has to go first, unless an operator has said not to wait for it. It is asked about before each stage:
/// it may have been there when this one began, and have been rolled back since.
fn first_of<'a>(rotation: &'a Rotation, waiting: &Waiting) -> Option<&'a str> {
    rotation.plan.after.as_deref().filter(|_| !waiting.released)
}

/// What stands before the stage; an operator's word moves what is the plan's or the house's, never what another rotation
/// does.
fn hindrance(rotation: &Rotation, waiting: &Waiting, evidence: &Evidence, now: Timestamp) -> Option<WaitFor> {
    let stage = rotation.plan.stages.get(waiting.stage)?;
    let environment = &stage.environment;
    if let Some(first) = first_of(rotation, waiting)
        && evidence.sibling != Some(Sibling::There)
    {
        return Some(WaitFor::Sibling { rotation: first.to_owned() });
    }
    if !waiting.released {
        if stage.advance == Manner::Manual {
            return Some(WaitFor::Operator);
        }
        if let Health::Unjudgeable(detail) = health(rotation, environment, evidence, rotation.started_at) {
            return Some(WaitFor::Judgement { detail });
        }
        let hurry = rotation.plan.reason == Reason::Compromised;
        if let Some(opens_at) = evidence.window_opens_at.filter(|_| stage.protected && !hurry) {
            return Some(WaitFor::Window { opens_at });
        }
        if let Some((other, until)) = evidence.gap.as_ref().filter(|(_, until)| now < *until && !hurry) {
            return Some(WaitFor::Gap { rotation: other.clone(), until: *until });
        }
    }
    let rival = evidence.rivals.get(environment)?;
    Some(WaitFor::Rival { rotation: rival.clone() })
}
