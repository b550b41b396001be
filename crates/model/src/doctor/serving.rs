//! Cached old values: which nodes serve the route as it is now, and which may still serve what was there before.

use super::{Code, Facts, Finding, NodeFact, Severity};
use crate::node::NodeState;

/// The promise: a change is served by every live node within a second.
const PROMISED_MS: i64 = 1_000;

pub(super) fn look(facts: &Facts) -> Vec<Finding> {
    let gateways: Vec<&NodeFact> = facts.nodes.iter().filter(|node| node.has_gateway).collect();
    let mut found: Vec<Finding> = gateways.iter().filter_map(|node| behind(node)).collect();
    let live: Vec<&&NodeFact> =
        gateways.iter().filter(|node| node.state == NodeState::Live && node.revision.is_some()).collect();
    if live.is_empty() {
        let detail = "no live node serves traffic";
        found.push(Finding::new(Code::NoNodeServes, Severity::Error, detail, "keyroll node list; keyroll health"));
    } else if live.iter().all(|node| node.is_current) {
        let lowest = live.iter().filter_map(|node| node.revision).min().unwrap_or_default();
        let detail = match live.as_slice() {
            [only] => format!("{} serves the route as it is now, at revision {lowest}", only.name),
            all => format!("all {} live nodes serve the route as it is now, at revision {lowest} or later", all.len()),
        };
        found.push(Finding::new(Code::NodesCurrent, Severity::Ok, detail, ""));
    }
    found
}

fn behind(node: &NodeFact) -> Option<Finding> {
    let NodeFact { name, id, lag_ms, last_seen_at, may_serve_until, .. } = node;
    let Some(revision) = node.revision else {
        let detail = format!("{name} serves no traffic yet: it has read no snapshot");
        let advice = "look at its log, and whether it is locked or cannot reach the database";
        return (node.state == NodeState::Live)
            .then(|| Finding::new(Code::NodeServesNothing, Severity::Error, detail, advice));
    };
    match node.state {
        NodeState::Live if node.is_current => None,
        NodeState::Live => {
            let detail =
                format!("{name} serves revision {revision}, from before the last change, behind by {lag_ms} ms");
            let (severity, advice) = match *lag_ms <= PROMISED_MS {
                true => (Severity::Note, "a change is served within a second: ask again"),
                false => (
                    Severity::Error,
                    "look at its log and its way to the database; until then it sends what was there before",
                ),
            };
            Some(Finding::new(Code::NodeServesOld, severity, detail, advice))
        }
        NodeState::Silent => {
            let what = if node.is_current { "what is there now" } else { "what was there before the last change" };
            let detail = format!(
                "{name} was last heard from at {last_seen_at}, at revision {revision}: until {may_serve_until} it may still \
                 serve {what}"
            );
            let advice = format!(
                "if it is stopped for good: keyroll node attest-stopped {id} --reason '…'; else look at its way to the database"
            );
            Some(Finding::new(Code::NodeSilent, Severity::Warning, detail, advice))
        }
        NodeState::Gone | NodeState::Stopped => None,
    }
}
