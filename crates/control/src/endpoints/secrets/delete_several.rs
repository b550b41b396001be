//! `POST /v1/secrets/delete`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::problem::Problem;
use api::secret::{DeleteOutcome, DeleteResult, DeleteSecrets, SecretsDeleted};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::{Need, Permit};
use model::audit::Event;
use serde_json::json;
use store::{ReadTx, SecretRow, WriteTx};
use tokio::time::Instant;

use super::{removal, rules, view};
use crate::call::{Call, answer};
use crate::endpoints::rotations::Release;
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// The most names in one request.
const MOST: usize = 500;
/// How long deletions are begun. Each waits for the disk; what a slow one leaves is told before the request is cut off.
const PATIENCE: Duration = Duration::from_secs(3);

/// Deletes several secrets, each judged alone: what may go goes, and the answer says why the rest stays.
#[utoipa::path(
    post,
    path = "/v1/secrets/delete",
    tag = "secrets",
    request_body = DeleteSecrets,
    responses((status = 200, body = SecretsDeleted), (status = 422, body = Problem))
)]
pub(super) async fn delete(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let body: DeleteSecrets = call.json()?;
    check(&body.names)?;
    let several = Several { control: &control, call: &call, permit: &permit };
    let mut told = several.judge_all(&body.names).await?;
    if !body.dry_run.unwrap_or(false) {
        several.delete_all(&mut told).await?;
    }
    answer(StatusCode::OK, &told)
}

fn check(names: &[String]) -> Result<(), Refusal> {
    let mut members = Members::default();
    let fits = (1..=MOST).contains(&names.len());
    members.demand(fits, "/names", "names-count", "does not hold 1 to 500 names");
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        members.demand(seen.insert(name), &format!("/names/{index}"), "name-repeated", "is in the list already");
    }
    members.finish()
}

struct Several<'a> {
    control: &'a Control,
    call: &'a Call,
    permit: &'a Permit,
}

impl Several<'_> {
    /// What would become of each, from one state of the database.
    async fn judge_all(&self, names: &[String]) -> Result<SecretsDeleted, Refusal> {
        let tx = self.control.store.read().await?;
        let mut results = Vec::with_capacity(names.len());
        for name in names {
            results.push(match self.judge(&tx, name).await {
                Ok(_) => DeleteResult { name: name.clone(), outcome: DeleteOutcome::WouldDelete, problem: None },
                // The database's own failure is no verdict about a secret.
                Err(refusal) if refusal.problem.status >= 500 => return Err(refusal),
                Err(refusal) => refused(name, refusal),
            });
        }
        Ok(SecretsDeleted { results })
    }

    async fn judge(&self, tx: &ReadTx, name: &str) -> Result<(SecretRow, Option<Release>), Refusal> {
        let row = view::find(tx, name).await?;
        self.call.permit([rules::need(&row.secret.limits, &tx.environments().await?)])?;
        let release = removal::judge(self.control, tx, &row, false, self.call.now).await?;
        Ok((row, release))
    }

    /// Deletes what would go, each in a transaction with its own event: a long list must not keep others from writing.
    /// The last one keeps the answer for a repetition of the request.
    async fn delete_all(&self, told: &mut SecretsDeleted) -> Result<(), Refusal> {
        let would = |result: &DeleteResult| result.outcome == DeleteOutcome::WouldDelete;
        let begun = Instant::now();
        let last = told.results.iter().rposition(would);
        for index in 0..told.results.len() {
            let Some(result) = told.results.get_mut(index).filter(|result| would(result)) else { continue };
            let name = result.name.clone();
            result.outcome = DeleteOutcome::Deleted;
            let deletion = if begun.elapsed() < PATIENCE { self.delete(&name).await } else { Err(out_of_time()) };
            let done = match deletion {
                Ok((tx, event)) if last == Some(index) => self.call.commit(tx, event, StatusCode::OK, &*told).await,
                Ok((tx, event)) => tx.commit(event).await.map(drop).map_err(Refusal::from),
                Err(refusal) => Err(refusal),
            };
            // It was changed since it was judged, or the database failed: what is gone already has to be told all the same.
            let Err(refusal) = done else { continue };
            // The same request was faster, or the token ended before anything was done: that is the whole answer.
            let untouched = !told.results.iter().take(index).any(|result| result.outcome == DeleteOutcome::Deleted);
            if refusal.earlier.is_some() || (untouched && refusal.problem.status == 401) {
                return Err(refusal);
            }
            if let Some(result) = told.results.get_mut(index) {
                tracing::warn!(secret = name, code = refusal.problem.code, cause = refusal.cause, "secret not deleted");
                *result = refused(&name, refusal);
            }
        }
        Ok(())
    }

    /// The deletion, to be committed. Judged again, since this transaction is the one that counts.
    async fn delete(&self, name: &str) -> Result<(WriteTx, Event), Refusal> {
        let mut tx = self.call.begin(self.control, self.permit).await?;
        let (row, release) = self.judge(&tx, name).await?;
        tx.delete_secret(name, self.call.now).await?;
        let event = self.call.event(self.permit, "secret.delete", format!("secret/{name}"));
        let event = event.before(view::record(&row.secret));
        let event = event.after(json!({"state": "deleted", "forced": false, "reason": null}));
        let event = match release {
            Some(release) => release.note(&mut tx, event).await?,
            None => event,
        };
        Ok((tx, event))
    }
}

fn out_of_time() -> Refusal {
    let detail = "the deletions before it took all the time that a request has; nothing happened to it, ask again";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "not-attempted", "There was no time for it", detail)
}

fn refused(name: &str, refusal: Refusal) -> DeleteResult {
    DeleteResult { name: name.to_owned(), outcome: DeleteOutcome::Refused, problem: Some(*refusal.problem) }
}
