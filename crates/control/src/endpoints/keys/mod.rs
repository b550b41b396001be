//! Key-encryption keys: what each wraps, and wrapping it with the current one. Keys are made and taken out in the KEK
//! file, never through here.

mod list;
mod rewrap;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Control;

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(rewrap::rewrap))
}

/// A count as the wire has it.
fn count(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}
