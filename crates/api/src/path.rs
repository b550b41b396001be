//! The addresses of the admin API, names percent-encoded.

use crate::query::percent_encode;

/// `/v1/secrets`.
pub const SECRETS: &str = "/v1/secrets";
/// `/v1/secrets/delete`.
pub const SECRETS_DELETE: &str = "/v1/secrets/delete";
/// `/v1/routes`.
pub const ROUTES: &str = "/v1/routes";
/// `/v1/routes/replace-secret`.
pub const REPLACE_SECRET: &str = "/v1/routes/replace-secret";
/// `/v1/rotations`.
pub const ROTATIONS: &str = "/v1/rotations";
/// `/v1/environments`.
pub const ENVIRONMENTS: &str = "/v1/environments";
/// `/v1/clients`.
pub const CLIENTS: &str = "/v1/clients";
/// `/v1/tokens`.
pub const TOKENS: &str = "/v1/tokens";
/// `/v1/keys`.
pub const KEYS: &str = "/v1/keys";
/// `/v1/keys/rewrap`.
pub const KEYS_REWRAP: &str = "/v1/keys/rewrap";
/// `/v1/audit`.
pub const AUDIT: &str = "/v1/audit";
/// `/v1/rotations/calendar.ics`.
pub const ROTATIONS_CALENDAR: &str = "/v1/rotations/calendar.ics";
/// What is wrong, and what to do.
pub const DOCTOR: &str = "/v1/doctor";
/// What can be tidied.
pub const LINT: &str = "/v1/lint";
/// Nodes.
pub const NODES: &str = "/v1/nodes";
/// `/v1/audit/checkpoint`.
pub const AUDIT_CHECKPOINT: &str = "/v1/audit/checkpoint";
/// `/v1/audit/export`.
pub const AUDIT_EXPORT: &str = "/v1/audit/export";
/// `/readyz`.
pub const READY: &str = "/readyz";
/// `/version`.
pub const VERSION: &str = "/version";

/// `{list}/{name}`, such as `/v1/secrets/stripe_api_key`.
#[must_use]
pub fn item(list: &str, name: &str) -> String {
    format!("{list}/{}", percent_encode(name))
}

/// `{list}/{name}/{part}`, such as `/v1/secrets/stripe_api_key/routes`.
#[must_use]
pub fn part(list: &str, name: &str, part: &str) -> String {
    format!("{list}/{}/{part}", percent_encode(name))
}

/// `/v1/clients/{client}/keys/{id}`.
#[must_use]
pub fn client_key(client: &str, id: &str) -> String {
    format!("{CLIENTS}/{}/keys/{}", percent_encode(client), percent_encode(id))
}

/// `/v1/rotations/{id}/attest/{step}`.
#[must_use]
pub fn attestation(id: &str, step: &str) -> String {
    format!("{ROTATIONS}/{}/attest/{}", percent_encode(id), percent_encode(step))
}
