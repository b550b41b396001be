//! `GET /readyz`: whether this process should get work.

use std::sync::Arc;

use api::health::{Readiness, ReadinessCheck};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::call::answer;
use crate::refusal::Refusal;
use crate::state::Control;

/// Whether this process should get work: 200, or 503 with what is missing.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "process",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
pub(super) async fn ready(State(control): State<Arc<Control>>) -> Result<Response, Refusal> {
    let database = match control.store.read().await {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let snapshot = match control.standing.serves() {
        Some(_) => String::new(),
        None => "nothing is served yet".to_owned(),
    };
    let draining = if control.standing.is_draining() { "shutting down".to_owned() } else { String::new() };
    let audit = control.standing.audit_fault().unwrap_or_default();
    // Nobody had to show a token: how many, not which.
    let secrets = match control.standing.unusable_secrets() {
        0 => String::new(),
        count => format!("{count} cannot be opened; the log names them"),
    };
    let checks: Vec<_> =
        [("database", database), ("snapshot", snapshot), ("running", draining), ("audit", audit), ("secrets", secrets)]
            .into_iter()
            .map(|(name, detail)| ReadinessCheck { name: name.to_owned(), ready: detail.is_empty(), detail })
            .collect();
    // Damage is an operator's matter; taking traffic away would not mend it.
    let ready = checks.iter().all(|check| check.ready || matches!(check.name.as_str(), "audit" | "secrets"));
    let (status, word) = if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    answer(status, &Readiness { status: word.to_owned(), checks })
}
