//! Who shares the database, and who is behind.

use std::collections::BTreeSet;

use api::doctor::Finding;
use model::node::NodeState;
use model::time::Timestamp;
use store::ReadTx;

use super::super::nodes::item;
use crate::refusal::Refusal;

/// The promise: a change is served by every live node within a second.
const LAG_MS: i64 = 1_000;

pub(super) async fn look(tx: &ReadTx) -> Result<Vec<Finding>, Refusal> {
    let now: Timestamp = tx.now().await?;
    let (mut findings, mut versions, mut live) = (Vec::new(), BTreeSet::new(), 0);
    for node in tx.nodes().await? {
        let told = item(tx, &node, now).await?;
        let subject = format!("{} ({})", told.name, told.id);
        match node.state(now) {
            NodeState::Live => {
                live += 1;
                versions.insert(told.version.clone());
                if told.lag_ms.is_some_and(|lag| lag > LAG_MS) {
                    let detail = format!(
                        "serves revision {}, behind by {} ms",
                        told.revision.unwrap_or(0),
                        told.lag_ms.unwrap_or(0)
                    );
                    let advice = "look at its log and its way to the database";
                    findings.push(Finding::warning("nodes", subject, detail, advice));
                }
            }
            NodeState::Silent => {
                let until = told.may_serve_until.unwrap_or_else(|| "now".to_owned());
                let detail =
                    format!("not heard from since {}; it may serve what it last had until {until}", told.last_seen_at);
                let advice =
                    "if it is stopped for good: keyroll node attest-stopped; else look at its way to the database";
                findings.push(Finding::warning("nodes", subject, detail, advice));
            }
            NodeState::Gone | NodeState::Stopped => {}
        }
    }
    if versions.len() > 1 {
        let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
        let detail = format!("live nodes run different versions: {versions}");
        findings.push(Finding::warning("nodes", "", detail, "finish the upgrade"));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("nodes", "", format!("{live} live, none behind")));
    }
    Ok(findings)
}
