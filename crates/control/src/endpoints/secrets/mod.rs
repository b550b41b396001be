//! Secrets: made once, described anew, compared, tried, and destroyed when nothing needs them.

mod compare;
mod create;
mod delete;
mod delete_several;
mod draft;
mod edit;
mod get;
mod group;
mod list;
mod probe;
mod probe_rules;
mod reach;
mod removal;
mod routes;
mod rules;
mod successor;
mod usage;
mod view;
mod words;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::state::Control;

pub(super) use draft::Desk;
pub(super) use probe::Tries;
pub(super) use rules::need;
pub(super) use successor::free_name;
pub(super) use view::{demand_active, find, record, sealed};

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new()
        .routes(utoipa_axum::routes!(list::list, create::create))
        .routes(utoipa_axum::routes!(delete_several::delete))
        .routes(utoipa_axum::routes!(get::get, edit::edit, delete::delete))
        .routes(utoipa_axum::routes!(routes::routes))
        .routes(utoipa_axum::routes!(usage::usage))
        .routes(utoipa_axum::routes!(compare::compare))
        .routes(utoipa_axum::routes!(probe::probe))
}
