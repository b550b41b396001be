//! Whether a secret may be deleted, and the words where it may not.

use axum::http::StatusCode;
use model::secret::{Deletable, Hindrance, may_delete};
use model::time::Timestamp;
use store::{ReadTx, SecretRow};

use super::view;
use crate::endpoints::rotations::{Release, release};
use crate::refusal::Refusal;
use crate::state::Control;

/// Refuses what may not be deleted: a secret that is gone, one that something names, one that a rotation needs, and, unless
/// forced, one that was used or named within the retention. A rotation that has proven it unused answers for that itself.
pub(super) async fn judge(
    control: &Control,
    tx: &ReadTx,
    row: &SecretRow,
    force: bool,
    now: Timestamp,
) -> Result<Option<Release>, Refusal> {
    view::demand_active(&row.secret)?;
    let name = row.secret.name.as_str();
    let retention = control.policy.retention;
    if let Some(release) = release(control, tx, &row.secret.name, now).await? {
        return Ok(Some(release));
    }
    let facts = Deletable {
        references: tx.count_references(name).await?,
        last_used_at: row.last_used_at,
        last_referenced_at: row.secret.last_referenced_at,
    };
    match may_delete(facts, retention, force, now) {
        Ok(()) => Ok(None),
        Err(Hindrance::Referenced) => Err(referenced(tx, name).await?),
        Err(hindrance @ Hindrance::RecentlyUsed { until }) => {
            let detail = format!("{name} was used within the last {retention}; it may be deleted from {until} on");
            Err(later(hindrance, "The secret was used recently", detail, until))
        }
        Err(hindrance @ Hindrance::InRetention { until }) => {
            let detail = format!("a route named {name} within the last {retention}; it may be deleted from {until} on");
            Err(later(hindrance, "The secret was named recently", detail, until))
        }
    }
}

async fn referenced(tx: &ReadTx, name: &str) -> Result<Refusal, Refusal> {
    let places: Vec<_> = tx.references(name).await?.iter().map(view::reference).collect();
    let first = places.first().map_or_else(String::new, |place| {
        let environment = place.environment.as_deref().unwrap_or("its base");
        format!(" (route {}, {environment}, {})", place.route, place.field)
    });
    let count = places.len();
    let places_name = if count == 1 { "place names" } else { "places name" };
    let detail =
        format!("{count} {places_name} {name}{first}; point them elsewhere first: POST /v1/routes/replace-secret");
    let refusal = Refusal::conflict(Hindrance::Referenced.code(), "The secret is still named", detail);
    Ok(refusal.with_references(places))
}

fn later(hindrance: Hindrance, title: &str, detail: String, until: Timestamp) -> Refusal {
    let mut refusal = Refusal::new(StatusCode::CONFLICT, hindrance.code(), title, detail);
    refusal.problem.deletable_at = Some(until.to_string());
    refusal
}
