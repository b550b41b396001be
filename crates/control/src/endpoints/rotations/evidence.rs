//! `GET /v1/rotations/{id}/evidence`.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::problem::Problem;
use api::rotation::{EvidenceForm, EvidenceQuery, RotationEvidence};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::access::Need;
use model::rotation::{Counted, Dossier, Sources, dossier, playbook, readable};
use store::ReadTx;

use super::look::Look;
use crate::call::{Call, answer};
use crate::endpoints::audit;
use crate::refusal::Refusal;
use crate::state::Control;

/// The evidence of a rotation as one document: what was planned, who did what and why, what was measured and changed, and
/// what was proven before the outgoing secret went; anchored to the audit by a signed checkpoint. With `form=text`, the same
/// for people.
#[utoipa::path(
    get,
    path = "/v1/rotations/{id}/evidence",
    tag = "rotations",
    params(("id" = String, Path, description = "The rotation."), EvidenceQuery),
    responses(
        (status = 200, content((RotationEvidence = "application/json"), (String = "text/markdown"))),
        (status = 403, body = Problem),
        (status = 404, body = Problem)
    )
)]
pub(super) async fn evidence(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::ReadAudit])?;
    let query: EvidenceQuery = call.query()?;
    // One state of the database: the checkpoint covers every event that the document names.
    let tx = control.store.read().await?;
    let look = Look::take(&control, &tx, &id, call.now).await?;
    let document = made(&control, &tx, &look, &call).await?;
    match query.form.unwrap_or(EvidenceForm::Json) {
        EvidenceForm::Json => {
            let document = serde_json::to_value(&document).map_err(|error| Refusal::internal(error.to_string()))?;
            answer(StatusCode::OK, &RotationEvidence(document))
        }
        EvidenceForm::Text => {
            let mut response = readable(&document).into_response();
            let kind = HeaderValue::from_static("text/markdown; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            Ok(response)
        }
    }
}

async fn made(control: &Control, tx: &ReadTx, look: &Look, call: &Call) -> Result<Dossier, Refusal> {
    let (rotation, log) = (&look.logged.rotation, &look.logged.log);
    let numbers = log.iter().map(|entry| entry.number);
    let audited: BTreeMap<i64, i64> = numbers.zip(look.logged.sequences.iter().copied()).collect();
    let checkpoint = audit::signed(control, tx).await?;
    let counted: Vec<Counted> = look.facts.counts.iter().map(Counted::from).collect();
    Ok(dossier(Sources {
        rotation,
        log,
        counted: &counted,
        audit: &audited,
        checkpoint: serde_json::to_value(checkpoint).ok(),
        checklist: look.checklist(),
        playbook: playbook(rotation, log, &look.present),
        now: call.now,
    }))
}
