//! A route fails after a rotation: is the value the right one, was every route updated, and how to go back.

use super::{Code, Facts, Finding, LastChange, Listing, Mention, Related, SecretFacts, Severity};
use crate::name::SecretName;
use crate::usage::Outcome;

/// How many places a finding names before it only counts.
const NAMED: usize = 5;

pub(super) fn look(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, secret) in &facts.secrets {
        found.extend(value(name, secret, facts));
        found.extend(predecessors(name, secret));
        found.extend(successor(name, secret, facts));
        found.extend(live(name, secret));
        found.extend(way_back(name, secret, facts));
    }
    found.extend(revision(facts));
    found
}

/// A value that never worked here is told apart from a right one by whoever has it, and by nobody else.
fn value(name: &SecretName, secret: &SecretFacts, facts: &Facts) -> Option<Finding> {
    let known = secret.secret.as_ref()?;
    let rejected = facts
        .places
        .iter()
        .flat_map(|place| &place.bindings)
        .any(|binding| binding.secret == *name && binding.answers.since.count(Outcome::Rejected) > 0);
    // Of a value that nobody complains about and that succeeds nothing, there is nothing to verify.
    if !rejected && known.successor_of.is_none() {
        return None;
    }
    let detail = format!(
        "whether the value of {name} is the provider's can be told by who has it: its fingerprint is {}",
        known.fingerprint
    );
    let advice = format!("keyroll secret compare {name} asks for the value and says whether it is the same");
    let severity = if rejected { Severity::Warning } else { Severity::Note };
    Some(Finding::new(Code::CompareValue, severity, detail, advice).of(name))
}

/// Who still names what this secret succeeds.
fn predecessors(name: &SecretName, secret: &SecretFacts) -> Vec<Finding> {
    if secret.predecessors.is_empty() {
        return Vec::new();
    }
    let still: Vec<Finding> = secret
        .predecessors
        .iter()
        .filter(|before| !before.mentions.is_empty())
        .map(|before| {
            let works = before.mentions.iter().any(|mention| mention.environment.is_some());
            // A rotation moves them one after the other, and what takes no effect fails nothing.
            let severity = if works && secret.rotation.is_none() { Severity::Warning } else { Severity::Note };
            let detail = format!("{} is still named {}", before.name, places(&before.mentions));
            let advice =
                format!("keyroll route replace-secret {} {name} --dry-run shows what is left to change", before.name);
            Finding::new(Code::PredecessorStillNamed, severity, detail, advice).of(name)
        })
        .collect();
    if still.is_empty() {
        let names: Vec<&str> = secret.predecessors.iter().map(|before| before.name.as_str()).collect();
        let detail = format!("no route names {} any more, not even where it takes no effect", names.join(" or "));
        return vec![Finding::new(Code::RoutesUpdated, Severity::Ok, detail, "").of(name)];
    }
    still
}

/// The places in words, the first few of them.
fn places(mentions: &[Mention]) -> String {
    let told: Vec<String> = mentions
        .iter()
        .take(NAMED)
        .map(|Mention { route, environment, field }| match environment {
            Some(environment) => format!("by {route} in {environment} ({field})"),
            None => format!("in the base of {route} ({field}), which no environment inherits or which is switched off"),
        })
        .collect();
    match mentions.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{} and in {more} more places", told.join(", ")),
        None => told.join(", "),
    }
}

/// The route was left behind: others went on to the successor, or nobody did.
fn successor(name: &SecretName, secret: &SecretFacts, facts: &Facts) -> Vec<Finding> {
    let Some(next) = secret.successor.as_ref().filter(|next| next.deleted_at.is_none() && secret.rotation.is_none())
    else {
        return Vec::new();
    };
    let is_used = next.mentions.iter().any(|mention| mention.environment.is_some());
    let (severity, told) = match is_used {
        true => (Severity::Warning, format!("{} is named {} already", next.name, places(&next.mentions))),
        false => (Severity::Note, format!("nothing uses {} yet", next.name)),
    };
    let here = facts.places.iter().filter(|place| place.bindings.iter().any(|binding| binding.secret == *name));
    here.map(|place| {
        let environment = &place.environment;
        let detail = format!("the route names {name}, which has the successor {}; {told}", next.name);
        let advice = format!("keyroll route replace-secret {name} {} --environment {environment}", next.name);
        Finding::new(Code::SuccessorNotNamed, severity, detail, advice).of(name).within(environment)
    })
    .collect()
}

fn live(name: &SecretName, secret: &SecretFacts) -> Option<Finding> {
    let rotation = secret.rotation.as_ref()?;
    let detail = format!(
        "{name} is outgoing of the live rotation {}, which is {}; {} takes its place step by step",
        rotation.id, rotation.state, rotation.incoming
    );
    let advice = format!("keyroll rotation get {}", rotation.id);
    Some(Finding::new(Code::RotationInProgress, Severity::Note, detail, advice).of(name))
}

/// Back to the predecessor, by name: other edits of the route stay.
fn way_back(name: &SecretName, secret: &SecretFacts, facts: &Facts) -> Vec<Finding> {
    let Some(Related { name: before, deleted_at, .. }) = secret.predecessors.first() else { return Vec::new() };
    let served = facts.places.iter().filter(|place| {
        matches!(place.listing, Listing::Served(_)) && place.bindings.iter().any(|binding| binding.secret == *name)
    });
    if let Some(at) = deleted_at {
        let detail = format!("the way back from {name} is closed: the value of {before} was destroyed at {at}");
        let advice = format!("create a successor of {name} with a value that the provider takes");
        return vec![Finding::new(Code::RollBackImpossible, Severity::Note, detail, advice).of(name)];
    }
    served
        .map(|place| {
            let environment = &place.environment;
            let detail = format!("{before} is still there: the way back is open");
            let advice = format!("keyroll route replace-secret {name} {before} --environment {environment}");
            Finding::new(Code::RollBack, Severity::Note, detail, advice).of(name).within(environment)
        })
        .collect()
}

/// Back to what the route was before its last change, with all its members.
fn revision(facts: &Facts) -> Option<Finding> {
    let before = facts.change.before?;
    let detail = format!("the last change is {}", Told(facts));
    let advice = format!("keyroll route roll-back {} {before} puts the whole route back", facts.route);
    Some(Finding::new(Code::RollBack, Severity::Note, detail, advice))
}

/// The last change in words.
pub(super) struct Told<'a>(pub(super) &'a Facts);

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LastChange { number, at, actor, action, .. } = &self.0.change;
        write!(f, "revision {number} of the route, made at {at} by {actor} ({action})")
    }
}
