//! While an environment's traffic moves, and after it has.

use super::super::event::Event;
use super::super::evidence::{Evidence, Place};
use super::super::next::Next;
use super::super::plan::Stage;
use super::super::rotation::Rotation;
use super::super::state::{Canary, Soaking};
use super::Step;
use super::health::{Health, health};
use crate::time::{Span, Timestamp};

/// How often a probe stands in for traffic that does not come.
const PROBE_PACE: Span = Span::from_secs(3 * 60);

pub(super) fn canary(rotation: &Rotation, canary: &Canary, evidence: &Evidence, now: Timestamp) -> Step {
    let Some(stage) = rotation.plan.stages.get(canary.stage) else { return Step::Rest(Next::over()) };
    if let Some(event) = edited(rotation, stage, evidence) {
        return Step::Record(event);
    }
    let environment = &stage.environment;
    let since_entry = rotation.counting_since.get(environment).copied().unwrap_or(canary.since);
    let health = health(rotation, environment, evidence, since_entry.max(canary.since));
    if canary.healthy.is_none()
        && let Health::Healthy(healthy) = &health
    {
        return Step::Record(Event::FoundHealthy { environment: environment.clone(), healthy: healthy.clone() });
    }
    let ends_at = canary.since.plus(stage.canary_step);
    if now < ends_at {
        return Step::Rest(Next::step(rotation, canary, stage, Some(ends_at)));
    }
    match health {
        Health::Healthy(healthy) | Health::Likely(healthy) => {
            let next = canary.step.saturating_add(1);
            match stage.canary.get(next) {
                Some(weight) => {
                    let environment = environment.clone();
                    Step::Record(Event::CanaryStep { environment, step: next, weight: *weight })
                }
                None => Step::Promote(healthy),
            }
        }
        Health::Unknown { upstream, judged } => {
            let rested = rotation.probe.is_none_or(|last| now >= last.at.plus(PROBE_PACE) || last.at < ends_at);
            if evidence.probe.reach(environment) && rested {
                return Step::Probe;
            }
            Step::Rest(Next::too_little(stage, &upstream, judged))
        }
        Health::Unjudgeable(detail) => Step::Rest(Next::unjudgeable(stage, &detail)),
    }
}

/// What somebody else did to the routes of the stage meanwhile.
fn edited(rotation: &Rotation, stage: &Stage, evidence: &Evidence) -> Option<Event> {
    let now_at = |place: &&Place| place.names_outgoing && place.spot.environment == stage.environment;
    for (spot, upstream) in rotation.upstreams.iter().filter(|(spot, _)| spot.environment == stage.environment) {
        match evidence.places.iter().filter(now_at).find(|place| place.spot == *spot) {
            None => return Some(Event::RouteLeft { spot: spot.clone() }),
            Some(place) if place.upstream != *upstream => {
                return Some(Event::UpstreamChanged { spot: spot.clone(), upstream: place.upstream.clone() });
            }
            Some(_) => {}
        }
    }
    // A route that begins to name the outgoing secret is refused when it is saved; one that is put back to an earlier
    // revision takes part again.
    let back = evidence.places.iter().filter(now_at).find(|place| !rotation.upstreams.contains_key(&place.spot))?;
    Some(Event::UpstreamChanged { spot: back.spot.clone(), upstream: back.upstream.clone() })
}

pub(super) fn soaking(rotation: &Rotation, soaking: &Soaking, evidence: &Evidence, now: Timestamp) -> Step {
    let Some(stage) = rotation.plan.stages.get(soaking.stage) else { return Step::Rest(Next::over()) };
    let ends_at = soaking.since.plus(stage.soak);
    if now < ends_at {
        return quiet(rotation, evidence, now)
            .unwrap_or_else(|| Step::Rest(Next::soak(rotation, soaking, stage, ends_at)));
    }
    Step::Record(Event::Advanced)
}

/// How often a probe stands in for traffic after a promotion.
const QUIET: Span = Span::from_secs(15 * 60);

/// Where nothing was judged for a while, a probe stands in for it.
pub(super) fn quiet(rotation: &Rotation, evidence: &Evidence, now: Timestamp) -> Option<Step> {
    let judged_at = evidence.measured.iter().filter_map(|measured| measured.last_at).max();
    let looked_at = judged_at.max(rotation.probe.map(|last| last.at)).unwrap_or(rotation.state_since);
    (evidence.probe.any() && now >= looked_at.max(rotation.state_since).plus(QUIET)).then_some(Step::Probe)
}
