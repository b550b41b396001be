//! A node as it is told.

use api::node::NodeItem;
use model::name::nearest;
use model::node::{Node, NodeState};
use model::time::{Span, Timestamp};
use store::ReadTx;

use crate::refusal::Refusal;

/// As the API tells it, at the moment `now` by the database's clock.
pub(in crate::endpoints) async fn item(tx: &ReadTx, node: &Node, now: Timestamp) -> Result<NodeItem, Refusal> {
    let state = node.state(now);
    let serves = node.role.has_gateway() && node.revision.is_some() && state != NodeState::Gone;
    let serves = serves && state != NodeState::Stopped;
    Ok(NodeItem {
        id: node.id.clone(),
        name: node.name.clone(),
        role: node.role.to_string(),
        version: node.version.clone(),
        revision: node.revision,
        lag_ms: lag(tx, node).await?,
        last_seen_at: node.last_seen_at.to_string(),
        started_at: node.started_at.to_string(),
        state: state.as_str().to_owned(),
        stopped_by: node.stopped.as_ref().map(|stopped| stopped.by.clone()),
        may_serve_until: serves.then(|| node.last_seen_at.plus(node.max_staleness).to_string()),
    })
}

/// How long the first change that it does not serve had been there when the node was last heard from.
async fn lag(tx: &ReadTx, node: &Node) -> Result<Option<i64>, Refusal> {
    let Some(revision) = node.revision else { return Ok(None) };
    let position = tx.position();
    let missing = position.revision.saturating_sub(revision);
    if missing <= 0 && node.incarnation == position.incarnation {
        return Ok(Some(0));
    }
    // Each change has one event: the latest `missing` ones are those that it lacks.
    let first = position.audit_size.saturating_sub(missing).saturating_add(1);
    let since = tx.audit_time(first).await?;
    Ok(Some(since.map_or(0, |since| Span::between(since, node.last_seen_at).as_millis())))
}

/// The node, or 404 with the id that was probably meant.
pub(super) async fn find(tx: &ReadTx, id: &str) -> Result<Node, Refusal> {
    match tx.node(id).await? {
        Some(node) => Ok(node),
        None => {
            let all = tx.nodes().await?;
            Err(Refusal::not_found("node", id, nearest(id, all.iter().map(|other| other.id.as_str()))))
        }
    }
}
