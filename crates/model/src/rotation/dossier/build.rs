//! Makes the document from its sources.

use std::collections::BTreeMap;

use super::{Actor, Approval, Deletion, Dossier, Line, Probe, Record, RollBack, Sources, Withdrawal};
use super::{environments::surroundings, said::said};
use crate::rotation::event::{Entry, Event};

const FORMAT: &str = "keyroll-rotation-evidence/1";

/// The evidence of a rotation.
#[must_use]
pub fn dossier(sources: Sources<'_>) -> Dossier {
    let Sources { rotation, log, counted, audit, checkpoint, checklist, playbook, now } = sources;
    let record = |entry: &Entry| recorded(entry, audit);
    let approval = last(log, |entry| match &entry.event {
        Event::Approved { reason } => Some(Approval { record: record(entry), reason: reason.clone() }),
        _ => None,
    });
    let roll_back = last(log, |entry| match &entry.event {
        Event::RolledBack { why, changes } => {
            Some(RollBack { record: record(entry), why: why.clone(), changes: changes.clone() })
        }
        _ => None,
    });
    let withdrawal = last(log, |entry| match &entry.event {
        Event::Withdrawn { soak, converged, remains_at, revision } => Some(Withdrawal {
            record: record(entry),
            revision: *revision,
            soak: *soak,
            converged: converged.clone(),
            remains_at: remains_at.clone(),
        }),
        _ => None,
    });
    let deletion = last(log, |entry| match &entry.event {
        Event::Deleted { unused } => Some(Deletion { record: record(entry), unused: unused.clone() }),
        _ => None,
    });
    let named_at = last(log, |entry| match &entry.event {
        Event::Planned(planned) => Some(planned.named_at.clone()),
        _ => None,
    });
    Dossier {
        format: FORMAT.to_owned(),
        made_at: now,
        rotation: rotation.id.clone(),
        outgoing: rotation.outgoing.clone(),
        incoming: rotation.incoming.clone(),
        kind: rotation.kind,
        state: rotation.word().to_owned(),
        started_at: rotation.started_at,
        started_by: rotation.started_by.clone(),
        ended_at: (!rotation.is_live()).then_some(rotation.state_since),
        plan: rotation.plan.clone(),
        named_at: named_at.unwrap_or_default(),
        actors: actors(log),
        approval,
        probes: log.iter().filter_map(|entry| probe(entry, audit)).collect(),
        environments: surroundings(rotation, log, counted, audit),
        roll_back,
        withdrawal,
        deletion,
        checklist,
        playbook,
        history: log
            .iter()
            .map(|entry| Line { record: record(entry), word: entry.event.word().to_owned(), said: said(&entry.event) })
            .collect(),
        checkpoint,
    }
}

pub(super) fn recorded(entry: &Entry, audit: &BTreeMap<i64, i64>) -> Record {
    let audit = audit.get(&entry.number).copied();
    Record { event: entry.number, audit, at: entry.at, by: entry.actor.clone() }
}

fn last<T>(log: &[Entry], pick: impl FnMut(&Entry) -> Option<T>) -> Option<T> {
    log.iter().rev().find_map(pick)
}

fn probe(entry: &Entry, audit: &BTreeMap<i64, i64>) -> Option<Probe> {
    let Event::Probed { reading, outgoing, tried } = &entry.event else { return None };
    Some(Probe { record: recorded(entry, audit), reading: *reading, outgoing: *outgoing, tried: tried.clone() })
}

fn actors(log: &[Entry]) -> Vec<Actor> {
    let mut actors: Vec<Actor> = Vec::new();
    for entry in log {
        match actors.iter_mut().find(|actor| actor.actor == entry.actor) {
            Some(actor) => actor.events.push(entry.number),
            None => actors.push(Actor { actor: entry.actor.clone(), events: vec![entry.number] }),
        }
    }
    actors
}
