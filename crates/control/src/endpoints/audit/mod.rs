//! The audit: who changed what, in the order of the changes.

mod checkpoint;
mod export;
mod list;

use std::sync::Arc;

use api::audit::{AuditItem, AuditRecord};
use store::AuditRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::refusal::Refusal;
use crate::state::Control;

pub(super) use checkpoint::signed;

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(export::export))
        .routes(routes!(checkpoint::checkpoint))
}

/// The record as it is stored, with its hash.
fn item(row: &AuditRow) -> Result<AuditItem, Refusal> {
    let record: AuditRecord = serde_json::from_str(&row.record)
        .map_err(|_| Refusal::internal(format!("audit event {} cannot be read", row.sequence)))?;
    let leaf_hash = row.leaf.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(AuditItem { record, leaf_hash })
}
