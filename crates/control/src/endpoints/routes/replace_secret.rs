//! `POST /v1/routes/replace-secret`.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::problem::Problem;
use api::route::{ReplaceSecret, Replaced, TemplateChange};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::name::{EnvironmentName, SecretName, nearest};
use model::problem::Finding;
use model::rotation::{Change, replace};
use model::route::RouteSpec;
use serde_json::{Value, json};
use store::ReadTx;

use super::{rules, several};
use crate::call::{Call, answer};
use crate::endpoints::rotations::being_replaced;
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// Re-points routes from one secret to another, all at once: either every route that names it, or none.
#[utoipa::path(
    post,
    path = "/v1/routes/replace-secret",
    tag = "routes",
    request_body = ReplaceSecret,
    responses(
        (status = 200, body = Replaced),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn replace_secret(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let body: ReplaceSecret = call.json()?;
    let dry_run = body.dry_run.unwrap_or(false);
    let mut tx = call.begin(&control, &permit).await?;
    let wish = read(&tx, &body).await?;
    let mut changes = Vec::new();
    let mut moved: Vec<(RouteSpec, RouteSpec)> = Vec::new();
    for route in tx.routes_naming(wish.from.as_str()).await? {
        let (next, own) = replace(&route.spec, &wish.from, &wish.to, wish.environments.as_ref());
        if next != route.spec {
            changes.extend(own);
            moved.push((route.spec, next));
        }
    }
    let mut members = Members::default();
    several::judge(&control, &call, &tx, &moved).await?.into_iter().for_each(|finding| members.note(finding));
    members.finish()?;
    for (before, after) in &moved {
        being_replaced(&tx, Some(before), after).await?;
    }
    let told = changes.iter().map(tell).collect();
    if dry_run || moved.is_empty() {
        return answer(StatusCode::OK, &Replaced { changes: told, revision: None });
    }
    for (_, next) in &moved {
        tx.update_route(next, "replace-secret", call.now).await?;
    }
    let replaced = Replaced { changes: told, revision: u64::try_from(tx.next_revision()).ok() };
    let event = call.event(&permit, "route.replace-secret", format!("secret/{}", wish.from));
    let event = event.before(templates(&changes, |change| &change.before));
    call.commit(tx, event.after(templates(&changes, |change| &change.after)), StatusCode::OK, &replaced).await?;
    answer(StatusCode::OK, &replaced)
}

/// What is asked for, as far as it can be done.
struct Wish {
    from: SecretName,
    to: SecretName,
    environments: Option<BTreeSet<EnvironmentName>>,
}

async fn read(tx: &ReadTx, body: &ReplaceSecret) -> Result<Wish, Refusal> {
    let from = secret(tx, &body.from).await?;
    let to = secret(tx, &body.to).await?;
    let mut members = Members::default();
    members.demand(from != to, "/to", "secret-same", "is the secret that is to be replaced");
    let all = tx.environments().await?;
    for (index, text) in body.environments.iter().flatten().enumerate() {
        if !all.iter().any(|environment| environment.name.as_str() == text) {
            let meant = nearest(text, all.iter().map(|environment| environment.name.as_str()));
            let pointer = format!("/environments/{index}");
            let detail = format!("there is no environment {text}");
            members.note(Finding::new(pointer, "environment-not-found", detail).meaning(meant));
        }
    }
    let some = body.environments.as_ref().is_none_or(|names| !names.is_empty());
    members.demand(some, "/environments", "environments-empty", "names no environment; leave it out for all");
    members.finish()?;
    let environments = body.environments.as_ref();
    Ok(Wish { from, to, environments: environments.map(|all| all.iter().filter_map(|one| one.parse().ok()).collect()) })
}

/// An active secret, or 404 with the name that was probably meant: the two are what the request is about.
async fn secret(tx: &ReadTx, text: &str) -> Result<SecretName, Refusal> {
    match tx.sealed_secret(text).await? {
        Some(found) => Ok(found.secret.name),
        None => Err(Refusal::not_found("secret", text, rules::meant(tx, text).await?.as_deref())),
    }
}

fn tell(change: &Change) -> TemplateChange {
    TemplateChange {
        route: change.route.to_string(),
        environment: change.environment.as_ref().map(ToString::to_string),
        field: change.field.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
    }
}

/// One side of the difference, for the audit. Templates hold names, not values.
fn templates(changes: &[Change], side: impl Fn(&Change) -> &String) -> Value {
    let one = |change: &Change| {
        json!({
            "route": change.route,
            "environment": change.environment,
            "field": change.field,
            "template": side(change),
        })
    };
    changes.iter().map(one).collect()
}
