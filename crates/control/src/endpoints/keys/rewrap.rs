//! `POST /v1/keys/rewrap`.

use std::sync::Arc;

use api::key::{RewrapKeys, Rewrapped, Unusable};
use api::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use envelope::Binding;
use model::access::Need;
use serde_json::json;
use store::{ReadTx, Rebound, SealedSecret, WrappedFingerprintKey};

use super::count;
use crate::call::{Call, answer};
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// How many secrets a step wraps unless it is told otherwise.
const STEP: u32 = 100;
/// How many at most: other changes wait while a step goes on.
const LONGEST_STEP: u32 = 500;
/// How many rows are read at once.
const PAGE: usize = 500;

/// Wraps data keys with the current KEK, a step at a time; repeat it until none is left. No value is written anew.
///
/// Every node must hold the current KEK before: what is wrapped with it cannot be opened by one that does not. A step is
/// one change with its audit event. The key of fingerprints goes with the first step.
#[utoipa::path(
    post,
    path = "/v1/keys/rewrap",
    tag = "keys",
    request_body = RewrapKeys,
    responses((status = 200, body = Rewrapped), (status = 422, body = Problem))
)]
pub(super) async fn rewrap(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Administer])?;
    let body: RewrapKeys = call.json()?;
    let limit = body.limit.unwrap_or(STEP);
    let mut members = Members::default();
    members.demand((1..=LONGEST_STEP).contains(&limit), "/limit", "limit-invalid", "is not between 1 and 500");
    members.finish()?;
    if body.dry_run.unwrap_or(false) {
        let step = Step::plan(&control, &control.store.read().await?, usize::MAX).await?;
        return answer(StatusCode::OK, &step.told(&control, None));
    }

    let mut tx = call.begin(&control, &permit).await?;
    let step = Step::plan(&control, &tx, usize::try_from(limit).unwrap_or(PAGE)).await?;
    if step.is_empty() {
        return answer(StatusCode::OK, &step.told(&control, None));
    }
    let before = json!({"secrets_by_kek": tx.secrets_by_kek().await?});
    for (name, rebound) in &step.rebound {
        tx.rewrap_secret(name, rebound).await?;
    }
    if let Some(key) = &step.fingerprint_key {
        tx.set_fingerprint_key(key).await?;
    }
    let told = step.told(&control, u64::try_from(tx.next_revision()).ok());
    let names: Vec<&String> = step.rebound.iter().map(|(name, _)| name).collect();
    let after = json!({"secrets": names, "fingerprint_key": told.fingerprint_key, "left": told.left});
    let event = call.event(&permit, "key.rewrap", format!("kek/{}", told.kek_id)).before(before).after(after);
    call.commit(tx, event, StatusCode::OK, &told).await?;
    answer(StatusCode::OK, &told)
}

/// What one step changes.
struct Step {
    rebound: Vec<(String, Rebound)>,
    fingerprint_key: Option<WrappedFingerprintKey>,
    unusable: Vec<Unusable>,
    left: u64,
}

impl Step {
    /// At most `limit` secrets wrapped anew. Those that do not open are passed over and told: one of them must not keep
    /// the others from being wrapped.
    async fn plan(control: &Control, tx: &ReadTx, limit: usize) -> Result<Self, Refusal> {
        let current = control.keys.keyring.current().as_str();
        let (mut rebound, mut unusable, mut after) = (Vec::new(), Vec::new(), String::new());
        while rebound.len() < limit {
            let page = tx.secrets_not_wrapped_by(current, &after, PAGE.min(limit - rebound.len())).await?;
            let Some((last, _)) = page.last() else { break };
            last.clone_into(&mut after);
            for (name, row) in page {
                match wrap(control, row) {
                    Ok(wrapped) => rebound.push((name, wrapped)),
                    Err(detail) => unusable.push(Unusable { name, detail }),
                }
            }
        }
        let others = tx.secrets_by_kek().await?.into_iter().filter(|(id, _)| id != current);
        let left = others.map(|(_, wrapped)| count(wrapped)).sum::<u64>().saturating_sub(number(rebound.len()));
        let stale = tx.fingerprint_key().await?.is_some_and(|key| key.kek_id != current);
        let fingerprint_key = stale.then(|| {
            let wrapped = control.keys.fingerprints.wrap(&control.keys.keyring, control.entropy.as_ref());
            WrappedFingerprintKey { bytes: wrapped.bytes, kek_id: wrapped.kek_id }
        });
        Ok(Self { rebound, fingerprint_key, unusable, left })
    }

    fn is_empty(&self) -> bool {
        self.rebound.is_empty() && self.fingerprint_key.is_none()
    }

    fn told(&self, control: &Control, revision: Option<u64>) -> Rewrapped {
        Rewrapped {
            kek_id: control.keys.keyring.current().to_string(),
            rewrapped: number(self.rebound.len()),
            fingerprint_key: self.fingerprint_key.is_some(),
            left: self.left,
            unusable: self.unusable.clone(),
            revision,
        }
    }
}

/// The data key in its new wrapping, or why the old one does not open.
fn wrap(control: &Control, row: Option<SealedSecret>) -> Result<Rebound, String> {
    let SealedSecret { secret, sealed } = row.ok_or("its row cannot be read")?;
    let sealed = envelope::Sealed {
        format: sealed.format,
        ciphertext: sealed.ciphertext,
        dek_id: sealed.dek_id,
        wrapped_dek: sealed.wrapped_dek,
        kek_id: sealed.kek_id,
    };
    let keyring = &control.keys.keyring;
    let wrapped = envelope::rewrap(keyring, &sealed, &Binding::from(&secret), control.entropy.as_ref());
    let wrapped = wrapped.map_err(|error| error.to_string())?;
    Ok(Rebound { kek_id: wrapped.kek_id, wrapped_dek: wrapped.bytes })
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
