//! What a rotation would do, for a dry run.

mod findings;

use api::rotation::{ImpactRoute, RotationImpact};
use api::route::TemplateChange;
use model::problem::Finding;
use model::rotation::Change;
use model::time::Timestamp;
use store::ReadTx;

use super::draft::Draft;
use super::traffic::Traffic;
use super::wire;
use crate::refusal::Refusal;
use crate::state::Control;

/// All of it. `broken` are the rules that the routes would break.
pub(super) async fn of(
    control: &Control,
    tx: &ReadTx,
    draft: &Draft,
    broken: Vec<Finding>,
    now: Timestamp,
) -> Result<RotationImpact, Refusal> {
    let traffic = Traffic::of(tx, &draft.outgoing.name, now).await?;
    Ok(RotationImpact {
        outgoing: draft.outgoing.name.to_string(),
        incoming: draft.incoming.name.to_string(),
        plan: wire::plan(&draft.plan),
        routes: draft.changes.iter().filter_map(|change| route(change, &traffic)).collect(),
        findings: findings::all(control, tx, draft, &traffic, broken, now).await?,
        diff: draft.changes.iter().map(template).collect(),
    })
}

fn route(change: &Change, traffic: &Traffic) -> Option<ImpactRoute> {
    let environment = change.environment.as_ref()?;
    Some(ImpactRoute {
        route: change.route.to_string(),
        environment: environment.to_string(),
        field: change.field.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
        requests_24h: traffic.at(&change.route, environment),
    })
}

fn template(change: &Change) -> TemplateChange {
    TemplateChange {
        route: change.route.to_string(),
        environment: change.environment.as_ref().map(ToString::to_string),
        field: change.field.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
    }
}
