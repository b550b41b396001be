//! `POST /v1/secrets/{name}/probe`.

mod targets;
mod tries;

use std::sync::Arc;

use api::problem::Problem;
use api::secret::{ProbeAnswer, ProbeReading, ProbeSecret};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::probe::{Reading, Target, Tried};
use outbound::probe::{Occasion, send};
use serde_json::json;

use self::targets::targets;
use super::view;
use crate::call::{Call, answer};
use crate::endpoints::routes;
use crate::refusal::Refusal;
use crate::state::Control;

pub(in crate::endpoints) use self::tries::Tries;

/// Tries whether the value is alive: by the secret's own probe, or by the probe of each route that it is used in. Of a
/// successor that no route names yet, the routes of its predecessor are tried with it in the predecessor's place.
///
/// The value leaves for the places that the probe names, as it would with traffic. What comes back is told as a status
/// class and a reading, never as a body. Ten times a minute for each secret; each is audited.
#[utoipa::path(
    post,
    path = "/v1/secrets/{name}/probe",
    tag = "secrets",
    params(("name" = String, Path, description = "The secret.")),
    request_body = ProbeSecret,
    responses(
        (status = 200, body = ProbeAnswer),
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
    let body: ProbeSecret = call.json()?;
    let tx = call.begin(&control, &permit).await?;
    let row = view::find(&tx, &name).await?;
    view::demand_active(&row.secret)?;
    let targets = targets(&control, &tx, &row, &body).await?;
    control.attempts.take(&row.secret.name, call.now).map_err(too_many)?;
    let event = call.event(&permit, "secret.probe", format!("secret/{name}"));
    let places: Vec<&str> = targets.iter().map(Target::place).collect();
    // Written down before anything leaves, and once more when it is known what became of it.
    let begun = event.clone().after(json!({"targets": places})).outcome("begun");
    call.commit(tx, begun, StatusCode::OK, &told(Vec::new())).await?;

    let trying = async {
        let mut found = Vec::with_capacity(targets.len());
        for target in &targets {
            found.push(read(&control, &call, target).await);
        }
        found
    };
    let told = told(call.wait_for_upstream(trying).await);
    let event = event.after(json!(told)).outcome(&told.reading);
    call.commit(call.conclude(&control, &permit).await?, event, StatusCode::OK, &told).await?;
    answer(StatusCode::OK, &told)
}

async fn read(control: &Control, call: &Call, target: &Target) -> Tried {
    let request_id = control.new_id("req");
    let allow_private = &control.policy.allow_private;
    let sent = send(target, &Occasion { now: call.now, request_id: &request_id, allow_private }).await;
    routes::record(control, call, sent.used).await;
    sent.tried
}

fn told(places: Vec<Tried>) -> ProbeAnswer {
    let reading = Reading::of_all(&places).to_string();
    let place = |tried: Tried| ProbeReading {
        place: tried.place,
        status_class: tried.status_class,
        reading: tried.reading.to_string(),
        detail: tried.detail,
    };
    ProbeAnswer { reading, places: places.into_iter().map(place).collect() }
}

fn too_many(seconds: u64) -> Refusal {
    let detail = format!("a secret is tried at most 10 times a minute; try again in {seconds} s");
    let mut refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "Too many tries", detail);
    refusal.retry_after = Some(seconds);
    refusal
}
