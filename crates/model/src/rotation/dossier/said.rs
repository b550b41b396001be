//! Each event of a rotation in one sentence.

use crate::name::EnvironmentName;
use crate::rotation::checklist::told;
use crate::rotation::event::{Event, Planned, Reading, WaitFor};

/// What happened, in one sentence.
#[must_use]
pub fn said(event: &Event) -> String {
    match event {
        Event::Planned(planned) => start(planned),
        Event::Approved { reason } => format!("approved: {reason}"),
        Event::Waiting(wait) => waits(wait),
        Event::ProbeBegan => "a probe began".to_owned(),
        Event::Probed { reading, outgoing, tried } => {
            // The engine marks where the outgoing one was tried beside it.
            let incoming = tried.iter().filter(|tried| !tried.place.ends_with(" (outgoing)"));
            let beside = outgoing.map(|outgoing| format!(", the outgoing one {}", read(outgoing))).unwrap_or_default();
            format!("the incoming credential was {} in {}{beside}", read(*reading), count(incoming.count(), "place"))
        }
        Event::ProbeSkipped => "there is nothing to probe with".to_owned(),
        Event::StageBegan { environment, weight, routes, .. } => {
            let routes = count(routes.len(), "route");
            format!("{weight} of the traffic of {routes} in {environment} gets the incoming credential")
        }
        Event::CanaryStep { environment, weight, .. } => {
            format!("{weight} of the traffic in {environment} gets the incoming credential")
        }
        Event::FoundHealthy { environment, healthy } => {
            format!("found healthy in {environment}: {}", told(healthy.basis()))
        }
        Event::UpstreamChanged { spot, upstream } => format!(
            "{} goes to {upstream} in {} now: what was counted before says nothing any more",
            spot.route, spot.environment
        ),
        Event::RouteLeft { spot } => {
            format!("{} names the outgoing secret in {} no longer, by an edit", spot.route, spot.environment)
        }
        Event::Promoted { environment, healthy, changes, revision } => format!(
            "{} changed in {environment} to name the incoming secret, in revision {revision}: {}",
            count(changes.len(), "template"),
            told(healthy.basis())
        ),
        Event::Advanced => "the next step was taken".to_owned(),
        Event::Withdrawn { remains_at, revision, .. } => match remains_at.len() {
            0 => format!("the outgoing secret is in no snapshot from revision {revision} on"),
            places => {
                format!(
                    "the rotation needs the outgoing secret no longer; it is still named in {}",
                    count(places, "place")
                )
            }
        },
        Event::Deleted { unused: Some(_) } => "the outgoing secret's value was destroyed, proven unused".to_owned(),
        Event::Deleted { unused: None } => "the outgoing secret's value was destroyed by an operator".to_owned(),
        Event::Completed => "completed".to_owned(),
        Event::RolledBack { why, changes } if changes.is_empty() => {
            format!("all traffic gets the outgoing credential again, no template had changed: {}", why.in_words())
        }
        Event::RolledBack { why, changes } => {
            let templates = count(changes.len(), "template");
            format!("{templates} changed back to name the outgoing secret: {}", why.in_words())
        }
        Event::Abandoned { note } => format!("abandoned: {note}"),
        Event::Held { note } => format!("held: {note}"),
        Event::Resumed => "resumed".to_owned(),
        Event::NeedsOperator { why } => format!("needs an operator: {}", why.in_words()),
        Event::Attested { step, note, not_applicable: true, .. } => format!("{step} does not apply: {note}"),
        Event::Attested { step, note, link, .. } => {
            format!("{step} attested: {note}{}", link.as_ref().map(|link| format!(" ({link})")).unwrap_or_default())
        }
        Event::AttestationRemoved { step } => format!("{step} is attested no longer"),
    }
}

fn start(planned: &Planned) -> String {
    let Planned { outgoing, incoming, plan, .. } = planned;
    let names: Vec<&str> = plan.stages.iter().map(|stage| stage.environment.as_str()).collect();
    let places = if names.is_empty() { "no environment".to_owned() } else { names.join(", ") };
    format!("{outgoing} is to be replaced by {incoming} in {places} ({})", plan.reason.as_str())
}

fn waits(wait: &WaitFor) -> String {
    match wait {
        WaitFor::Operator => "waits for an operator, as the plan says".to_owned(),
        WaitFor::Judgement { detail } => format!("waits for an operator: {detail}"),
        WaitFor::Window { opens_at } => format!("waits until changes are allowed at {opens_at}"),
        WaitFor::Rival { rotation } => format!("waits for {rotation}, which is in one of the same routes"),
        WaitFor::Gap { rotation, until } => format!("waits until {until}, the least time after {rotation}"),
        WaitFor::Sibling { rotation } => format!("waits for {rotation}, which goes first"),
    }
}

pub(super) fn read(reading: Reading) -> &'static str {
    match reading {
        Reading::Alive => "taken",
        Reading::Dead => "refused",
        Reading::Unclear => "neither taken nor refused",
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// An environment's name with its word, for headings.
pub(super) fn heading(environment: &EnvironmentName, protected: bool) -> String {
    format!("{environment}{}", if protected { " (protected)" } else { "" })
}
