//! `GET /v1/secrets/{name}/routes`.

use std::sync::Arc;

use api::list::Page;
use api::problem::Problem;
use api::secret::SecretRouteItem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;

use super::view;
use crate::call::{Call, answer};
use crate::refusal::Refusal;
use crate::state::Control;

/// Every mention of a secret: by route, environment and member. All of them on one page.
#[utoipa::path(
    get,
    path = "/v1/secrets/{name}/routes",
    tag = "secrets",
    params(("name" = String, Path, description = "The secret.")),
    responses((status = 200, body = Page<SecretRouteItem>), (status = 404, body = Problem))
)]
pub(super) async fn routes(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let tx = control.store.read().await?;
    view::find(&tx, &name).await?;
    let items = tx.references(&name).await?.into_iter().map(|row| SecretRouteItem {
        route: row.route.to_string(),
        environment: row.environment.map(|environment| environment.to_string()),
        field: row.field,
        enabled: row.enabled,
        last_used_at: row.last_used_at.map(|at| at.to_string()),
    });
    answer(StatusCode::OK, &Page { items: items.collect(), next: None })
}
