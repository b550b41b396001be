//! What a rotation would do, for a person who decides whether to start it.

use api::rotation::{Manner, RotationImpact, Severity};

use super::super::fault::Fault;
use super::super::out::plain;
use super::super::table::grid;

/// The whole of it: what carries the outgoing secret today, what changes, how it goes on, and what should be known before.
pub(super) fn text(impact: &RotationImpact) -> String {
    let mut text = format!("{} is replaced by {}\n", plain(&impact.outgoing), plain(&impact.incoming));
    let mut part = |title: &str, head: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let head = head.iter().map(|word| (*word).to_owned()).collect();
            text.push_str(&format!("\n{title}:\n{}", indented(&grid(Some(head), rows))));
        }
    };
    let routes = impact.routes.iter();
    let routes = routes.map(|entry| {
        vec![entry.route.clone(), entry.environment.clone(), entry.field.clone(), entry.requests_24h.to_string()]
    });
    part("Used by", &["ROUTE", "ENVIRONMENT", "FIELD", "REQUESTS IN 24 H"], routes.collect());
    let diff = impact.diff.iter();
    let diff = diff.map(|change| {
        let environment = change.environment.clone().unwrap_or_else(|| "(base)".to_owned());
        vec![change.route.clone(), environment, change.before.clone(), change.after.clone()]
    });
    part("Changes", &["ROUTE", "ENVIRONMENT", "BEFORE", "AFTER"], diff.collect());
    let stages = impact.plan.stages.iter();
    let stages = stages.map(|stage| {
        let enters = match stage.advance {
            Manner::Automatic => "by itself",
            Manner::Manual => "on advance",
        };
        let texts = [&stage.environment, &stage.canary.join(", "), &stage.canary_step, &stage.soak].map(String::clone);
        texts.into_iter().chain([enters.to_owned()]).collect()
    });
    part("Plan", &["ENVIRONMENT", "CANARY", "STEP", "SOAK", "ENTERED"], stages.collect());
    let manner = |manner| match manner {
        Manner::Automatic => "by itself",
        Manner::Manual => "by an operator",
    };
    text.push_str(&format!("  a bad credential is rolled back {}", manner(impact.plan.roll_back)));
    text.push_str(&format!("; the outgoing secret is deleted {}\n", manner(impact.plan.delete_outgoing)));
    let is_found = |note: &&String| impact.findings.iter().any(|finding| finding.detail == **note);
    for note in impact.plan.notes.iter().filter(|note| !is_found(note)) {
        text.push_str(&format!("  {}\n", plain(note)));
    }
    if !impact.findings.is_empty() {
        let findings = impact.findings.iter().map(|finding| {
            let places = [&finding.route, &finding.environment].into_iter().flatten().cloned().collect::<Vec<_>>();
            let place = if places.is_empty() { "-".to_owned() } else { places.join("@") };
            vec![word(finding.severity).to_owned(), finding.code.clone(), place, finding.detail.clone()]
        });
        text.push_str(&format!("\nFindings:\n{}", indented(&grid(None, findings.collect()))));
    }
    text
}

/// A fault where a start would be refused.
pub(super) fn refused(impact: &RotationImpact) -> Result<(), Fault> {
    match impact.findings.iter().filter(|finding| finding.severity == Severity::Error).count() {
        0 => Ok(()),
        problems => Err(Fault::Problems(problems)),
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
