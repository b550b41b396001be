//! A rotation as it is told.

use api::rotation::{
    CanaryItem, ChecklistItem, EvidenceItem, HistoryItem, NextItem, RotationChange, RotationItem, RotationSummary,
    SignCounts, StageItem, VerdictItem, VerdictWord,
};
use model::name::EnvironmentName;
use model::rotation::{
    CHECKLIST, Change, Entry, Event, Item, ItemState, Opinion, Rotation, State, Step, Summary, Word, possible,
    promotion,
};
use model::route::RouteSpec;

use super::look::Look;
use super::{said, wire};

/// As the API tells it. The salt stays inside: who knew it could tell which requests get the incoming credential.
pub(super) fn item(look: &Look) -> RotationItem {
    let rotation = &look.logged.rotation;
    let stages = &rotation.plan.stages;
    RotationItem {
        id: rotation.id.clone(),
        state: rotation.word().to_owned(),
        paused_in: rotation.pause.as_ref().map(|_| rotation.state.word().to_owned()),
        live: rotation.is_live(),
        stage: rotation.state.stage().zip(rotation.stage()).map(|(index, stage)| StageItem {
            number: small(index.saturating_add(1)),
            of: small(stages.len()),
            name: stage.environment.to_string(),
        }),
        environment: rotation.stage().map(|stage| stage.environment.to_string()),
        canary: canary(rotation),
        outgoing: rotation.outgoing.to_string(),
        incoming: rotation.incoming.to_string(),
        plan: wire::plan(&rotation.plan),
        started_at: rotation.started_at.to_string(),
        started_by: rotation.started_by.clone(),
        state_since: rotation.state_since.to_string(),
        promoted: rotation.promoted.iter().map(|promotion| promotion.environment.to_string()).collect(),
        next: next(rotation, &look.step),
        verdict: verdict(look),
        diff: diff(look),
        evidence: evidence(look),
        checklist: look.checklist().iter().map(|item| step(rotation, item)).collect(),
        history: look.logged.log.iter().map(history).collect(),
        possible: possible(rotation).into_iter().map(str::to_owned).collect(),
    }
}

/// As a list tells it.
pub(super) fn summary(row: Summary) -> RotationSummary {
    RotationSummary {
        weight: row.traffic.canary.as_ref().map(|share| share.weight.to_string()),
        environment: row.environment.map(|name| name.to_string()),
        id: row.id,
        state: row.state,
        live: row.live,
        outgoing: row.outgoing.to_string(),
        incoming: row.incoming.to_string(),
        started_at: row.started_at.to_string(),
        state_since: row.state_since.to_string(),
        cut_over_at: row.cut_over_at.map(|at| at.to_string()),
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn canary(rotation: &Rotation) -> Option<CanaryItem> {
    let State::Canary(canary) = &rotation.state else { return None };
    let stage = rotation.stage()?;
    Some(CanaryItem {
        environment: stage.environment.to_string(),
        weight: rotation.weight()?.to_string(),
        step: small(canary.step.saturating_add(1)),
        steps: stage.canary.iter().map(ToString::to_string).collect(),
        since: canary.since.to_string(),
        careful: canary.healthy.is_none(),
    })
}

/// What comes next; a step that waits for nothing is about to be taken.
fn next(rotation: &Rotation, step: &Step) -> NextItem {
    let now = |what: String| NextItem { what, at: None, waits_for: None };
    match step {
        Step::Rest(next) => NextItem {
            what: next.what.clone(),
            at: next.at.map(|at| at.to_string()),
            waits_for: next.waits_for.clone(),
        },
        Step::Record(event) => now(said::about_to(event)),
        Step::Probe => now("try the incoming credential out".to_owned()),
        Step::Promote(_) => {
            let place = rotation.stage().map_or_else(String::new, |stage| format!(" of {}", stage.environment));
            now(format!("let the templates{place} name {}", rotation.incoming))
        }
        Step::RollBack(why) => now(format!("roll back: {}", why.in_words())),
        Step::Withdraw(..) => now(format!("withdraw {}", rotation.outgoing)),
        Step::Delete(_) => now(format!("delete {}", rotation.outgoing)),
    }
}

fn verdict(look: &Look) -> VerdictItem {
    let opinion = Opinion::of(&look.logged.rotation, &look.evidence);
    VerdictItem {
        word: match opinion.word {
            Word::Healthy => VerdictWord::Healthy,
            Word::Undecided => VerdictWord::Undecided,
            Word::Unhealthy => VerdictWord::Unhealthy,
            Word::Unjudgeable => VerdictWord::Unjudgeable,
        },
        detail: opinion.detail,
        judged: opinion.counted.judged(),
        pairs: opinion.counted.pairs,
    }
}

/// What was changed, as the log has it, and what the environments that are still to come will change as things stand.
fn diff(look: &Look) -> Vec<RotationChange> {
    let rotation = &look.logged.rotation;
    let stands = !matches!(rotation.state, State::RolledBack { .. });
    let mut told = Vec::new();
    for entry in &look.logged.log {
        if let Event::Promoted { changes, .. } = &entry.event {
            told.extend(changes.iter().map(|change| template(change, stands)));
        }
    }
    if rotation.is_live() {
        told.extend(to_come(rotation, &look.facts.specs).iter().map(|change| template(change, false)));
    }
    told
}

/// Each environment on top of the one before, as promotions will be.
fn to_come(rotation: &Rotation, specs: &[RouteSpec]) -> Vec<Change> {
    let mut specs = specs.to_vec();
    let mut changes = Vec::new();
    let is_promoted = |name: &EnvironmentName| rotation.promoted.iter().any(|promotion| promotion.environment == *name);
    for stage in rotation.plan.stages.iter().filter(|stage| !is_promoted(&stage.environment)) {
        for moved in promotion(rotation, &stage.environment, &specs) {
            changes.extend(moved.changes);
            specs.iter_mut().filter(|spec| spec.name == moved.spec.name).for_each(|spec| *spec = moved.spec.clone());
        }
    }
    changes
}

fn template(change: &Change, done: bool) -> RotationChange {
    RotationChange {
        route: change.route.to_string(),
        environment: change.environment.as_ref().map(ToString::to_string),
        field: change.field.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
        done,
    }
}

/// One row for each place that takes part. What was counted at another upstream says nothing about this one.
fn evidence(look: &Look) -> Vec<EvidenceItem> {
    let rotation = &look.logged.rotation;
    let of_place = |place: &model::rotation::Place| {
        let since = rotation.counting_since.get(&place.spot.environment);
        let mut counts = SignCounts::default();
        for row in &look.facts.counts {
            let is_here = row.route == place.spot.route
                && row.environment == place.spot.environment
                && row.upstream == place.upstream;
            if is_here && rotation.counts(&row.environment, row.at) {
                wire::count(&mut counts, &row.counted.counts);
            }
        }
        EvidenceItem {
            route: place.spot.route.to_string(),
            environment: place.spot.environment.to_string(),
            upstream: place.upstream.clone(),
            counts,
            since: since.map(ToString::to_string),
        }
    };
    look.evidence.places.iter().map(of_place).collect()
}

/// An entry of the checklist as it is told.
pub(super) fn step(rotation: &Rotation, item: &Item) -> ChecklistItem {
    let duty = CHECKLIST.iter().find(|duty| duty.word() == item.step);
    let own = rotation.attested.get(&item.step).filter(|_| item.state != ItemState::Evidence);
    ChecklistItem {
        step: item.step.clone(),
        title: duty.map_or_else(String::new, |duty| duty.title().to_owned()),
        state: item.state.as_str().to_owned(),
        record: item.record.clone(),
        by: item.by.clone(),
        at: item.at.map(|at| at.to_string()),
        note: Some(item.note.clone()).filter(|note| !note.is_empty()),
        link: own.and_then(|own| own.link.clone()),
    }
}

fn history(entry: &Entry) -> HistoryItem {
    HistoryItem {
        number: u64::try_from(entry.number).unwrap_or_default(),
        at: entry.at.to_string(),
        actor: entry.actor.clone(),
        event: entry.event.word().to_owned(),
        detail: model::rotation::said(&entry.event),
    }
}
