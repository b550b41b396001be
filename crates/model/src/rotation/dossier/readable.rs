//! The document as text: Markdown that reads well in a terminal and on paper.

use std::fmt::Write as _;

use super::said::{heading, read};
use super::{Dossier, Record, Surroundings, Withdrawal};
use crate::rotation::checklist::{Item, ItemState, told};
use crate::rotation::plan::Manner;
use crate::rotation::replace::Change;

/// The document, for people. Texts that people wrote stand on one line each and cannot become headings, markup or
/// commands to a terminal.
#[must_use]
pub fn readable(dossier: &Dossier) -> String {
    let mut out = Page::default();
    out.line(&format!("# Rotation {}: {} is replaced by {}", dossier.rotation, dossier.outgoing, dossier.incoming));
    out.gap();
    let ended = dossier.ended_at.map_or_else(|| "on its way".to_owned(), |at| format!("ended at {at}"));
    out.point(&format!("{}, {ended}; both are {}", dossier.state, dossier.kind.as_str()));
    out.point(&format!("started at {} by {}", dossier.started_at, dossier.started_by));
    match &dossier.approval {
        Some(approval) => {
            out.point(&format!("approved by {}: {} {}", approval.record.by, approval.reason, at(&approval.record)))
        }
        None if dossier.plan.approval => out.point("not approved"),
        None => out.point("no approval was asked for"),
    }
    for actor in &dossier.actors {
        let events: Vec<String> = actor.events.iter().map(ToString::to_string).collect();
        out.point(&format!("{}: events {}", actor.actor, events.join(", ")));
    }
    out.point(&format!("this document was made at {} ({})", dossier.made_at, dossier.format));
    plan(&mut out, dossier);
    for environment in &dossier.environments {
        surroundings(&mut out, environment);
    }
    probes(&mut out, dossier);
    end(&mut out, dossier);
    out.section("Checklist");
    dossier.checklist.iter().for_each(|item| out.line(&format!("- {}", entry(item))));
    // What the checklist has already is not told twice.
    let told: Vec<&str> = dossier.checklist.iter().map(|item| item.step.as_str()).collect();
    out.section("Playbook");
    let more = dossier.playbook.iter().filter(|step| !told.contains(&step.item.step.as_str()));
    more.for_each(|step| out.line(&format!("- {}", entry(&step.item))));
    out.section("Everything that happened");
    for line in &dossier.history {
        let audit = line.record.audit.map(|number| format!(", audit {number}")).unwrap_or_default();
        let Record { event, at, by, .. } = &line.record;
        out.line(&format!("{event}. {at} {by}: {}{audit}", line.said));
    }
    out.section("Anchor");
    match &dossier.checkpoint {
        None => out.line("The audit has no checkpoint yet."),
        Some(checkpoint) => {
            out.line("The audit's last checkpoint. It covers the audit events up to the number that it states:");
            out.code(&match checkpoint {
                serde_json::Value::String(note) => note.lines().map(str::to_owned).collect(),
                other => vec![other.to_string()],
            });
        }
    }
    out.text
}

fn plan(out: &mut Page, dossier: &Dossier) {
    let plan = &dossier.plan;
    out.section("Plan");
    out.point(&format!("reason: {}", plan.reason.as_str()));
    for stage in &plan.stages {
        let shares: Vec<String> = stage.canary.iter().map(ToString::to_string).collect();
        let by = match stage.advance {
            Manner::Automatic => "by itself",
            Manner::Manual => "when an operator advances it",
        };
        let name = heading(&stage.environment, stage.protected);
        let (shares, step, soak) = (shares.join(", "), stage.canary_step, stage.soak);
        out.point(&format!("{name}: {shares} for {step} each, then a soak of {soak}; entered {by}"));
    }
    plan.notes.iter().for_each(|note| out.point(note));
    for mention in &dossier.named_at {
        let place = mention.environment.as_ref().map_or("its base", |name| name.as_str());
        out.point(&format!("named at the start: {} in {place}, {}", mention.route, mention.field));
    }
}

fn surroundings(out: &mut Page, environment: &Surroundings) {
    out.section(&heading(&environment.environment, environment.protected));
    if environment.steps.is_empty() {
        return out.line("Not entered.");
    }
    for (route, upstream) in &environment.routes {
        out.point(&format!("{route} took part, to {upstream}"));
    }
    for judged in &environment.verdicts {
        out.point(&format!("verdict on {}: {}, by {} answers", judged.upstream, judged.verdict, judged.judged));
    }
    out.gap();
    let mut rows =
        vec![["share", "from", "upstream", "alive", "pairs", "unpaired", "out alive", "out dead"].map(str::to_owned)];
    for step in &environment.steps {
        let share = step.weight.map_or_else(|| "templates".to_owned(), |weight| weight.to_string());
        let from = step.record.at.to_string();
        if step.counts.is_empty() {
            let none = || "-".to_owned();
            rows.push([share.clone(), from.clone(), none(), none(), none(), none(), none(), none()]);
        }
        for tally in &step.counts {
            let [alive, pairs, unpaired, out_alive, out_dead] =
                [tally.alive, tally.pairs, tally.unpaired, tally.outgoing_alive, tally.outgoing_dead]
                    .map(|count| count.to_string());
            let upstream = tally.upstream.clone();
            rows.push([share.clone(), from.clone(), upstream, alive, pairs, unpaired, out_alive, out_dead]);
        }
    }
    out.table(&rows);
    if let Some(promoted) = &environment.promotion {
        out.gap();
        let why = told(promoted.healthy.basis());
        out.line(&format!("Promoted in revision {} {}: {why}.", promoted.revision, at(&promoted.record)));
        out.diff(&promoted.changes);
    }
}

fn probes(out: &mut Page, dossier: &Dossier) {
    if dossier.probes.is_empty() {
        return;
    }
    out.section("Probes");
    for probe in &dossier.probes {
        let beside = probe.outgoing.map(|outgoing| format!(", outgoing {}", read(outgoing))).unwrap_or_default();
        out.point(&format!("incoming {}{beside} {}", read(probe.reading), at(&probe.record)));
        for tried in &probe.tried {
            let class = tried.status_class.as_ref().map(|class| format!(" {class}")).unwrap_or_default();
            out.line(&format!("  - {}:{class} {}", tried.place, tried.detail));
        }
    }
}

fn end(out: &mut Page, dossier: &Dossier) {
    if let Some(back) = &dossier.roll_back {
        out.section("Roll back");
        out.line(&format!("Rolled back {}: {}.", at(&back.record), back.why.in_words()));
        out.diff(&back.changes);
    }
    out.section("The end of the outgoing secret");
    let Some(Withdrawal { record, revision, soak, converged, remains_at }) = &dossier.withdrawal else {
        return out.line("It is not withdrawn.");
    };
    let needed =
        soak.needed_at().map_or_else(|| "not needed at all".to_owned(), |needed| format!("last needed at {needed}"));
    out.point(&format!(
        "zero-use window: {needed}, the last promotion at {}; from the later of both until {} nothing needed it",
        soak.promoted_at(),
        soak.elapsed_at()
    ));
    out.point(&format!("converged: {} at or past revision {}", converged.nodes().join(", "), converged.revision()));
    out.point(&format!("withdrawn in revision {revision} {}", at(record)));
    for mention in remains_at {
        out.point(&format!("still named by {}, {}", mention.route, mention.field));
    }
    match &dossier.deletion {
        None => out.point("not deleted"),
        Some(deletion) => {
            let proof = if deletion.unused.is_some() { "proven unused" } else { "by an operator" };
            out.point(&format!("deleted, {proof} {}", at(&deletion.record)));
        }
    }
}

fn at(record: &Record) -> String {
    let audit = record.audit.map(|number| format!(", audit {number}")).unwrap_or_default();
    format!("(event {}{audit}, {} by {})", record.event, record.at, record.by)
}

fn entry(item: &Item) -> String {
    let mark = match item.state {
        ItemState::Open => "[ ]",
        ItemState::NotApplicable => "[-]",
        ItemState::Evidence | ItemState::Attested => "[x]",
    };
    let by = item.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let at = item.at.map(|at| format!(" at {at}")).unwrap_or_default();
    let record = item.record.as_ref().map(|record| format!(", {record}")).unwrap_or_default();
    let link = item.link.as_ref().map(|link| format!(" ({link})")).unwrap_or_default();
    format!("{mark} {}: {}{by}{at}{record}: {}{link}", item.step, item.state.as_str(), item.note)
}

/// Lines of Markdown. Whatever comes in is one line: what could end it, drive a terminal or be taken for HTML does not get
/// through.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        let text: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
        let _ = writeln!(self.text, "{}", text.trim_end().replace('<', "\\<"));
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn point(&mut self, text: &str) {
        self.line(&format!("- {text}"));
    }

    fn section(&mut self, title: &str) {
        self.gap();
        self.line(&format!("## {title}"));
        self.gap();
    }

    fn code(&mut self, lines: &[String]) {
        // Indented rather than fenced: no line can end it.
        self.gap();
        for line in lines {
            let line: String = line.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
            let _ = writeln!(self.text, "{}", format!("    {line}").trim_end());
        }
    }

    fn diff(&mut self, changes: &[Change]) {
        let mut lines = Vec::new();
        for Change { route, environment, field, before, after } in changes {
            let place = environment.as_ref().map_or("base", |name| name.as_str());
            lines.extend([format!("{route} {place} {field}"), format!("- {before}"), format!("+ {after}")]);
        }
        if !lines.is_empty() {
            self.code(&lines);
        }
    }

    fn table<const N: usize>(&mut self, rows: &[[String; N]]) {
        let mut widths = [0_usize; N];
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for (at, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{:<width$}", cell.replace('|', "\\|")));
            self.line(&format!("| {} |", cells.collect::<Vec<_>>().join(" | ")));
            if at == 0 {
                let rules = widths.map(|width| "-".repeat(width));
                self.line(&format!("| {} |", rules.join(" | ")));
            }
        }
    }
}
