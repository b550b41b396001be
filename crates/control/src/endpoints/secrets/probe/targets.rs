//! Where a probe goes: to the places of the secret's own one, or through the routes that it is used in.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::secret::ProbeSecret;
use model::probe::{ProbeError, SecretProbe, Target, Through};
use model::route::RouteSpec;
use model::snapshot::{Opened, opened};
use store::{ReadTx, RouteRow, SecretRow};

use super::super::view;
use crate::endpoints::routes;
use crate::refusal::Refusal;
use crate::state::Control;

/// Everything that is to be tried.
pub(super) async fn targets(
    control: &Control,
    tx: &ReadTx,
    row: &SecretRow,
    asked: &ProbeSecret,
) -> Result<Vec<Target>, Refusal> {
    let own = match asked.route {
        Some(_) => None,
        None => SecretProbe::of(&row.secret).map_err(invalid)?,
    };
    let found = match own {
        Some(probe) => on_its_own(control, tx, row, &probe).await?,
        None => through_routes(control, tx, row, asked).await?,
    };
    if found.is_empty() {
        let detail = format!(
            "neither {} nor a route that it is used in has a probe: give the secret one, or a route that names it",
            row.secret.name
        );
        return Err(missing(detail));
    }
    Ok(found)
}

async fn on_its_own(
    control: &Control,
    tx: &ReadTx,
    row: &SecretRow,
    probe: &SecretProbe,
) -> Result<Vec<Target>, Refusal> {
    let opened = open(control, tx, row).await?;
    let first = tx.environments().await?.into_iter().next().map(|first| first.name);
    probe.targets(&opened, first.as_ref(), &control.policy.allow_private).map_err(invalid)
}

async fn open(control: &Control, tx: &ReadTx, row: &SecretRow) -> Result<Arc<Opened>, Refusal> {
    let name = &row.secret.name;
    let stored = tx.sealed_secret(name.as_str()).await?;
    let stored = stored.ok_or_else(|| Refusal::internal("a secret without a value is active"))?;
    let value = envelope::open(&control.keys.keyring, &view::sealed(stored.sealed), &(&stored.secret).into());
    Ok(opened(stored.secret, Some(value.map_err(|error| view::unusable(name, &error))?)))
}

/// The probes of the routes that the secret is used in, or of those of its predecessor with it in its place.
async fn through_routes(
    control: &Control,
    tx: &ReadTx,
    row: &SecretRow,
    asked: &ProbeSecret,
) -> Result<Vec<Target>, Refusal> {
    let name = &row.secret.name;
    let wanted = |spec: &RouteSpec| asked.route.as_deref().is_none_or(|route| spec.name.as_str() == route);
    let specs = |rows: Vec<RouteRow>| rows.into_iter().map(|row| row.spec).filter(wanted).collect::<Vec<RouteSpec>>();
    // No environment has a name that is none.
    let environments = asked.environment.as_deref().map(|only| only.parse().into_iter().collect::<BTreeSet<_>>());
    let naming = tx.routes_naming(name.as_str()).await?;
    let through = match &row.secret.successor_of {
        Some(before) if naming.is_empty() => {
            let specs = specs(tx.routes_naming(before.as_str()).await?);
            Through::in_place_of(before, name.clone(), &specs, environments)
        }
        _ => Through::routes(name.clone(), specs(naming), environments),
    };
    if let Some(route) = asked.route.as_deref().filter(|_| through.specs().is_empty()) {
        let detail = format!("neither {name} nor its predecessor is used in the route {route}");
        return Err(Refusal::member("/route", "route-not-found", detail));
    }
    let world = routes::world(control, tx, through.specs()).await?;
    let found = through.targets(&world.secrets, &world.known.allow_private);
    found.map_err(|error| Refusal::internal(error.to_string()))
}

fn invalid(error: ProbeError) -> Refusal {
    match error {
        ProbeError::NoEnvironment => missing(error.to_string()),
        ProbeError::Unreadable | ProbeError::Bind(_) => {
            Refusal::conflict("probe-invalid", "The probe cannot be sent", error.to_string())
        }
    }
}

fn missing(detail: impl Into<String>) -> Refusal {
    Refusal::conflict("probe-missing", "There is nothing to try it with", detail)
}
