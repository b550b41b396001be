//! `POST /v1/secrets/{name}/compare`.

use std::sync::Arc;

use api::problem::Problem;
use api::secret::{CompareAnswer, CompareSecret};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use envelope::Binding;
use model::access::Need;
use model::problem::Finding;
use model::secret::{Kind, SecretValue, check_value};
use store::{ReadTx, SecretRow};

use super::view;
use crate::call::{Call, answer};
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

const HINT: &str = "differs only in surrounding white space";

/// Whether a value is the secret's, by a keyed digest. Ten times a minute for each secret; each is audited.
///
/// A deleted secret can be compared with, too: after a leak one wants to know whether it was that one.
#[utoipa::path(
    post,
    path = "/v1/secrets/{name}/compare",
    tag = "secrets",
    params(("name" = String, Path, description = "The secret.")),
    request_body = CompareSecret,
    responses(
        (status = 200, body = CompareAnswer),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
        (status = 429, body = Problem)
    )
)]
pub(super) async fn compare(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    call: Call,
) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Compare])?;
    let body: CompareSecret = call.json()?;
    let given = SecretValue::new(body.value.into_inner());
    let mut members = Members::default();
    // Any kind's value may be tried, so the rules that all kinds share.
    if let Err(error) = check_value(&given, Kind::Other) {
        members.note(Finding::new("/value", error.code(), error.to_string()));
    }
    members.finish()?;
    // All of it is read and decided before the transaction that writes the event: a guesser does not keep others waiting.
    let tx = control.store.read().await?;
    let row = view::find(&tx, &name).await?;
    if let Err(seconds) = control.attempts.take(&row.secret.name, call.now) {
        return Err(too_many(seconds));
    }
    let matches = control.keys.fingerprints.matches(&given, &row.secret.fingerprint);
    let near = !matches && differs_in_white_space(&control, &tx, &row, &given).await?;
    drop(tx);
    let told = CompareAnswer { matches, hint: near.then(|| HINT.to_owned()) };
    let outcome = if matches { "match" } else { "no-match" };
    let event = call.event(&permit, "secret.compare", format!("secret/{name}")).outcome(outcome);
    let tx = call.begin(&control, &permit).await?;
    call.commit(tx, event, StatusCode::OK, &told).await?;
    answer(StatusCode::OK, &told)
}

/// Whether the two are equal without the white space around them. The stored value is opened for it, since a digest
/// cannot be trimmed; one that does not open gives no hint.
async fn differs_in_white_space(
    control: &Control,
    tx: &ReadTx,
    row: &SecretRow,
    given: &SecretValue,
) -> Result<bool, Refusal> {
    let digests = &control.keys.fingerprints;
    let trimmed = given.trimmed();
    if given.has_outer_white_space() && digests.matches(&trimmed, &row.secret.fingerprint) {
        return Ok(true);
    }
    let Some(stored) = tx.sealed_secret(row.secret.name.as_str()).await? else { return Ok(false) };
    let sealed = view::sealed(stored.sealed);
    let Ok(value) = envelope::open(&control.keys.keyring, &sealed, &Binding::from(&stored.secret)) else {
        return Ok(false);
    };
    Ok(value.has_outer_white_space() && digests.matches(&trimmed, &digests.fingerprint(&value.trimmed())))
}

fn too_many(seconds: u64) -> Refusal {
    let detail = format!("a secret is compared at most 10 times a minute; try again in {seconds} s");
    let mut refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "Too many comparisons", detail);
    refusal.retry_after = Some(seconds);
    refusal
}
