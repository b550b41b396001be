//! Environments: the stages that a change reaches in the order of their ranks.

mod create;
mod delete;
mod edit;
mod get;
mod list;
mod view;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Control;

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new().routes(routes!(list::list, create::create)).routes(routes!(
        get::get,
        edit::edit,
        delete::delete
    ))
}
