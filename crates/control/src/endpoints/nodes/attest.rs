//! `POST /v1/nodes/{id}/attest-stopped`.

use std::sync::Arc;

use api::node::{NodeAttest, NodeItem};
use api::problem::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::node::NodeState;
use serde_json::json;

use super::view;
use crate::call::{Call, answer};
use crate::members::{Members, free_text};
use crate::refusal::Refusal;
use crate::state::Control;

/// Takes an operator's word that a silent node is stopped, so that nobody waits any longer for what it might still serve.
/// A node that is heard from again is no longer taken for stopped.
#[utoipa::path(
    post,
    path = "/v1/nodes/{id}/attest-stopped",
    tag = "nodes",
    params(("id" = String, Path, description = "The node.")),
    request_body = NodeAttest,
    responses(
        (status = 200, body = NodeItem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn attest_stopped(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Attest])?;
    let body: NodeAttest = call.json()?;
    let mut members = Members::default();
    members.demand(!body.reason.trim().is_empty(), "/reason", "reason-missing", "says how it is known");
    free_text(&mut members, "/reason", &body.reason);
    members.finish()?;
    let mut tx = call.begin(&control, &permit).await?;
    let before = view::find(&tx, &id).await?;
    let now = tx.now().await?;
    if before.state(now) == NodeState::Live {
        let detail = "it was heard from within the last seconds; stop it first, and it says so by itself";
        return Err(Refusal::conflict("node-is-live", "The node is live", detail));
    }
    let told = json!({"state": before.state(now).as_str(), "last_seen_at": before.last_seen_at});
    tx.attest_stopped(&id).await?;
    let after = view::item(&tx, &view::find(&tx, &id).await?, now).await?;
    let event = call.event(&permit, "node.attest-stopped", format!("node/{id}")).before(told);
    let event = event.after(json!({"state": after.state, "name": after.name, "reason": body.reason}));
    call.commit(tx, event, StatusCode::OK, &after).await?;
    answer(StatusCode::OK, &after)
}
