//! How the incoming credential does, by all that is known.

use super::Evidence;
use crate::name::EnvironmentName;
use crate::rotation::event::{Reading, Trouble};
use crate::rotation::evidence::{Measured, Place};
use crate::rotation::proof::{Basis, Healthy};
use crate::rotation::rotation::Rotation;
use crate::rotation::verdict::Verdict;
use crate::time::Timestamp;

/// So few answers say something, where none of them is a refusal and the step has lasted for as long as it should.
const FEW: u64 = 3;

/// What is to be thought of the incoming credential in one environment.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::rotation) enum Health {
    /// It works.
    Healthy(Healthy),
    /// It works as far as so few answers can say.
    Likely(Healthy),
    /// Nobody knows yet.
    Unknown {
        /// The upstream of which least is known, and the answers that say something about it.
        upstream: String,
        judged: u64,
    },
    /// Neither rules nor a probe could ever tell.
    Unjudgeable(String),
}

/// How it does in an environment; a probe counts where it ended after `since`.
pub(in crate::rotation) fn health(
    rotation: &Rotation,
    environment: &EnvironmentName,
    evidence: &Evidence,
    since: Timestamp,
) -> Health {
    let here: Vec<&Place> = evidence.places.iter().filter(|place| place.spot.environment == *environment).collect();
    if here.is_empty() {
        return Health::Healthy(Healthy::by(Basis::Unsent));
    }
    let probed = rotation
        .probe
        .filter(|last| last.reading == Reading::Alive && last.at >= since && evidence.probe.reach(environment));
    if let Some(last) = probed {
        return Health::Healthy(Healthy::by(Basis::Probe { at: last.at }));
    }
    if let Some(detail) = unjudgeable(&here, environment, evidence) {
        return Health::Unjudgeable(detail);
    }
    let mut upstreams: Vec<&str> = here.iter().map(|place| place.upstream.as_str()).collect();
    upstreams.sort_unstable();
    upstreams.dedup();
    let (mut sum, mut certain) = (0_u64, true);
    for upstream in upstreams {
        let measured = evidence.measured.iter();
        let measured = measured.into_iter().find(|one| one.environment == *environment && one.upstream == upstream);
        let total = measured.map(Measured::total).unwrap_or_default();
        let judged = total.judged();
        sum = sum.saturating_add(judged);
        match measured.map(Measured::verdict) {
            Some(Verdict::Healthy) => {}
            Some(Verdict::Undecided { .. }) if judged >= FEW && total.pairs == 0 => certain = false,
            _ => return Health::Unknown { upstream: upstream.to_owned(), judged },
        }
    }
    let healthy = Healthy::by(Basis::Traffic { judged: sum });
    if certain { Health::Healthy(healthy) } else { Health::Likely(healthy) }
}

/// Why neither the answers nor a probe can tell.
fn unjudgeable(here: &[&Place], environment: &EnvironmentName, evidence: &Evidence) -> Option<String> {
    if evidence.probe.kind_needs_one {
        let detail =
            "answers say nothing about a credential of this kind: give the incoming secret a probe, or advance";
        return (!evidence.probe.own).then(|| detail.to_owned());
    }
    let blind = here.iter().find(|place| !place.has_dead_rules && !evidence.probe.reach(environment))?;
    Some(format!(
        "the route {} has neither a rule for dead answers nor a probe in {environment}, so that nothing can tell \
         whether the incoming credential works",
        blind.spot.route
    ))
}

/// The trouble that traffic shows at one upstream.
pub(in crate::rotation) fn rejected(measured: &Measured) -> Option<Trouble> {
    let Verdict::Unhealthy(_) = measured.verdict() else { return None };
    let total = measured.total();
    Some(Trouble::Rejected {
        environment: measured.environment.clone(),
        upstream: measured.upstream.clone(),
        pairs: total.pairs.max(total.unpaired),
        alive: total.alive,
    })
}

/// The trouble that the last probe shows.
pub(in crate::rotation) fn probed_dead(rotation: &Rotation) -> Option<Trouble> {
    let moved_at = rotation.counting_since.values().min()?;
    let last = rotation.probe.filter(|last| last.reading == Reading::Dead && last.at >= *moved_at)?;
    Some(match last.outgoing {
        Some(Reading::Dead) => Trouble::BothDead,
        _ => Trouble::ProbedDead,
    })
}
