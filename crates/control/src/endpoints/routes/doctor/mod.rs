//! `GET` and `POST /v1/routes/{name}/doctor`: why a route does not do what it should. Only the second sends anything.

mod gather;
mod place;
mod secret;
mod tell;
mod trial;

use std::sync::Arc;

use api::problem::Problem;
use api::route::{ProbeRoute, RouteDiagnosis, RouteDoctorQuery};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use serde_json::json;

use self::gather::gather;
use self::tell::tell;
use self::trial::Trial;
use super::{save, view};
use crate::call::{Call, answer};
use crate::refusal::Refusal;
use crate::state::Control;

/// Answers three questions about a route: why it fails after a rotation, why a secret is not found, and why the third
/// party says 401. Each finding says what to do. Nothing is sent and nothing is changed.
#[utoipa::path(
    get,
    path = "/v1/routes/{name}/doctor",
    tag = "doctor",
    params(("name" = String, Path, description = "The route."), RouteDoctorQuery),
    responses((status = 200, body = RouteDiagnosis), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn look(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let query: RouteDoctorQuery = call.query()?;
    let tx = control.store.read().await?;
    let route = view::find(&tx, &name).await?;
    let gathered = gather(&control, &tx, &route, query.environment.as_deref(), call.now).await?;
    answer(StatusCode::OK, &tell(&gathered))
}

/// The same, and tries the credentials as well: through the route's probe, or else by the secret's own. Ten times a minute
/// for each secret; each is audited.
#[utoipa::path(
    post,
    path = "/v1/routes/{name}/doctor",
    tag = "doctor",
    params(("name" = String, Path, description = "The route.")),
    request_body = ProbeRoute,
    responses(
        (status = 200, body = RouteDiagnosis),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem),
        (status = 429, body = Problem)
    )
)]
pub(super) async fn probe(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Probe])?;
    let body: ProbeRoute = call.json()?;
    let mut gathered = {
        // All of it is read before the transaction that writes the event, so that nobody waits for it.
        let tx = control.store.read().await?;
        let route = view::find(&tx, &name).await?;
        gather(&control, &tx, &route, body.environment.as_deref(), call.now).await?
    };
    let tx = call.begin(&control, &permit).await?;
    let mut trial = Trial::plan(&control, &tx, &mut gathered.facts, call.now).await?;
    if trial.is_empty() {
        return answer(StatusCode::OK, &tell(&gathered));
    }
    let event = call.event(&permit, "route.doctor", save::subject(&gathered.facts.route));
    // Written down before anything leaves, and once more when it is known what became of it.
    let begun = event.clone().after(json!({"targets": trial.places()})).outcome("begun");
    call.commit(tx, begun, StatusCode::OK, &tell(&gathered)).await?;

    let readings = call.wait_for_upstream(trial.run(&control, &call, &mut gathered.facts)).await;
    let told = tell(&gathered);
    let event = event.after(json!({"places": readings})).outcome("done");
    call.commit(call.conclude(&control, &permit).await?, event, StatusCode::OK, &told).await?;
    answer(StatusCode::OK, &told)
}
