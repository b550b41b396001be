//! Routes: where requests go, and which credentials are added on the way.

mod create;
mod delete;
mod doctor;
mod exchange;
mod get;
mod list;
mod patch;
mod put;
mod replace_secret;
mod revisions;
mod rights;
mod roll_back;
mod rules;
mod save;
mod sent;
mod several;
mod test;
mod view;
mod wire;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::call::Call;
use crate::state::Control;

pub(super) use exchange::record;
pub(super) use rules::world;
pub(super) use several::judge;

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(replace_secret::replace_secret))
        .route("/v1/routes/replace-secret", namesake())
        .routes(routes!(get::get, put::put, patch::patch, delete::delete))
        .routes(routes!(revisions::revisions))
        .routes(routes!(roll_back::roll_back))
        .routes(routes!(test::test))
        .routes(routes!(doctor::look, doctor::probe))
}

/// A route may be called `replace-secret` too. No POST goes to a route itself, so that the two share one address.
fn namesake() -> routing::MethodRouter<Arc<Control>> {
    type Shared = State<Arc<Control>>;
    let name = || Path("replace-secret".to_owned());
    routing::get(move |control: Shared, call: Call| get::get(control, name(), call))
        .put(move |control: Shared, call: Call| put::put(control, name(), call))
        .patch(move |control: Shared, call: Call| patch::patch(control, name(), call))
        .delete(move |control: Shared, call: Call| delete::delete(control, name(), call))
}
