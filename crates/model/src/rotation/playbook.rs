//! What to do in which order to replace a credential of a kind, as far as it has come. Nothing is kept for it: whoever
//! comes back finds the next step from the log.

mod script;

use serde::{Deserialize, Serialize};

use super::action::WORKS;
use super::checklist::{CHECKLIST, Duty, Found, Item, ItemState, Present, works};
use super::event::{Entry, Event, Reading};
use super::rotation::{Attestation, Rotation};
use super::state::State;
use crate::secret::Kind;

use script::{Line, script};

/// The routes name the incoming secret in all environments of the plan.
const UPDATE_ROUTES: &str = "update_routes";
/// The outgoing password no longer opens the database.
const REMOVE_PASSWORD: &str = "remove_password";
/// The outgoing token is revoked at its provider.
const REVOKE_TOKEN: &str = "revoke_token";

/// One step of a playbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayStep {
    /// How it stands.
    #[serde(flatten)]
    pub item: Item,
    /// What it is called.
    pub title: String,
    /// What to do.
    pub what: String,
    /// What to type, where there is something.
    pub command: Option<String>,
    /// Whether it is done outside, by somebody who then attests it.
    pub outside: bool,
    /// Whether it is the next one.
    pub next: bool,
}

/// Which playbook a kind has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Key,
    Database,
    Token,
}

fn sort(kind: Kind) -> Sort {
    match kind {
        Kind::DatabasePassword | Kind::DatabaseUrl => Sort::Database,
        Kind::OauthToken => Sort::Token,
        Kind::ApiKey | Kind::WebhookSecret | Kind::Certificate | Kind::Other => Sort::Key,
    }
}

/// The playbook of this rotation, as far as it has come.
#[must_use]
pub fn playbook(rotation: &Rotation, log: &[Entry], present: &Present) -> Vec<PlayStep> {
    let steps = script(sort(rotation.kind), rotation).into_iter().map(|line| step(line, rotation, log, present));
    let mut steps: Vec<PlayStep> = steps.collect();
    let is_given_up = matches!(rotation.state, State::RolledBack { .. } | State::Abandoned);
    let next = steps.iter_mut().find(|step| step.item.state == ItemState::Open && !is_given_up);
    if let Some(next) = next {
        next.next = true;
    }
    steps
}

/// The steps of a playbook that are done outside and have to be attested before the outgoing secret is deleted by itself:
/// what was not taken from the outgoing credential at its origin is a credential that nobody looks after any more.
#[must_use]
pub fn unattested(rotation: &Rotation) -> Vec<String> {
    let word = match sort(rotation.kind) {
        Sort::Key => return Vec::new(),
        Sort::Database => REMOVE_PASSWORD,
        Sort::Token => REVOKE_TOKEN,
    };
    let attestation = rotation.attested.get(word);
    let item = Item::of(word, taken_back(rotation, attestation), attestation);
    if item.state == ItemState::Open { vec![word.to_owned()] } else { Vec::new() }
}

/// The words that can be attested in a rotation of this kind.
#[must_use]
pub fn attestable(kind: Kind) -> Vec<&'static str> {
    let mut words: Vec<&'static str> = CHECKLIST.iter().map(|duty| duty.word()).collect();
    words.push(WORKS);
    match sort(kind) {
        Sort::Key => {}
        Sort::Database => words.push(REMOVE_PASSWORD),
        Sort::Token => words.push(REVOKE_TOKEN),
    }
    words
}

fn step(line: Line, rotation: &Rotation, log: &[Entry], present: &Present) -> PlayStep {
    let Line { word, title, what, command, outside } = line;
    let attestation = rotation.attested.get(word);
    let item = match word {
        UPDATE_ROUTES => routes(rotation, log, present),
        WORKS => Item::of(word, tested(rotation, log, present), attestation),
        REMOVE_PASSWORD | REVOKE_TOKEN => Item::of(word, taken_back(rotation, attestation), attestation),
        _ => match CHECKLIST.iter().find(|duty| duty.word() == word) {
            Some(duty) => duty.item(rotation, log, present),
            None => Item::of(word, Found::missing(""), attestation),
        },
    };
    PlayStep { item, title: title.to_owned(), what: what.to_owned(), command, outside, next: false }
}

/// Both entries of the checklist about routes at once: done when neither is open.
fn routes(rotation: &Rotation, log: &[Entry], present: &Present) -> Item {
    let both = [Duty::UpdateStaging, Duty::UpdateProduction].map(|duty| duty.item(rotation, log, present));
    let rank = |item: &Item| match item.state {
        ItemState::Open => 0,
        ItemState::Attested => 1,
        ItemState::Evidence => 2,
        ItemState::NotApplicable => 3,
    };
    let [staging, production] = both;
    let (mut least, other) =
        if rank(&staging) < rank(&production) { (staging, production) } else { (production, staging) };
    if least.state == other.state && least.note != other.note {
        least.note = format!("{}; {}", other.note, least.note);
    }
    Item { step: UPDATE_ROUTES.to_owned(), ..least }
}

/// Whether the credential is known to work: a database password in every place that its probe lists, anything else in
/// every environment of the plan.
fn tested(rotation: &Rotation, log: &[Entry], present: &Present) -> Found {
    if sort(rotation.kind) != Sort::Database {
        return works(rotation, log, present, rotation.plan.stages.iter());
    }
    if present.connections.is_empty() {
        return Found::missing("the incoming secret has no probe that logs in: try each place, and attest it");
    }
    let outcome = |entry: &&Entry| matches!(entry.event, Event::Probed { .. });
    let Some(entry) = log.iter().rev().find(outcome) else {
        return Found::missing("no connection was tried yet");
    };
    let Event::Probed { reading, tried, .. } = &entry.event else { return Found::missing("") };
    if *reading == Reading::Dead {
        let note = format!("a probe at {} found the new password refused", entry.at);
        return Found::Against { since: Some(entry.at), note };
    }
    let is_taken = |place: &String| tried.iter().any(|one| one.place == *place && one.reading == Reading::Alive);
    if let Some(place) = present.connections.iter().find(|place| !is_taken(place)) {
        return Found::missing(format!("{place} was not tried with success"));
    }
    match reading {
        Reading::Alive => Found::shown(entry, format!("all {} connections took it", present.connections.len())),
        Reading::Dead | Reading::Unclear => Found::missing("the last try had no clear outcome"),
    }
}

/// Only people know what they did outside. A probe that finds the outgoing credential still taken afterwards says that
/// they did not.
fn taken_back(rotation: &Rotation, attestation: Option<&Attestation>) -> Found {
    let taken = rotation.probe.filter(|last| last.outgoing == Some(Reading::Alive));
    match taken.filter(|last| attestation.is_some_and(|own| own.at <= last.at)) {
        Some(last) => {
            let note = format!("a probe at {} found the outgoing credential still taken", last.at);
            Found::Against { since: Some(last.at), note }
        }
        None => Found::missing("only somebody who was there can attest it"),
    }
}

#[cfg(test)]
mod tests;
