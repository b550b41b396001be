//! A route as it is told, and how it is found.

use api::route::RouteItem;
use model::name::{RouteName, nearest};
use model::route::RouteSpec;
use model::time::Timestamp;
use store::{ReadTx, RouteRow};

use super::wire;
use crate::refusal::Refusal;

/// As the API tells it.
pub(super) fn item(route: &RouteRow) -> Result<RouteItem, Refusal> {
    let written = wire::write(&route.spec)?;
    Ok(RouteItem {
        name: route.spec.name.to_string(),
        hosts: written.hosts.unwrap_or_default(),
        description: written.description.unwrap_or_default(),
        tags: written.tags.unwrap_or_default(),
        base: written.base.unwrap_or_default(),
        environments: written.environments.unwrap_or_default(),
        revision: u64::try_from(route.version).unwrap_or_default(),
        created_at: route.created_at.to_string(),
        updated_at: route.updated_at.to_string(),
        rotations: Vec::new(),
    })
}

/// The row that a change leaves behind.
pub(super) fn changed(spec: RouteSpec, version: i64, created_at: Timestamp, now: Timestamp) -> RouteRow {
    RouteRow { spec, version, created_at, updated_at: now }
}

/// The route, or 404 with the name that was probably meant.
pub(super) async fn find(tx: &ReadTx, name: &str) -> Result<RouteRow, Refusal> {
    match tx.route(name).await? {
        Some(route) => Ok(route),
        None => Err(missing(tx, name).await?),
    }
}

/// 404 with the name that was probably meant.
pub(super) async fn missing(tx: &ReadTx, name: &str) -> Result<Refusal, Refusal> {
    let names = tx.route_names().await?;
    Ok(Refusal::not_found("route", name, nearest(name, names.iter().map(RouteName::as_str))))
}
