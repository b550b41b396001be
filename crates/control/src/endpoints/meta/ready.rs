//! `GET /readyz`: whether this process should get work.

use std::sync::Arc;

use api::health::{Readiness, ReadinessCheck, ReadyQuery};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use model::node::NodeRole;

use crate::body;
use crate::call::answer;
use crate::refusal::Refusal;
use crate::state::Control;

/// Whether this process should get work: 200, or 503 with what is missing.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "process",
    params(ReadyQuery),
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
pub(super) async fn ready(State(control): State<Arc<Control>>, parts: Parts) -> Result<Response, Refusal> {
    let role = asked(&control, body::query::<ReadyQuery>(&parts)?.role.as_deref())?;
    let database = match control.store.read().await {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let snapshot = match control.standing.serves() {
        Some(_) => String::new(),
        None if !control.standing.role().has_gateway() => String::new(),
        None => "nothing is served, since the database was not reached yet or for too long".to_owned(),
    };
    let draining = if control.standing.is_draining() { "shutting down".to_owned() } else { String::new() };
    let audit = control.standing.audit_fault().unwrap_or_default();
    // Nobody had to show a token: how many, not which.
    let secrets = match control.standing.unusable_secrets() {
        0 => String::new(),
        count => format!("{count} cannot be opened; the log names them"),
    };
    let rows = match control.standing.tampered_rows().len() {
        0 => String::new(),
        count => format!("{count} were changed outside Keyroll; the log names them"),
    };
    let all = [
        ("database", database),
        ("snapshot", snapshot),
        ("running", draining),
        ("audit", audit),
        ("secrets", secrets),
        ("rows", rows),
    ];
    let checks: Vec<_> = all
        .into_iter()
        .map(|(name, detail)| ReadinessCheck { name: name.to_owned(), ready: detail.is_empty(), detail })
        .collect();
    let ready = checks.iter().all(|check| check.ready || !is_needed(&check.name, role));
    let word = match (ready, checks.iter().all(|check| check.ready)) {
        (true, true) => "ready",
        (true, false) => "degraded",
        (false, _) => "not ready",
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, &Readiness { status: word.to_owned(), checks })
}

/// The job that is asked about: a part of what the node's role asks for, or all of it.
fn asked(control: &Control, word: Option<&str>) -> Result<NodeRole, Refusal> {
    let own = control.standing.role();
    let Some(word) = word else { return Ok(own) };
    match word.parse() {
        Ok(role) if role == own || own == NodeRole::All => Ok(role),
        Ok(_) => {
            let detail = format!("this node's role is {own}");
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "role-not-served", "Not a job of this node", detail))
        }
        Err(error) => Err(Refusal::member("/role", "role-invalid", error.to_string())),
    }
}

/// Whether a job cannot be done without it. Traffic goes on without the database until the snapshot is withdrawn; damage
/// is an operator's matter, and taking work away would not mend it.
fn is_needed(check: &str, role: NodeRole) -> bool {
    match check {
        "database" => role.has_control(),
        "snapshot" => role.has_gateway(),
        "audit" | "secrets" | "rows" => false,
        _ => true,
    }
}
