//! What a probe, a load balancer or a program asks before anything else. No token needed.

mod health;
mod openapi;
mod ready;
mod version;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Control;

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(ready::ready))
        .routes(routes!(version::version))
        .routes(routes!(openapi::document))
}
