//! `GET /v1/doctor`: everything that this node can look at, each finding with what to do.

mod house;
mod nodes;
mod upstreams;

use std::sync::Arc;

use api::doctor::{Diagnosis, DoctorQuery};
use api::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::name::nearest;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::call::{Call, answer};
use crate::refusal::Refusal;
use crate::state::Control;

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new().routes(routes!(diagnose))
}

/// Looks at the database, the clocks, the keys, the nodes and the upstreams of routes. Upstreams are connected to from
/// this node; nothing is sent to them.
#[utoipa::path(
    get,
    path = "/v1/doctor",
    tag = "doctor",
    params(DoctorQuery),
    responses((status = 200, body = Diagnosis), (status = 404, body = Problem))
)]
pub(super) async fn diagnose(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let query: DoctorQuery = call.query()?;
    let (mut findings, routes) = {
        let tx = control.store.read().await?;
        let routes = match &query.route {
            None => upstreams::all(&tx).await?,
            Some(name) => match tx.route(name).await? {
                Some(route) => vec![route],
                None => {
                    let names = tx.route_names().await?;
                    let meant = nearest(name, names.iter().map(model::name::RouteName::as_str));
                    return Err(Refusal::not_found("route", name, meant));
                }
            },
        };
        let mut findings = house::look(&control, &tx).await?;
        findings.extend(nodes::look(&tx).await?);
        (findings, routes)
    };
    findings.extend(call.wait_for_upstream(upstreams::look(&control, &routes)).await);
    findings.sort_by_key(api::doctor::Finding::rank);
    answer(StatusCode::OK, &Diagnosis { findings })
}
