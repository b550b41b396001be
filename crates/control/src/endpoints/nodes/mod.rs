//! Nodes: who shares the database, and who may still serve what.

mod attest;
mod get;
mod list;
mod view;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Control;

pub(super) use view::item;

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(get::get)).routes(routes!(attest::attest_stopped))
}
