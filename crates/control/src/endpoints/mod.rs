//! The endpoints, one file each, and the table that says who may call them.

mod audit;
mod clients;
mod doctor;
mod environments;
mod keys;
mod lint;
mod meta;
mod nodes;
mod rotations;
mod routes;
mod secrets;
mod tokens;

use std::sync::Arc;

use model::access::Need;
use utoipa_axum::router::OpenApiRouter;

use crate::state::Control;

/// One endpoint, and the least that a caller must bring.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// The method.
    pub method: &'static str,
    /// The path as OpenAPI writes it.
    pub path: &'static str,
    /// Who may call it at all.
    pub least: Least,
}

/// Who may call an endpoint at all. What a body touches may need more; the handler asks the door for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Least {
    /// Anybody: it tells nothing that a probe or a load balancer should not see.
    Anybody,
    /// A token; without one 401 `token-invalid`, with too small a role 403 `permission-denied`.
    Token(Need),
}

const READ: Least = Least::Token(Need::Read);
const CHANGE: Least = Least::Token(Need::Change { protected: false });
const ADMINISTER: Least = Least::Token(Need::Administer);

/// All endpoints. A test holds this table against the OpenAPI document and tries every line with every role.
pub const ENDPOINTS: &[Endpoint] = &[
    on("GET", "/healthz", Least::Anybody),
    on("GET", "/readyz", Least::Anybody),
    on("GET", "/version", Least::Anybody),
    on("GET", "/openapi.json", Least::Anybody),
    on("GET", "/v1/secrets", READ),
    on("POST", "/v1/secrets", CHANGE),
    on("POST", "/v1/secrets/delete", CHANGE),
    on("GET", "/v1/secrets/{name}", READ),
    on("PATCH", "/v1/secrets/{name}", CHANGE),
    on("DELETE", "/v1/secrets/{name}", CHANGE),
    on("GET", "/v1/secrets/{name}/routes", READ),
    on("GET", "/v1/secrets/{name}/usage", READ),
    on("POST", "/v1/secrets/{name}/compare", Least::Token(Need::Compare)),
    on("POST", "/v1/secrets/{name}/probe", Least::Token(Need::Probe)),
    on("GET", "/v1/routes", READ),
    on("POST", "/v1/routes", CHANGE),
    on("POST", "/v1/routes/replace-secret", CHANGE),
    on("GET", "/v1/routes/{name}", READ),
    on("PUT", "/v1/routes/{name}", CHANGE),
    on("PATCH", "/v1/routes/{name}", CHANGE),
    on("DELETE", "/v1/routes/{name}", CHANGE),
    on("GET", "/v1/routes/{name}/revisions", READ),
    on("POST", "/v1/routes/{name}/roll-back", CHANGE),
    on("POST", "/v1/routes/{name}/test", CHANGE),
    on("GET", "/v1/routes/{name}/doctor", READ),
    on("POST", "/v1/routes/{name}/doctor", Least::Token(Need::Probe)),
    on("GET", "/v1/environments", READ),
    on("POST", "/v1/environments", ADMINISTER),
    on("GET", "/v1/environments/{name}", READ),
    on("PATCH", "/v1/environments/{name}", ADMINISTER),
    on("DELETE", "/v1/environments/{name}", ADMINISTER),
    on("GET", "/v1/clients", READ),
    on("POST", "/v1/clients", CHANGE),
    on("GET", "/v1/clients/{name}", READ),
    on("PATCH", "/v1/clients/{name}", CHANGE),
    on("DELETE", "/v1/clients/{name}", CHANGE),
    on("POST", "/v1/clients/{name}/keys", CHANGE),
    on("DELETE", "/v1/clients/{name}/keys/{id}", CHANGE),
    on("GET", "/v1/tokens", ADMINISTER),
    on("POST", "/v1/tokens", ADMINISTER),
    on("DELETE", "/v1/tokens/{name}", ADMINISTER),
    on("GET", "/v1/keys", ADMINISTER),
    on("POST", "/v1/keys/rewrap", ADMINISTER),
    on("GET", "/v1/rotations", READ),
    on("POST", "/v1/rotations", CHANGE),
    on("GET", "/v1/rotations/calendar.ics", READ),
    on("GET", "/v1/rotations/{id}", READ),
    on("GET", "/v1/rotations/{id}/checklist", READ),
    on("GET", "/v1/rotations/{id}/evidence", Least::Token(Need::ReadAudit)),
    on("POST", "/v1/rotations/{id}/approve", CHANGE),
    on("POST", "/v1/rotations/{id}/advance", CHANGE),
    on("POST", "/v1/rotations/{id}/promote", CHANGE),
    on("POST", "/v1/rotations/{id}/hold", CHANGE),
    on("POST", "/v1/rotations/{id}/resume", CHANGE),
    on("POST", "/v1/rotations/{id}/roll-back", CHANGE),
    on("POST", "/v1/rotations/{id}/abandon", CHANGE),
    on("POST", "/v1/rotations/{id}/attest", CHANGE),
    on("DELETE", "/v1/rotations/{id}/attest/{step}", CHANGE),
    on("GET", "/v1/doctor", READ),
    on("GET", "/v1/lint", READ),
    on("GET", "/v1/nodes", READ),
    on("GET", "/v1/nodes/{id}", READ),
    on("POST", "/v1/nodes/{id}/attest-stopped", Least::Token(Need::Attest)),
    on("GET", "/v1/audit", Least::Token(Need::ReadAudit)),
    on("GET", "/v1/audit/checkpoint", Least::Token(Need::ReadAudit)),
    on("GET", "/v1/audit/export", Least::Token(Need::ReadAudit)),
];

const fn on(method: &'static str, path: &'static str, least: Least) -> Endpoint {
    Endpoint { method, path, least }
}

/// The handlers that tell how the process is.
pub(crate) fn status() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new().merge(meta::router())
}

/// The handlers with their descriptions.
pub(crate) fn all() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new()
        .merge(meta::router())
        .merge(secrets::router())
        .merge(routes::router())
        .merge(environments::router())
        .merge(clients::router())
        .merge(tokens::router())
        .merge(keys::router())
        .merge(audit::router())
        .merge(nodes::router())
        .merge(rotations::router())
        .merge(doctor::router())
        .merge(lint::router())
}
