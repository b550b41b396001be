//! Puts the endpoints together into one service, and their descriptions into one OpenAPI document.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, SecurityRequirement};

use utoipa_axum::router::OpenApiRouter;

use crate::answer::surround;
use crate::dry_run;
use crate::endpoints::{self, ENDPOINTS, Least};
use crate::refusal::Refusal;
use crate::state::Control;

/// The admin API as a service. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that the audit
/// names addresses.
pub fn router(control: Arc<Control>) -> Router {
    serve(endpoints::all(), control)
}

/// What is left of it on a node that serves traffic alone: how the process is.
pub fn status_router(control: Arc<Control>) -> Router {
    serve(endpoints::status(), control)
}

fn serve(endpoints: OpenApiRouter<Arc<Control>>, control: Arc<Control>) -> Router {
    let (router, _) = endpoints.split_for_parts();
    router.fallback(nothing_here).layer(from_fn_with_state(Arc::clone(&control), surround)).with_state(control)
}

async fn nothing_here() -> Refusal {
    let detail = "no endpoint has this address; /openapi.json lists them";
    Refusal::new(StatusCode::NOT_FOUND, "endpoint-not-found", "No such endpoint", detail)
}

/// The description of the admin API.
#[must_use]
pub fn openapi() -> OpenApi {
    let (_, paths) = endpoints::all().split_for_parts();
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let mut api = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Keyroll admin API")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Keeps credentials, adds them to requests on the server side, and replaces them without downtime.",
                ))
                .build(),
        )
        .build();
    api.merge(paths);
    let mut components = api.components.take().unwrap_or_default();
    components.security_schemes.insert("token".to_owned(), bearer.into());
    api.components = Some(components);
    api.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.least == Least::Anybody) {
        if let Some(item) = api.paths.paths.get_mut(endpoint.path)
            && let Some(operation) = &mut item.get
        {
            operation.security = Some(Vec::new());
        }
    }
    dry_run::describe(&mut api);
    api
}
