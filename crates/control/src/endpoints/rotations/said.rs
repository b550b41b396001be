//! The events of a rotation in words.

use model::rotation::{Basis, Event, Healthy, Mention, Reading, WaitFor};

/// What happened, as one line of its history.
pub(super) fn happened(event: &Event) -> String {
    match event {
        Event::Planned(planned) => {
            let names: Vec<_> = planned.plan.stages.iter().map(|stage| stage.environment.as_str()).collect();
            let places = if names.is_empty() { "no environment".to_owned() } else { names.join(", ") };
            format!("{} is to be replaced by {} in {places}", planned.outgoing, planned.incoming)
        }
        Event::Approved { reason } => format!("approved: {reason}"),
        Event::Waiting(wait) => format!("waits for {}", awaited(wait)),
        Event::ProbeBegan => "a probe began".to_owned(),
        Event::Probed { reading, outgoing, tried } => {
            let beside = outgoing.map(|reading| format!("; the outgoing one {}", read(reading))).unwrap_or_default();
            let places: Vec<_> = tried.iter().map(|tried| format!("{}: {}", tried.place, tried.detail)).collect();
            let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join("; ")) };
            format!("the incoming credential {}{beside}{places}", read(*reading))
        }
        Event::ProbeSkipped => "there is nothing to try the incoming credential out with".to_owned(),
        Event::StageBegan { environment, weight, routes } => {
            format!(
                "{weight} of the traffic of {environment} gets the incoming credential, in {}",
                count(routes, "route")
            )
        }
        Event::CanaryStep { environment, weight, .. } => {
            format!("{weight} of the traffic of {environment} gets the incoming credential")
        }
        Event::FoundHealthy { environment, healthy } => {
            format!("found healthy in {environment}: {}", because(healthy))
        }
        Event::UpstreamChanged { spot, upstream } => {
            format!("the route {} goes to {upstream} in {}: evidence begins anew", spot.route, spot.environment)
        }
        Event::RouteLeft { spot } => {
            format!("the route {} names the outgoing secret no longer in {}", spot.route, spot.environment)
        }
        Event::Promoted { environment, healthy, changes, revision } => format!(
            "{} of {environment} name the incoming secret, in revision {revision}: {}",
            count(changes, "template"),
            because(healthy)
        ),
        Event::Advanced => "the next step was taken".to_owned(),
        Event::Withdrawn { remains_at, revision, .. } if remains_at.is_empty() => {
            format!("the outgoing secret is out of every snapshot from revision {revision} on")
        }
        Event::Withdrawn { remains_at, .. } => format!("the outgoing secret stays, {}", named(remains_at)),
        Event::Deleted { unused: Some(_) } => "the outgoing secret's value is destroyed, proven unused".to_owned(),
        Event::Deleted { unused: None } => "the outgoing secret's value is destroyed, by an operator".to_owned(),
        Event::Completed => "completed".to_owned(),
        Event::RolledBack { why, changes } if changes.is_empty() => {
            format!("all traffic gets the outgoing credential again, no template had changed: {}", why.in_words())
        }
        Event::RolledBack { why, changes } => {
            format!("{} name the outgoing secret again: {}", count(changes, "template"), why.in_words())
        }
        Event::Abandoned { note } => noted("abandoned", note),
        Event::Held { note } => noted("held", note),
        Event::Resumed => "resumed".to_owned(),
        Event::NeedsOperator { why } => format!("needs an operator: {}", why.in_words()),
        Event::Attested { step, note, not_applicable: true, .. } => format!("{step} does not apply: {note}"),
        Event::Attested { step, note, .. } => format!("{step} attested: {note}"),
        Event::AttestationRemoved { step } => format!("{step} is attested no longer"),
    }
}

/// What is about to happen by itself.
pub(super) fn about_to(event: &Event) -> String {
    match event {
        Event::StageBegan { environment, weight, .. } => {
            format!("enter {environment}: give the incoming secret {weight} of its traffic")
        }
        Event::CanaryStep { environment, weight, .. } => {
            format!("give the incoming secret {weight} of the traffic of {environment}")
        }
        Event::Waiting(wait) => format!("wait for {}", awaited(wait)),
        Event::Completed => "complete".to_owned(),
        Event::Advanced => "take the next step".to_owned(),
        Event::NeedsOperator { why } => format!("ask for an operator: {}", why.in_words()),
        other => format!("note: {}", happened(other)),
    }
}

fn awaited(wait: &WaitFor) -> String {
    match wait {
        WaitFor::Operator => "an operator's advance, as the plan says".to_owned(),
        WaitFor::Judgement { detail } => format!("an operator's advance: {detail}"),
        WaitFor::Window { opens_at } => format!("a time at which changes are allowed, {opens_at}"),
        WaitFor::Rival { rotation } => format!("{rotation}, whose canary is in one of the same routes"),
        WaitFor::Gap { rotation, until } => format!("{until}, the least time after {rotation}, which shares a route"),
        WaitFor::Sibling { rotation } => format!("{rotation}, which goes first"),
    }
}

fn because(healthy: &Healthy) -> String {
    match healthy.basis() {
        Basis::Traffic { judged } => format!("{judged} answers say so"),
        Basis::Probe { at } => format!("a probe at {at} says so"),
        Basis::Attested { by } => format!("{by} vouches for it"),
        Basis::Unsent => "no route sends it".to_owned(),
    }
}

fn read(reading: Reading) -> &'static str {
    match reading {
        Reading::Alive => "was taken",
        Reading::Dead => "was refused",
        Reading::Unclear => "got no clear answer",
    }
}

fn named(mentions: &[Mention]) -> String {
    let each = mentions.iter().map(|mention| {
        let place = mention.environment.as_ref().map_or_else(|| "its base".to_owned(), ToString::to_string);
        format!("{} in {place}", mention.route)
    });
    format!("named by {}", each.collect::<Vec<_>>().join(", "))
}

fn noted(word: &str, note: &str) -> String {
    if note.is_empty() { word.to_owned() } else { format!("{word}: {note}") }
}

fn count<T>(all: &[T], what: &str) -> String {
    let plural = if all.len() == 1 { "" } else { "s" };
    format!("{} {what}{plural}", all.len())
}
