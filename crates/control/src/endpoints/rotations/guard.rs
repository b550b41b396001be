//! What a live rotation stands against outside its own endpoints, and how it shows there.

use std::collections::BTreeSet;

use api::route::RouteOverlay;
use model::name::{EnvironmentName, SecretName};
use model::rotation::{Event, Rotation, Summary, Unused, deletable};
use model::route::{RouteSpec, references};
use model::time::Timestamp;
use serde_json::{Value, json};
use store::{ReadTx, WriteTx};

use super::look::Look;
use crate::refusal::Refusal;
use crate::state::Control;

/// The word of the state in which the outgoing secret is out of every snapshot.
const WITHDRAWN: &str = "withdrawn";

/// Refuses a route that begins to name a secret which is being replaced; what it names already may stay.
pub(in crate::endpoints) async fn being_replaced(
    tx: &ReadTx,
    before: Option<&RouteSpec>,
    after: &RouteSpec,
) -> Result<(), Refusal> {
    let places = |spec: &RouteSpec| -> BTreeSet<(SecretName, Option<EnvironmentName>)> {
        references(spec).into_iter().map(|found| (found.secret, found.environment)).collect()
    };
    let named = before.map(places).unwrap_or_default();
    for (secret, environment) in places(after).difference(&named) {
        // What no environment inherits any longer was named there before.
        if environment.is_none() && named.iter().any(|(other, _)| other == secret) {
            continue;
        }
        let Some(live) = tx.live_rotation_of(secret.as_str()).await? else { continue };
        let place = environment.as_ref().map_or_else(|| "its base".to_owned(), |name| format!("{name}"));
        let detail = format!(
            "the route {} would begin to name {secret} in {place}, which {} replaces by {}: name that one",
            after.name, live.id, live.incoming
        );
        let mut refusal = Refusal::conflict("secret-being-replaced", "The secret is being replaced", detail);
        refusal.problem.did_you_mean = Some(live.incoming.to_string());
        refusal.problem.rotation = Some(live.id);
        return Err(refusal);
    }
    Ok(())
}

/// What lets a secret go that a rotation has withdrawn: the proof, and the rotation that ends with it.
pub(in crate::endpoints) struct Release {
    rotation: Rotation,
    unused: Unused,
    now: Timestamp,
}

/// Whether rotations let the secret be deleted. With a [`Release`], it is proven unused, and neither its last use nor its last
/// mention matters; without, no rotation has a say.
pub(in crate::endpoints) async fn release(
    control: &Control,
    tx: &ReadTx,
    secret: &SecretName,
    now: Timestamp,
) -> Result<Option<Release>, Refusal> {
    let live = tx.live_rotations_with(secret.as_str()).await?;
    if let Some(other) = live.iter().find(|other| other.state != WITHDRAWN) {
        let part = if other.outgoing == *secret { "replaces it" } else { "puts it into place" };
        return Err(in_rotation(other, format!("{} {part} and is {}", other.id, other.state.replace('_', " "))));
    }
    let Some(last) = live.iter().find(|other| other.outgoing == *secret) else {
        return match live.first() {
            Some(other) => Err(in_rotation(other, format!("{} has put it into place and is not complete", other.id))),
            None => Ok(None),
        };
    };
    let Some(logged) = tx.rotation(&last.id).await? else { return Ok(None) };
    let look = Look::of(control, tx, logged, now).await?;
    match deletable(&look.logged.rotation, &look.evidence) {
        Ok(unused) => Ok(Some(Release { rotation: look.logged.rotation, unused, now: look.now })),
        // Then it is refused with the places.
        Err(_) if !look.evidence.outgoing_at.is_empty() => Ok(None),
        Err(next) => {
            let waits = next.waits_for.unwrap_or_else(|| "its time".to_owned());
            Err(in_rotation(last, format!("{} has withdrawn it, and its deletion waits for {waits}", last.id)))
        }
    }
}

fn in_rotation(rotation: &Summary, detail: String) -> Refusal {
    let mut refusal = Refusal::conflict("secret-in-rotation", "The secret is part of a rotation", detail);
    refusal.problem.rotation = Some(rotation.id.clone());
    refusal
}

impl Release {
    /// Ends the rotation in the transaction in which the secret is deleted, and says so in its audit event.
    pub(in crate::endpoints) async fn note(
        self,
        tx: &mut WriteTx,
        mut event: model::audit::Event,
    ) -> Result<model::audit::Event, Refusal> {
        let Self { mut rotation, unused, now } = self;
        let lines = [Event::Deleted { unused: Some(unused) }, Event::Completed];
        let added = tx.log_rotation(&mut rotation, lines, now).await?;
        if let Value::Object(after) = &mut event.after {
            let events: Vec<&Event> = added.iter().map(|line| &line.event).collect();
            after.insert("rotation_events".to_owned(), json!(events));
        }
        event.epoch = Some(rotation.version);
        event.rotation_id = Some(rotation.id);
        Ok(event)
    }
}

/// The shares of a route's traffic that rotations give to other secrets.
pub(in crate::endpoints) async fn overlays(tx: &ReadTx, spec: &RouteSpec) -> Result<Vec<RouteOverlay>, Refusal> {
    let named = references(spec);
    let secrets: BTreeSet<&SecretName> = named.iter().map(|found| &found.secret).collect();
    let mut overlays = Vec::new();
    for secret in secrets {
        let Some(live) = tx.live_rotation_of(secret.as_str()).await? else { continue };
        let Some(share) = live.traffic.canary else { continue };
        let is_here = |found: &model::route::Reference| {
            found.secret == *secret && found.environment.as_ref() == Some(&share.environment)
        };
        if named.iter().any(is_here) {
            overlays.push(RouteOverlay {
                rotation: live.id,
                environment: share.environment.to_string(),
                outgoing: live.outgoing.to_string(),
                incoming: live.incoming.to_string(),
                weight: share.weight.to_string(),
            });
        }
    }
    Ok(overlays)
}
