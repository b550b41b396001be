//! A rotation as a page for a person: where it stands, what comes next, what was measured, and what happened.

use api::rotation::{ChecklistItem, Manner, RotationItem, VerdictWord};
use model::time::Timestamp;

use super::super::table::grid;
use super::{counts, moment};

/// Where it stands and what comes next.
pub(super) fn brief(item: &RotationItem, now: Timestamp) -> String {
    let mut rows = vec![
        ("Rotation", item.id.clone()),
        ("State", format!("{}, for {}", state(item), moment::ago(&item.state_since, now))),
        ("Outgoing", item.outgoing.clone()),
        ("Incoming", item.incoming.clone()),
    ];
    if let Some(stage) = &item.stage {
        rows.push(("Stage", format!("{} of {}: {}", stage.number, stage.of, stage.name)));
    }
    if let Some(canary) = &item.canary {
        let careful = if canary.careful { ", careful: what cannot be sent again keeps the outgoing one" } else { "" };
        rows.push((
            "Canary",
            format!("{} of {}, {}{careful}", canary.weight, canary.environment, super::live::step(canary, now)),
        ));
    }
    if !item.promoted.is_empty() {
        rows.push(("Promoted", item.promoted.join(", ")));
    }
    rows.push(("Next", next(item, now)));
    rows.extend(item.next.waits_for.clone().map(|waits| ("Waits for", waits)));
    rows.push(("Verdict", verdict(item)));
    rows.push(("Started", format!("{} by {}", item.started_at, item.started_by)));
    if !item.possible.is_empty() {
        rows.push(("Possible", item.possible.join(", ")));
    }
    grid(None, rows.into_iter().map(|(label, text)| vec![format!("{label}:"), text]).collect())
}

/// All of it.
pub(super) fn whole(item: &RotationItem, now: Timestamp) -> String {
    let mut text = brief(item, now);
    let mut part = |title: &str, head: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let head = head.iter().map(|word| (*word).to_owned()).collect();
            text.push_str(&format!("\n{title}:\n{}", indented(&grid(Some(head), rows))));
        }
    };
    part("Answers", &counts::HEAD, counts::rows(item, None));
    let stages = item.plan.stages.iter().map(|stage| {
        let enters = match stage.advance {
            Manner::Automatic => "by itself",
            Manner::Manual => "on advance",
        };
        [&stage.environment, &stage.canary.join(", "), &stage.canary_step, &stage.soak]
            .map(String::clone)
            .into_iter()
            .chain([enters.to_owned()])
            .collect()
    });
    part("Plan", &["ENVIRONMENT", "CANARY", "STEP", "SOAK", "ENTERED"], stages.collect());
    let changes = item.diff.iter().map(|change| {
        let environment = change.environment.clone().unwrap_or_else(|| "(base)".to_owned());
        let done = if change.done { "done" } else { "to come" };
        vec![change.route.clone(), environment, change.field.clone(), change.after.clone(), done.to_owned()]
    });
    part("Templates", &["ROUTE", "ENVIRONMENT", "FIELD", "AFTER", ""], changes.collect());
    part("Checklist", &CHECKLIST, item.checklist.iter().map(checklist).collect());
    let history = item
        .history
        .iter()
        .map(|line| vec![line.at.clone(), line.event.clone(), line.actor.clone(), line.detail.clone()]);
    part("History", &["AT", "EVENT", "BY", "DETAIL"], history.collect());
    for note in &item.plan.notes {
        text.push_str(&format!("\nNote: {note}\n"));
    }
    text
}

/// The head of a checklist.
pub(super) const CHECKLIST: [&str; 5] = ["STEP", "STATE", "BY", "AT", "DETAIL"];

/// One entry of a checklist: what shows that it is done, or what it asks for.
pub(super) fn checklist(entry: &ChecklistItem) -> Vec<String> {
    let or_nothing = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let detail = [&entry.note, &entry.record, &entry.link].into_iter().flatten().cloned().collect::<Vec<_>>();
    let detail = if detail.is_empty() { entry.title.clone() } else { detail.join("; ") };
    vec![entry.step.clone(), entry.state.clone(), or_nothing(&entry.by), or_nothing(&entry.at), detail]
}

/// The word of its state, with where it would go on.
pub(super) fn state(item: &RotationItem) -> String {
    match &item.paused_in {
        Some(word) => format!("{} (in {word})", item.state),
        None => item.state.clone(),
    }
}

/// What comes next, and when.
pub(super) fn next(item: &RotationItem, now: Timestamp) -> String {
    match &item.next.at {
        Some(at) => format!("{}, {} ({at})", item.next.what, moment::ahead(at, now)),
        None => item.next.what.clone(),
    }
}

/// The verdict in one line.
pub(super) fn verdict(item: &RotationItem) -> String {
    let word = match item.verdict.word {
        VerdictWord::Healthy => "healthy",
        VerdictWord::Undecided => "undecided",
        VerdictWord::Unhealthy => "unhealthy",
        VerdictWord::Unjudgeable => "unjudgeable",
    };
    if item.verdict.detail.is_empty() { word.to_owned() } else { format!("{word}: {}", item.verdict.detail) }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
