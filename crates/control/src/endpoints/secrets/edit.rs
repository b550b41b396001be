//! `PATCH /v1/secrets/{name}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::problem::Problem;
use api::secret::{SecretItem, SecretPatch, SecretProbe};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use envelope::Binding;
use model::access::Need;
use model::environment::Environment;
use model::problem::Finding;
use model::secret::{Secret, check_value};
use serde::de::IgnoredAny;
use store::{ReadTx, Rebound};

use super::{probe_rules, reach, rules, successor, view, words};
use crate::call::{Call, tagged};
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// Edits what is known about a secret; its value stays what it is.
///
/// Where the value may go (`environments`, `allowed_hosts`) and whether it is hidden (`sensitive`) needs the role operator,
/// and a limit that a route in use breaks is refused.
#[utoipa::path(
    patch,
    path = "/v1/secrets/{name}",
    tag = "secrets",
    params(("name" = String, Path, description = "The secret.")),
    request_body = SecretPatch,
    responses(
        (status = 200, body = SecretItem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn edit(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    // Before anything else is judged, and without looking at what it holds.
    if call.json::<BTreeMap<String, IgnoredAny>>()?.contains_key("value") {
        return Err(immutable(&control.store.read().await?, &name).await?);
    }
    let patch: SecretPatch = call.json()?;
    let mut tx = call.begin(&control, &permit).await?;
    let mut row = view::find(&tx, &name).await?;
    view::demand_active(&row.secret)?;
    call.check_match(row.secret.version)?;
    let known = tx.environments().await?;
    let before = row.secret.clone();
    let after = apply(&control, &known, &before, patch)?;
    let limited = after.limits != before.limits;
    call.permit([rules::need(&before.limits, &known), rules::need(&after.limits, &known)])?;
    call.permit(limited.then_some(Need::ChangeLimits))?;
    if after == before {
        return tagged(StatusCode::OK, &view::item(&row, call.now), before.version);
    }
    if rules::widens(&after.limits, &before.limits) {
        reach::check(&tx, &after, &control.policy.allow_private).await?;
    }
    let rebound = bind(&control, &tx, &before, &after).await?;
    let version = tx.update_secret(&after, rebound.as_ref()).await?;
    row.secret = Secret { version, ..after };
    let event = call.event(&permit, "secret.edit", format!("secret/{name}"));
    let event = event.before(view::record(&before)).after(view::record(&row.secret));
    let item = view::item(&row, call.now);
    call.commit(tx, event, StatusCode::OK, &item).await?;
    tagged(StatusCode::OK, &item, version)
}

async fn immutable(tx: &ReadTx, name: &str) -> Result<Refusal, Refusal> {
    let row = view::find(tx, name).await?;
    let called = match successor::free_name(tx, &row.secret.name).await? {
        Some(free) => format!(", for example {free},"),
        None => String::new(),
    };
    let detail = format!(
        "a value is written once: create a successor{called} with \"successor_of\": \"{name}\", and point the routes to it \
         (POST /v1/routes/replace-secret)"
    );
    Ok(Refusal::conflict("secret-value-is-immutable", "A secret's value cannot be changed", detail))
}

/// The secret with the patch laid over it.
fn apply(control: &Control, known: &[Environment], before: &Secret, patch: SecretPatch) -> Result<Secret, Refusal> {
    let mut after = before.clone();
    let mut members = Members::default();
    after.kind = patch.kind.map_or(after.kind, words::kind);
    after.class = patch.class.map_or(after.class, words::class);
    after.strict_expiry = patch.strict_expiry.unwrap_or(after.strict_expiry);
    after.limits.sensitive = patch.sensitive.unwrap_or(after.limits.sensitive);
    if let Some(description) = patch.description {
        after.description = description.unwrap_or_default();
    }
    if let Some(owner) = patch.owner {
        after.owner = owner.unwrap_or_default();
    }
    if let Some(tags) = patch.tags {
        after.tags = tags.unwrap_or_default();
    }
    if let Some(texts) = patch.environments {
        after.limits.environments = texts.map(|texts| rules::environments(&mut members, &texts, known));
    }
    if let Some(texts) = patch.allowed_hosts {
        after.limits.allowed_hosts = texts.map(|texts| rules::hosts(&mut members, &texts));
    }
    if let Some(text) = patch.expires_at {
        after.expires_at = members.read_opt("/expires_at", "time-invalid", text.as_deref());
    }
    if let Some(text) = patch.rotate_every {
        after.rotate_every = rules::rotate_every(&mut members, text.as_deref());
    }
    if let Some(probe) = patch.probe {
        after.probe = probe.and_then(|probe| serde_json::to_value(probe).ok());
    }
    rules::texts(&mut members, &after);
    // New hosts may leave no place for the probe that stays.
    let probe: Option<SecretProbe> = after.probe.clone().and_then(|probe| serde_json::from_value(probe).ok());
    if let Some(probe) = probe.filter(|_| after.probe != before.probe || after.limits != before.limits) {
        probe_rules::check(&mut members, &probe, &after.name, &after.limits, &control.policy.allow_private);
    }
    members.finish()?;
    Ok(after)
}

/// What has to happen to the sealed value: a kind without line breaks looks at it, other limits bind its key anew.
async fn bind(control: &Control, tx: &ReadTx, before: &Secret, after: &Secret) -> Result<Option<Rebound>, Refusal> {
    let stricter = before.kind.may_span_lines() && !after.kind.may_span_lines();
    let limited = after.limits != before.limits;
    if !stricter && !limited {
        return Ok(None);
    }
    let stored = tx.sealed_secret(before.name.as_str()).await?;
    let stored = stored.ok_or_else(|| Refusal::internal("an active secret has no sealed value"))?;
    let sealed = view::sealed(stored.sealed);
    let binding = Binding::from(before);
    if stricter {
        let value = envelope::open(&control.keys.keyring, &sealed, &binding);
        let value = value.map_err(|error| view::unusable(&before.name, &error))?;
        check_value(&value, after.kind).map_err(|error| {
            Refusal::members(vec![Finding::new("/kind", error.code(), format!("the value {error}"))])
        })?;
    }
    if !limited {
        return Ok(None);
    }
    let wrapped = envelope::rebind(&control.keys.keyring, &sealed, &binding, &after.limits, control.entropy.as_ref());
    let wrapped = wrapped.map_err(|error| view::unusable(&before.name, &error))?;
    Ok(Some(Rebound { kek_id: wrapped.kek_id, wrapped_dek: wrapped.bytes }))
}
