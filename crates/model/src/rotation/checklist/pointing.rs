//! Whether the routes name the incoming secret where they should, and whether it is known to work there.

use super::{Found, Present, event};
use crate::name::{EnvironmentName, RouteName};
use crate::rotation::event::{Entry, Event, Reading, Trouble};
use crate::rotation::evidence::Sibling;
use crate::rotation::plan::Stage;
use crate::rotation::proof::{Basis, Healthy};
use crate::rotation::rotation::Rotation;
use crate::rotation::state::State;

/// Whether all environments that are protected, or all that are not, were re-pointed and still are.
pub(in crate::rotation) fn updated(rotation: &Rotation, log: &[Entry], present: &Present, protected: bool) -> Found {
    if let Some(found) = no_stage(rotation, present, protected) {
        return found;
    }
    let mut last = None;
    for stage in stages(rotation, protected) {
        if let Some(found) = elsewhere(rotation, present, &stage.environment) {
            return found;
        }
        match promotion(log, &stage.environment) {
            None => return Found::missing(format!("{} is not promoted yet", stage.environment)),
            entry => last = entry,
        }
    }
    if let Some(found) = gone_back(rotation) {
        return found;
    }
    let names: Vec<_> = stages(rotation, protected).map(|stage| stage.environment.to_string()).collect();
    let note = format!("the routes name {} in {}{}", rotation.incoming, names.join(", "), since(present));
    last.map_or_else(|| Found::missing("nothing is promoted yet"), |entry| Found::shown(entry, note))
}

/// Whether the incoming credential is known to work in the environments that are not protected.
pub(super) fn tested(rotation: &Rotation, log: &[Entry], present: &Present) -> Found {
    no_stage(rotation, present, false).unwrap_or_else(|| works(rotation, log, present, stages(rotation, false)))
}

/// Whether it is known to work in these stages of the plan.
pub(in crate::rotation) fn works<'a>(
    rotation: &'a Rotation,
    log: &[Entry],
    present: &Present,
    stages: impl Iterator<Item = &'a Stage>,
) -> Found {
    if let Some(found) = refused(rotation).or_else(|| gone_back(rotation)) {
        return found;
    }
    let (mut shown, mut vouched, mut notes) = (None, None, Vec::new());
    for stage in stages {
        let environment = &stage.environment;
        let Some((entry, healthy)) = health(log, environment) else {
            return Found::missing(format!("nothing shows yet that the credential works in {environment}"));
        };
        if promotion(log, environment).is_some()
            && let Some(found) = elsewhere(rotation, present, environment)
        {
            return found;
        }
        notes.push(format!("{environment}: {}", told(healthy.basis())));
        match healthy.basis() {
            Basis::Attested { by } => vouched = Some((entry, by.clone())),
            Basis::Traffic { .. } | Basis::Probe { .. } | Basis::Unsent => shown = Some(entry),
        }
    }
    let note = notes.join("; ");
    // One word in place of evidence makes the whole a word.
    match (vouched, shown) {
        (Some((entry, by)), _) => Found::Vouched { record: event(entry.number), by, at: entry.at, note },
        (None, Some(entry)) => Found::shown(entry, note),
        (None, None) => Found::missing("the plan has no environment"),
    }
}

/// What a basis says, for people.
pub(in crate::rotation) fn told(basis: &Basis) -> String {
    match basis {
        Basis::Traffic { judged } => format!("{judged} answers judged, no worse than with the outgoing credential"),
        Basis::Probe { at } => format!("a probe at {at} found it taken"),
        Basis::Attested { by } => format!("{by} vouches for it"),
        Basis::Unsent => "no route sends it there".to_owned(),
    }
}

fn stages(rotation: &Rotation, protected: bool) -> impl Iterator<Item = &Stage> {
    rotation.plan.stages.iter().filter(move |stage| stage.protected == protected)
}

/// What is to be said where the plan leaves out an environment of this sort, or has none.
fn no_stage(rotation: &Rotation, present: &Present, protected: bool) -> Option<Found> {
    let planned = |name: &EnvironmentName| rotation.plan.stages.iter().any(|stage| stage.environment == *name);
    let sort = |name: &EnvironmentName| present.protected.contains(name) == protected;
    let left = present.outgoing_at.iter().filter_map(|mention| Some((mention, mention.environment.as_ref()?)));
    if let Some((mention, name)) = left.into_iter().find(|(_, name)| sort(name) && !planned(name)) {
        let (route, outgoing) = (&mention.route, &rotation.outgoing);
        return Some(Found::against_now(format!("the plan leaves out {name}, where {route} names {outgoing}")));
    }
    if stages(rotation, protected).next().is_some() {
        return None;
    }
    Some(match (&rotation.plan.after, present.sibling) {
        (Some(first), Some(Sibling::There)) if !protected => Found::Nothing {
            record: format!("rotation/{first}"),
            note: format!("done by {first}, which went first with a secret of its own"),
        },
        (Some(first), _) if !protected => Found::missing(format!("{first} goes first, and is not there")),
        _ => Found::Nothing {
            record: event(1),
            note: format!(
                "the plan has no environment that is {}",
                if protected { "protected" } else { "not protected" }
            ),
        },
    })
}

/// What the routes of an environment name instead, now.
fn elsewhere(rotation: &Rotation, present: &Present, environment: &EnvironmentName) -> Option<Found> {
    if present.replaced_by.is_some() {
        return None;
    }
    let here = |other: &Option<EnvironmentName>| other.as_ref() == Some(environment);
    if let Some(mention) = present.outgoing_at.iter().find(|mention| here(&mention.environment)) {
        let (route, field, outgoing) = (&mention.route, &mention.field, &rotation.outgoing);
        return Some(Found::against_now(format!("{route} names {outgoing} in {environment} ({field})")));
    }
    let moved = rotation.promoted.iter().rev().find(|promotion| promotion.environment == *environment)?;
    let still = |route: &RouteName| present.incoming_at.iter().any(|one| one.route == *route && here(&one.environment));
    let gone = moved.routes.iter().find(|route| !still(route))?;
    Some(Found::missing(format!("{gone} names {} in {environment} no longer", rotation.incoming)))
}

/// That the incoming credential was refused, and when that was found.
fn refused(rotation: &Rotation) -> Option<Found> {
    if let Some(last) = rotation.probe.filter(|last| last.reading == Reading::Dead) {
        let note = format!("a probe at {} found the incoming credential refused", last.at);
        return Some(Found::Against { since: Some(last.at), note });
    }
    match &rotation.state {
        State::RolledBack { why } if !matches!(why, Trouble::Operator { .. }) => {
            Some(Found::Against { since: Some(rotation.state_since), note: why.in_words() })
        }
        _ => None,
    }
}

fn gone_back(rotation: &Rotation) -> Option<Found> {
    match rotation.state {
        State::RolledBack { .. } => Some(Found::missing("the rotation was rolled back")),
        State::Abandoned => Some(Found::missing("the rotation was abandoned")),
        _ => None,
    }
}

pub(super) fn promotion<'a>(log: &'a [Entry], environment: &EnvironmentName) -> Option<&'a Entry> {
    let promoted =
        |entry: &&Entry| matches!(&entry.event, Event::Promoted { environment: own, .. } if own == environment);
    log.iter().rev().find(promoted)
}

/// Why the credential counts as healthy in an environment. Where a route has gone to another upstream since, nothing
/// that was found before holds.
fn health<'a>(log: &'a [Entry], environment: &EnvironmentName) -> Option<(&'a Entry, &'a Healthy)> {
    for entry in log.iter().rev() {
        match &entry.event {
            Event::UpstreamChanged { spot, .. } if spot.environment == *environment => return None,
            Event::FoundHealthy { environment: own, healthy } | Event::Promoted { environment: own, healthy, .. }
                if own == environment =>
            {
                return Some((entry, healthy));
            }
            _ => {}
        }
    }
    None
}

fn since(present: &Present) -> String {
    present.replaced_by.as_ref().map(|later| format!(", until {later}")).unwrap_or_default()
}
