//! A secret as it is told: everything but its value.

use api::problem::Reference;
use api::secret::{SecretItem, SecretPlace};
use axum::http::StatusCode;
use envelope::OpenError;
use model::name::{SecretName, nearest};
use model::secret::{Secret, State};
use model::time::Timestamp;
use serde_json::Value;
use store::{ReadTx, ReferenceRow, SecretRow};

use super::words;
use crate::refusal::Refusal;

/// As the API tells it.
pub(super) fn item(row: &SecretRow, now: Timestamp) -> SecretItem {
    let secret = &row.secret;
    // What has no value any longer is not to be replaced.
    let due = row.due().map(|due| due.at).filter(|_| secret.state == State::Active);
    let environments = secret.limits.environments.as_ref();
    let hosts = secret.limits.allowed_hosts.as_ref();
    SecretItem {
        name: secret.name.to_string(),
        kind: words::wire_kind(secret.kind),
        class: words::wire_class(secret.class),
        state: words::wire_state(secret.state),
        created_at: secret.created_at.to_string(),
        created_by: secret.created_by.clone(),
        fingerprint: secret.fingerprint.clone(),
        description: secret.description.clone(),
        owner: secret.owner.clone(),
        tags: secret.tags.clone(),
        successor_of: secret.successor_of.as_ref().map(ToString::to_string),
        superseded_by: row.superseded_by.as_ref().map(ToString::to_string),
        rotation: row.rotation.clone(),
        environments: environments.map(|set| set.iter().map(ToString::to_string).collect()),
        allowed_hosts: hosts.map(|set| set.iter().map(ToString::to_string).collect()),
        sensitive: secret.limits.sensitive,
        // It was checked when it was saved.
        probe: secret.probe.clone().and_then(|probe| serde_json::from_value(probe).ok()),
        last_used_at: row.last_used_at.map(|at| at.to_string()),
        use_count: u64::try_from(row.use_count).unwrap_or(0),
        routes: row
            .bindings
            .iter()
            .map(|place| SecretPlace { route: place.route.to_string(), environment: place.environment.to_string() })
            .collect(),
        rotation_due_at: due.map(|at| at.to_string()),
        overdue: due.is_some_and(|at| at <= now),
        expires_at: secret.expires_at.map(|at| at.to_string()),
        strict_expiry: secret.strict_expiry,
        rotate_every: secret.rotate_every.map(|span| span.to_string()),
        deleted_at: secret.deleted_at.map(|at| at.to_string()),
        group: None,
        warnings: Vec::new(),
    }
}

/// As the audit tells it.
pub(in crate::endpoints) fn record(secret: &Secret) -> Value {
    serde_json::to_value(secret).unwrap_or_default()
}

/// A mention as a refusal lists it.
pub(super) fn reference(row: &ReferenceRow) -> Reference {
    Reference {
        route: row.route.to_string(),
        environment: row.environment.as_ref().map(ToString::to_string),
        field: row.field.clone(),
        enabled: row.enabled,
    }
}

/// The secret, deleted ones included, or 404 with the name that was probably meant.
pub(in crate::endpoints) async fn find(tx: &ReadTx, name: &str) -> Result<SecretRow, Refusal> {
    if let Some(row) = tx.secret(name).await? {
        return Ok(row);
    }
    let names = tx.secret_names().await?;
    Err(Refusal::not_found("secret", name, nearest(name, names.iter().map(SecretName::as_str))))
}

/// Refuses what needs a value where there is none any longer.
pub(in crate::endpoints) fn demand_active(secret: &Secret) -> Result<(), Refusal> {
    match secret.state {
        State::Active => Ok(()),
        State::Deleted => {
            let detail = format!("the value of {} was destroyed; what is known about it stays as it is", secret.name);
            Err(Refusal::conflict("secret-is-deleted", "The secret is deleted", detail))
        }
    }
}

/// A stored value that does not open: its row was altered behind the API's back, or a key is missing.
pub(super) fn unusable(name: &SecretName, error: &OpenError) -> Refusal {
    let detail = format!("the stored value of {name} cannot be used: {error}");
    let mut refusal = Refusal::new(StatusCode::CONFLICT, "secret-unusable", "The secret cannot be used", detail);
    refusal.cause = Some(error.to_string());
    refusal
}

/// The sealed value in the envelope's own type.
pub(in crate::endpoints) fn sealed(stored: store::Sealed) -> envelope::Sealed {
    envelope::Sealed {
        format: stored.format,
        ciphertext: stored.ciphertext,
        dek_id: stored.dek_id,
        wrapped_dek: stored.wrapped_dek,
        kek_id: stored.kek_id,
    }
}
