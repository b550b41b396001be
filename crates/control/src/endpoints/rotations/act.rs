//! What all actions share: found, permitted, judged, carried out and committed, or answered as it stands.

use std::sync::Arc;

use api::rotation::ActionNote;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::{Need, Permit};
use model::name::EnvironmentName;
use model::rotation::{Action, Answer, NotPossible, Repointed, Rotation, Step, act, promotion, way_back};
use model::route::RouteSpec;
use store::{Logged, WriteTx};

use super::look::Look;
use super::{rights, view};
use crate::call::{Call, answer};
use crate::endpoints::routes;
use crate::members::{Members, free_text};
use crate::refusal::Refusal;
use crate::state::Control;

/// The environment that a request names, where it names one.
pub(super) fn environment(text: Option<&str>) -> Result<Option<EnvironmentName>, Refusal> {
    let mut members = Members::default();
    let name = members.read_opt("/environment", "name-invalid", text);
    members.finish()?;
    Ok(name)
}

/// The note of a request; an action may come without one, and without a body.
pub(super) fn note(call: &Call) -> Result<String, Refusal> {
    let ActionNote { note } = call.json_or_none()?;
    let note = note.unwrap_or_default().trim().to_owned();
    let mut members = Members::default();
    free_text(&mut members, "/note", &note);
    members.finish()?;
    Ok(note)
}

/// Does what is asked for, in the transaction of the request. What was done before is answered and not done again.
pub(super) async fn take(
    control: &Arc<Control>,
    call: &Call,
    id: &str,
    action: Action,
    environment: Option<EnvironmentName>,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let mut tx = call.begin(control, &permit).await?;
    let look = Look::take(control, &tx, id, call.now).await?;
    let rotation = &look.logged.rotation;
    call.permit(rights::of_rotation(&tx, rotation).await?)?;
    let found = act(rotation, &action, call.actor(), environment.as_ref(), &look.evidence, look.now);
    match found.map_err(|refused| not_possible(id, refused))? {
        Answer::Already => answer(StatusCode::OK, &view::item(&look)),
        Answer::Do(step) => {
            let rotation = carry_out(control, call, &mut tx, &look, step).await?;
            conclude(control, call, &permit, tx, rotation, look.logged).await
        }
    }
}

fn not_possible(id: &str, refused: NotPossible) -> Refusal {
    let possible: Vec<String> = refused.possible.iter().map(|word| (*word).to_owned()).collect();
    let instead = match possible.as_slice() {
        [] => "nothing is possible any more".to_owned(),
        words => format!("possible are {}", words.join(", ")),
    };
    let mut refusal =
        Refusal::conflict("action-not-possible", "The rotation cannot do that now", format!("{refused}; {instead}"));
    refusal.problem.rotation = Some(id.to_owned());
    refusal.problem.state = Some(refused.state.to_owned());
    refusal.problem.possible = Some(possible);
    refusal
}

async fn carry_out(
    control: &Control,
    call: &Call,
    tx: &mut WriteTx,
    look: &Look,
    step: Step,
) -> Result<Rotation, Refusal> {
    let mut rotation = look.logged.rotation.clone();
    let specs = &look.facts.specs;
    match step {
        Step::Record(event) => drop(tx.log_rotation(&mut rotation, [event], look.now).await?),
        Step::Promote(healthy) => {
            let stage = rotation.stage().ok_or_else(|| Refusal::internal("a promotion of no environment"))?;
            let environment = stage.environment.clone();
            let routes = promotion(&rotation, &environment, specs);
            admit(control, call, tx, specs, &routes).await?;
            tx.promote_rotation(&mut rotation, &environment, healthy, &routes, look.now).await?;
        }
        Step::RollBack(why) => {
            let routes = way_back(&rotation, specs);
            admit(control, call, tx, specs, &routes).await?;
            tx.roll_back_rotation(&mut rotation, why, &routes, look.now).await?;
        }
        // No action comes to these: they follow from evidence alone.
        Step::Rest(_) | Step::Probe | Step::Withdraw(..) | Step::Delete(_) => {
            return Err(Refusal::internal(format!("an action came to the step {}", step.word())));
        }
    }
    Ok(rotation)
}

/// Holds the routes against the rules and the caller's rights, as saving them would.
async fn admit(
    control: &Control,
    call: &Call,
    tx: &WriteTx,
    specs: &[RouteSpec],
    routes: &[Repointed],
) -> Result<(), Refusal> {
    let before = |after: &RouteSpec| specs.iter().find(|spec| spec.name == after.name).cloned();
    let moved: Vec<_> = routes.iter().filter_map(|route| Some((before(&route.spec)?, route.spec.clone()))).collect();
    let found = routes::judge(control, call, tx, &moved).await?;
    if found.is_empty() { Ok(()) } else { Err(Refusal::members(found)) }
}

/// Commits what was added to the log, and answers the rotation as it stands then.
pub(super) async fn conclude(
    control: &Control,
    call: &Call,
    permit: &Permit,
    tx: WriteTx,
    rotation: Rotation,
    before: Logged,
) -> Result<Response, Refusal> {
    let logged = tx.rotation(&rotation.id).await?;
    let logged = logged.ok_or_else(|| Refusal::internal("a rotation that was written is gone"))?;
    let added = logged.log.get(before.log.len()..).unwrap_or_default();
    let event = call.event(permit, &Rotation::action(added), rotation.subject());
    let event = rotation.audited(event, added);
    let item = view::item(&Look::of(control, &tx, logged, call.now).await?);
    call.commit(tx, event, StatusCode::OK, &item).await?;
    answer(StatusCode::OK, &item)
}
