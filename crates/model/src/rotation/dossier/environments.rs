//! What happened in each environment of the plan: shares of traffic, counts, verdict, promotion.

use std::collections::BTreeMap;

use super::build::recorded;
use super::{Judged, Promoted, Share, Surroundings, Tally};
use crate::name::EnvironmentName;
use crate::rotation::counted::{Counted, measured};
use crate::rotation::event::{Entry, Event};
use crate::rotation::plan::Stage;
use crate::rotation::rotation::Rotation;
use crate::rotation::verdict::{Verdict, Why};

pub(super) fn surroundings(
    rotation: &Rotation,
    log: &[Entry],
    counted: &[Counted],
    audit: &BTreeMap<i64, i64>,
) -> Vec<Surroundings> {
    rotation.plan.stages.iter().map(|stage| one(rotation, stage, log, counted, audit)).collect()
}

fn one(
    rotation: &Rotation,
    stage: &Stage,
    log: &[Entry],
    counted: &[Counted],
    audit: &BTreeMap<i64, i64>,
) -> Surroundings {
    let environment = &stage.environment;
    let mut routes = Vec::new();
    let mut steps: Vec<Share> = Vec::new();
    let mut promotion = None;
    for entry in log {
        let mut begin = |weight| steps.push(Share { record: recorded(entry, audit), weight, counts: Vec::new() });
        match &entry.event {
            Event::StageBegan { environment: own, weight, routes: part, .. } if own == environment => {
                routes.clone_from(part);
                begin(Some(*weight));
            }
            Event::CanaryStep { environment: own, weight, .. } if own == environment => begin(Some(*weight)),
            Event::Promoted { environment: own, healthy, changes, revision } if own == environment => {
                begin(None);
                promotion = Some(Promoted {
                    record: recorded(entry, audit),
                    revision: *revision,
                    healthy: healthy.clone(),
                    changes: changes.clone(),
                });
            }
            _ => {}
        }
    }
    for one in counted.iter().filter(|one| one.environment == *environment) {
        // What was counted before the first step has nothing to do with this rotation.
        if let Some(step) = steps.iter_mut().rev().find(|step| step.record.at <= one.at) {
            tally(&mut step.counts, one);
        }
    }
    let verdicts = verdicts(environment, rotation, counted);
    Surroundings { environment: environment.clone(), protected: stage.protected, routes, steps, verdicts, promotion }
}

fn tally(tallies: &mut Vec<Tally>, one: &Counted) {
    let add = |into: &mut Tally| {
        for (sum, more) in [
            (&mut into.alive, one.counts.alive),
            (&mut into.pairs, one.counts.pairs),
            (&mut into.unpaired, one.counts.unpaired),
            (&mut into.outgoing_alive, one.counts.outgoing_alive),
            (&mut into.outgoing_dead, one.counts.outgoing_dead),
        ] {
            *sum = sum.saturating_add(more);
        }
    };
    if let Some(known) = tallies.iter_mut().find(|known| known.upstream == one.upstream) {
        return add(known);
    }
    let mut new =
        Tally { upstream: one.upstream.clone(), alive: 0, pairs: 0, unpaired: 0, outgoing_alive: 0, outgoing_dead: 0 };
    add(&mut new);
    tallies.push(new);
}

/// As the rotation itself judged it.
fn verdicts(environment: &EnvironmentName, rotation: &Rotation, counted: &[Counted]) -> Vec<Judged> {
    let here = measured(rotation, counted).into_iter().filter(|measured| measured.environment == *environment);
    let judged = here.map(|measured| Judged {
        verdict: match measured.verdict() {
            Verdict::Healthy => "healthy",
            Verdict::Undecided { .. } => "undecided",
            Verdict::Unhealthy(Why::Dead) => "dead",
            Verdict::Unhealthy(Why::Worse) => "worse",
        }
        .to_owned(),
        judged: measured.total().judged(),
        upstream: measured.upstream,
    });
    judged.collect()
}
