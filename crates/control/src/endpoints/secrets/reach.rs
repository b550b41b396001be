//! Which uses of a secret its limits do not allow.

use api::problem::Reference;
use axum::http::StatusCode;
use ipnet::IpNet;
use model::route::{effective, references};
use model::secret::Secret;
use model::upstream::Upstream;
use store::ReadTx;

use super::rules;
use crate::refusal::Refusal;

/// Refuses limits under which a route that uses the secret now would not work any longer.
pub(super) async fn check(tx: &ReadTx, secret: &Secret, allow_private: &[IpNet]) -> Result<(), Refusal> {
    let broken = broken(tx, secret, allow_private).await?;
    let Some((code, first)) = broken.first() else { return Ok(()) };
    let detail = format!(
        "route {} uses {} in {} ({}), which these limits do not allow; change the route first",
        first.route,
        secret.name,
        first.environment.as_deref().unwrap_or_default(),
        first.field,
    );
    let refusal = Refusal::new(StatusCode::CONFLICT, code, "A route uses the secret beyond these limits", detail);
    Err(refusal.with_references(broken.into_iter().map(|(_, place)| place).collect()))
}

async fn broken(
    tx: &ReadTx,
    secret: &Secret,
    allow_private: &[IpNet],
) -> Result<Vec<(&'static str, Reference)>, Refusal> {
    let mut broken = Vec::new();
    for route in tx.routes_naming(secret.name.as_str()).await? {
        for reference in references(&route.spec).into_iter().filter(|reference| reference.secret == secret.name) {
            let Some(environment) = &reference.environment else { continue };
            let upstream = effective(&route.spec, environment).and_then(|settings| settings.upstream);
            let host = upstream
                .and_then(|text| Upstream::parse(&text, allow_private).ok())
                .map(|upstream| rules::host(&upstream));
            let code = if !secret.limits.allow_environment(environment) {
                "secret-not-allowed-in-environment"
            } else if host.is_some_and(|host| !secret.limits.allow_host(&host)) {
                "secret-not-allowed-for-host"
            } else {
                continue;
            };
            let place = Reference {
                route: route.spec.name.to_string(),
                environment: Some(environment.to_string()),
                field: reference.field,
                enabled: true,
            };
            broken.push((code, place));
        }
    }
    Ok(broken)
}
