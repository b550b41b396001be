//! The one way in which a route changes: held against the rules, the caller's rights and other routes, then written.

use axum::http::StatusCode;
use axum::response::Response;
use model::access::Permit;
use model::name::RouteName;
use model::problem::Finding;
use model::route::RouteSpec;
use store::{ReadTx, RouteRow, WriteTx};

use super::rights::needs;
use super::rules::{self, World};
use super::wire::Draft;
use super::{view, wire};
use crate::call::{Call, tagged};
use crate::endpoints::rotations::being_replaced;
use crate::refusal::Refusal;
use crate::state::Control;

/// Holds a route against everything that stands against saving it, and hands it out where nothing does.
pub(super) async fn admit(
    control: &Control,
    call: &Call,
    tx: &ReadTx,
    before: Option<&RouteSpec>,
    draft: Draft,
) -> Result<RouteSpec, Refusal> {
    let Draft { spec: after, mut members } = draft;
    let world = rules::world(control, tx, before.into_iter().chain([&after])).await?;
    for finding in rules::check(&after, &world) {
        members.note(finding);
    }
    members.finish()?;
    permit_and_rehearse(call, &world, before, &after).map_err(Barred::refusal)?;
    check_hosts(tx, &after).await?;
    being_replaced(tx, before, &after).await?;
    Ok(after)
}

/// Why a route that keeps the rules may not be saved all the same.
pub(super) enum Barred {
    /// By whoever asks.
    Denied(Refusal),
    /// With these values.
    Unfit(Vec<Finding>),
}

impl Barred {
    /// As the caller is told.
    fn refusal(self) -> Refusal {
        match self {
            Self::Denied(refusal) => refusal,
            Self::Unfit(findings) => Refusal::members(findings),
        }
    }
}

/// The rights come first: whoever may not use a value does not learn whether it would fit.
pub(super) fn permit_and_rehearse(
    call: &Call,
    world: &World,
    before: Option<&RouteSpec>,
    after: &RouteSpec,
) -> Result<(), Barred> {
    call.permit(needs(before, Some(after), world)).map_err(Barred::Denied)?;
    let findings = rules::rehearse(after, world);
    if findings.is_empty() { Ok(()) } else { Err(Barred::Unfit(findings)) }
}

async fn check_hosts(tx: &ReadTx, spec: &RouteSpec) -> Result<(), Refusal> {
    for host in &spec.hosts {
        let Some(other) = tx.route_of_host(host).await?.filter(|other| *other != spec.name) else { continue };
        let detail = format!("{host} leads to the route {other} already; take it out there first");
        return Err(Refusal::conflict("host-taken", "The host leads elsewhere", detail));
    }
    Ok(())
}

/// What kind of change an existing route gets.
pub(super) struct Change<'a> {
    /// For the audit: `route.edit`.
    pub(super) event: &'a str,
    /// For the history: `update`.
    pub(super) action: &'a str,
}

/// An edit by `PUT` or `PATCH`.
pub(super) const EDIT: Change<'static> = Change { event: "route.edit", action: "update" };

/// Replaces an existing route and answers it. Where nothing differs, nothing is written.
pub(super) async fn replace(
    control: &Control,
    call: &Call,
    permit: &Permit,
    mut tx: WriteTx,
    before: RouteRow,
    draft: Draft,
    change: Change<'_>,
) -> Result<Response, Refusal> {
    if draft.spec == before.spec {
        draft.members.finish()?;
        return tagged(StatusCode::OK, &view::item(&before)?, before.version);
    }
    let after = admit(control, call, &tx, Some(&before.spec), draft).await?;
    let version = tx.update_route(&after, change.action, call.now).await?;
    let event = call.event(permit, change.event, subject(&after.name));
    let event = event.before(wire::document(&before.spec)?).after(wire::document(&after)?);
    let item = view::item(&view::changed(after, version, before.created_at, call.now))?;
    call.commit(tx, event, StatusCode::OK, &item).await?;
    tagged(StatusCode::OK, &item, version)
}

/// How the audit names a route.
pub(super) fn subject(name: &RouteName) -> String {
    format!("route/{name}")
}
