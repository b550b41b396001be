//! `GET /v1/audit/checkpoint`: how long the audit is and what it holds, in one signed line of text.

use std::sync::Arc;

use api::audit::CheckpointItem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use store::ReadTx;

use crate::call::{Call, answer};
use crate::refusal::Refusal;
use crate::state::Control;

/// A checkpoint of the audit as it is now: size and root of its Merkle tree (RFC 9162), signed (C2SP tlog-checkpoint). Kept
/// where this system cannot write, it shows later whether anything before it was changed or cut off.
#[utoipa::path(
    get,
    path = "/v1/audit/checkpoint",
    tag = "audit",
    responses((status = 200, body = CheckpointItem))
)]
pub(super) async fn checkpoint(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::ReadAudit])?;
    answer(StatusCode::OK, &signed(&control, &control.store.read().await?).await?)
}

/// A checkpoint of the audit as this transaction sees it.
pub(in crate::endpoints) async fn signed(control: &Control, tx: &ReadTx) -> Result<CheckpointItem, Refusal> {
    let tree = tx.audit_tree().await?;
    let key = control.keys.fingerprints.audit_key();
    let note = key.sign(tree.size(), &tree.root());
    let root = tree.root().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(CheckpointItem { size: tree.size(), root, note, public_key: key.verifier().to_string() })
}
