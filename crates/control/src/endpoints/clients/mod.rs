//! Clients: the applications that call the gateway, and their keys.

mod create;
mod delete;
mod edit;
mod get;
mod key_create;
mod key_revoke;
mod list;
mod view;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Control;

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(get::get, edit::edit, delete::delete))
        .routes(routes!(key_create::create))
        .routes(routes!(key_revoke::revoke))
}
