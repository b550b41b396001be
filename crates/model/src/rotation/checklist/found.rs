//! What is found about the entries that are not about routes.

use super::pointing::told;
use super::{Found, Present};
use crate::rotation::event::{Entry, Event, Mention, Reading};
use crate::rotation::rotation::Rotation;
use crate::rotation::state::State;
use crate::rotation::verdict::Verdict;
use crate::secret::{Kind, State as SecretState};
use crate::time::Timestamp;

/// The routes that named the outgoing secret are noted at the start, and none has come to it since.
pub(super) fn documented(log: &[Entry], present: &Present) -> Found {
    let Some(first) = log.first() else { return Found::missing("nothing is recorded") };
    let Event::Planned(planned) = &first.event else { return Found::missing("nothing is recorded") };
    let is_noted = |mention: &Mention| {
        let same = |noted: &Mention| noted.environment == mention.environment || noted.environment.is_none();
        planned
            .named_at
            .iter()
            .any(|noted| noted.route == mention.route && (same(noted) || mention.environment.is_none()))
    };
    if let Some(stranger) = present.outgoing_at.iter().find(|mention| !is_noted(mention)) {
        return Found::missing(format!(
            "{} names {}, and is not among the noted ones",
            stranger.route, planned.outgoing
        ));
    }
    Found::shown(first, format!("{} places are noted", planned.named_at.len()))
}

/// Only people know what they did at a provider; that both secrets hold one value says that they did not.
pub(super) fn generated(rotation: &Rotation, present: &Present) -> Found {
    match (&present.incoming, &present.outgoing) {
        (Some(incoming), Some(outgoing)) if incoming.fingerprint == outgoing.fingerprint => {
            Found::against_now(format!("{} and {} hold the same value", rotation.incoming, rotation.outgoing))
        }
        _ => Found::missing("only somebody who was at the provider can attest it"),
    }
}

pub(super) fn created(rotation: &Rotation, present: &Present) -> Found {
    let name = &rotation.incoming;
    let shown = |note: &str, by: &str, at: Timestamp| Found::Shown {
        record: format!("secret/{name}"),
        by: Some(by.to_owned()),
        at: Some(at),
        note: note.to_owned(),
    };
    match (&present.incoming, &present.replaced_by) {
        (Some(secret), _) if secret.state == SecretState::Active => {
            shown("it has a value", &secret.created_by, secret.created_at)
        }
        (Some(secret), Some(later)) => {
            shown(&format!("deleted after {later} had replaced it"), &secret.created_by, secret.created_at)
        }
        (Some(_), None) => Found::against_now(format!("{name} was deleted")),
        (None, _) => Found::against_now(format!("{name} does not exist")),
    }
}

/// The final soak is over once the outgoing secret is withdrawn; a later need of it says that it came too early.
pub(super) fn monitored(rotation: &Rotation, log: &[Entry], present: &Present) -> Found {
    let long = rotation.plan.final_soak();
    let withdrawn = log.iter().rev().find(|entry| matches!(entry.event, Event::Withdrawn { .. }));
    match (withdrawn, &rotation.state) {
        (Some(entry), _) => match present.needed_at.filter(|needed| *needed > entry.at) {
            Some(needed) => {
                let note = format!("the outgoing credential was needed at {needed}, after its withdrawal");
                Found::Against { since: Some(needed), note }
            }
            None => Found::shown(entry, format!("{long} without any need of the outgoing credential")),
        },
        (None, State::Watching(_)) => {
            let since = present.needed_at.map_or(rotation.cut_over_at(), |needed| needed.max(rotation.cut_over_at()));
            Found::against_now(format!("the soak of {long} lasts until {} at least", since.plus(long)))
        }
        (None, State::RolledBack { .. } | State::Abandoned) => Found::missing("the rotation ended before"),
        (None, _) => Found::against_now("the last environment is not promoted yet"),
    }
}

/// From the last promotion to the withdrawal, nothing had to be saved by the outgoing credential, and something shows that
/// the incoming one works.
pub(super) fn without_errors(rotation: &Rotation, log: &[Entry], present: &Present) -> Found {
    let promoted_at = rotation.cut_over_at();
    if let Some(last) = rotation.probe.filter(|last| last.reading == Reading::Dead && last.at >= promoted_at) {
        let note = format!("a probe at {} found the incoming credential refused", last.at);
        return Found::Against { since: Some(last.at), note };
    }
    let bad = present.measured.iter().find(|measured| matches!(measured.verdict(), Verdict::Unhealthy(_)));
    if let Some(bad) = bad {
        let note = format!("{} refuses it in {} where it takes the outgoing one", bad.upstream, bad.environment);
        return Found::Against { since: Some(bad.last_at.unwrap_or(promoted_at)), note };
    }
    if present.pairs_since_cut_over > 0 {
        let pairs = present.pairs_since_cut_over;
        let note = format!("{pairs} requests were saved by the outgoing credential since the last promotion");
        return Found::Against { since: Some(present.needed_at.unwrap_or(promoted_at)), note };
    }
    let Some(entry) = log.iter().rev().find(|entry| matches!(entry.event, Event::Withdrawn { .. })) else {
        return Found::missing("it is judged when the outgoing secret is withdrawn");
    };
    if rotation.plan.stages.is_empty() {
        let note = "no route sends it".to_owned();
        return Found::Nothing { record: super::event(entry.number), note };
    }
    if let Some(last) = rotation.probe.filter(|last| last.reading == Reading::Alive && last.at >= promoted_at) {
        let basis = crate::rotation::Basis::Probe { at: last.at };
        return Found::shown(entry, format!("no request had to be saved, and {}", told(&basis)));
    }
    // Where traffic is rare by nature, as in staging, few answers are no reproach: the last environment counts.
    let last = rotation.plan.stages.last().map(|stage| &stage.environment);
    let weighty = present.measured.iter().filter(|measured| Some(&measured.environment) == last);
    let undecided = weighty.clone().find(|measured| measured.verdict() != Verdict::Healthy);
    match (undecided, weighty.count() == 0) {
        (Some(few), _) => {
            Found::missing(format!("there were too few answers from {} in {}", few.upstream, few.environment))
        }
        (None, true) => Found::missing("there was neither traffic nor a probe since the last promotion"),
        (None, false) => {
            let judged: u64 = present.measured.iter().map(|measured| measured.total().judged()).sum();
            Found::shown(entry, format!("no request had to be saved; {judged} answers judged in all"))
        }
    }
}

pub(super) fn deleted(rotation: &Rotation, log: &[Entry], present: &Present) -> Found {
    let name = &rotation.outgoing;
    let Some(secret) = &present.outgoing else { return Found::missing(format!("nothing is known about {name}")) };
    if secret.state == SecretState::Active {
        return Found::against_now(format!("{name} still has a value"));
    }
    let note = "its value is destroyed";
    match log.iter().rev().find(|entry| matches!(entry.event, Event::Deleted { .. })) {
        Some(entry) => Found::shown(entry, note),
        None => {
            Found::Shown { record: format!("secret/{name}"), by: None, at: secret.deleted_at, note: note.to_owned() }
        }
    }
}

/// The incoming secret is due one day, or was replaced already.
pub(super) fn scheduled(rotation: &Rotation, present: &Present) -> Found {
    let record = format!("secret/{}", rotation.incoming);
    if let Some(later) = &present.replaced_by {
        let note = format!("{later} has replaced it since");
        return Found::Shown { record: format!("rotation/{later}"), by: None, at: None, note };
    }
    let Some(secret) = present.incoming.as_ref().filter(|secret| secret.state == SecretState::Active) else {
        return Found::missing(format!("{} has no value", rotation.incoming));
    };
    match secret.due_at {
        Some(due) => Found::Shown { record, by: None, at: None, note: format!("due at {due}") },
        None if rotation.kind == Kind::OauthToken => {
            Found::Nothing { record, note: "it is due as soon as its upstream refuses it".to_owned() }
        }
        None => Found::missing(format!("nothing says when {} is to be replaced", rotation.incoming)),
    }
}
