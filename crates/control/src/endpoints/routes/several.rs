//! Several routes that change at once: held against the rules and the caller's rights, each as saving it would be.

use model::problem::Finding;
use model::route::RouteSpec;
use store::ReadTx;

use super::rules;
use super::save::{Barred, permit_and_rehearse};
use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// What stands against saving them, each as it was and as it would be. Pointers begin with `/routes/` and the route's name.
pub(in crate::endpoints) async fn judge(
    control: &Control,
    call: &Call,
    tx: &ReadTx,
    moved: &[(RouteSpec, RouteSpec)],
) -> Result<Vec<Finding>, Refusal> {
    let world = rules::world(control, tx, moved.iter().flat_map(|(before, after)| [before, after])).await?;
    let mut found = Vec::new();
    for (_, after) in moved {
        found.extend(rules::check(after, &world).into_iter().map(|finding| of_route(after, finding)));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    for (before, after) in moved {
        match permit_and_rehearse(call, &world, Some(before), after) {
            Ok(()) => {}
            Err(Barred::Denied(refusal)) => return Err(refusal),
            Err(Barred::Unfit(findings)) => {
                found.extend(findings.into_iter().map(|finding| of_route(after, finding)));
            }
        }
    }
    Ok(found)
}

fn of_route(route: &RouteSpec, mut finding: Finding) -> Finding {
    finding.pointer = format!("/routes/{}{}", route.name, finding.pointer);
    finding
}
