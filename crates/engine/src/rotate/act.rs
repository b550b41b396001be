//! One step of a rotation, whole in one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use model::access::{Actor, Need, Permit, authorize};
use model::audit::{Event as AuditEvent, Origin};
use model::name::SecretName;
use model::rotation::{Entry, Event, House, Repointed, Rotation, Step, Trouble, promotion, way_back};
use model::route::references;
use model::snapshot::{Opened, bind, opened};
use store::{Lease, StoreError, WriteTx};

use super::label::{Label, reach};
use super::look::{Look, now};
use crate::Shared;
use crate::publish::open;

/// The right to do what the log of a rotation asks for.
pub(super) fn permit() -> Result<Permit, StoreError> {
    authorize(&Actor::system("rotate"), [Need::Change { protected: true }])
        .map_err(|_| StoreError::Statement("the engine may not act".to_owned()))
}

/// Decides once more, in the transaction that acts: what was read before may have been changed by an operator, or by a step
/// of another rotation. Does nothing where nothing is to be done any more; else the answer is the version that the rotation has now.
pub(super) async fn act(shared: &Shared, id: &str, house: &House, lease: &Lease) -> Result<Option<i64>, StoreError> {
    let mut tx = shared.options.store.begin(&permit()?).await?;
    tx.check_lease(lease).await?;
    let Some(look) = Look::take(shared, &tx, id, house, false).await? else { return Ok(None) };
    let now = now(shared, house);
    let (mut rotation, facts, evidence, step) = look.into_parts();
    let added = match step {
        // A probe has an effect outside: it begins elsewhere.
        Step::Rest(_) | Step::Probe => return Ok(None),
        Step::Record(event) => tx.log_rotation(&mut rotation, [event], now).await?,
        Step::Promote(healthy) => {
            let Some(environment) = rotation.stage().map(|stage| stage.environment.clone()) else { return Ok(None) };
            let routes = promotion(&rotation, &environment, &facts.specs);
            match objection(shared, &tx, &rotation, &routes).await? {
                Some(detail) => {
                    let why = Trouble::NotWritten { detail };
                    tx.log_rotation(&mut rotation, [Event::NeedsOperator { why }], now).await?
                }
                None => tx.promote_rotation(&mut rotation, &environment, healthy, &routes, now).await?,
            }
        }
        Step::RollBack(why) => {
            let routes = way_back(&rotation, &facts.specs);
            tx.roll_back_rotation(&mut rotation, why, &routes, now).await?
        }
        Step::Withdraw(soak, converged) => {
            let revision = tx.next_revision();
            let withdrawn = Event::Withdrawn { soak, converged, remains_at: evidence.outgoing_at, revision };
            tx.log_rotation(&mut rotation, [withdrawn], now).await?
        }
        Step::Delete(unused) => {
            tx.delete_secret(rotation.outgoing.as_str(), now).await?;
            let events = [Event::Deleted { unused: Some(unused) }, Event::Completed];
            tx.log_rotation(&mut rotation, events, now).await?
        }
    };
    commit(shared, tx, &rotation, &added).await?;
    Ok(Some(rotation.version))
}

/// Commits what was added to the log, with its audit event.
pub(super) async fn commit(
    shared: &Shared,
    tx: WriteTx,
    rotation: &Rotation,
    added: &[Entry],
) -> Result<(), StoreError> {
    let word = added.first().map_or("planned", |line| line.event.word());
    let now = shared.options.clock.now();
    let event = AuditEvent::done(&permit()?, &Origin::local(), now, &Rotation::action(added), rotation.subject());
    reach(shared.options.stop_at, Label::Before(word));
    tx.commit(rotation.audited(event, added)).await?;
    reach(shared.options.stop_at, Label::After(word));
    tracing::info!(rotation = %rotation.id, event = word, state = rotation.word(), "a rotation took a step");
    Ok(())
}

/// Why the routes could not be served as they would be stored.
async fn objection(
    shared: &Shared,
    tx: &WriteTx,
    rotation: &Rotation,
    routes: &[Repointed],
) -> Result<Option<String>, StoreError> {
    let mut secrets = HashMap::<SecretName, Arc<Opened>>::new();
    let named = routes.iter().flat_map(|route| references(&route.spec)).map(|reference| reference.secret);
    for name in named.collect::<std::collections::BTreeSet<_>>() {
        let Some(row) = tx.sealed_secret(name.as_str()).await? else { continue };
        let value = open(&shared.options.keyring, &row).ok();
        secrets.insert(name, opened(row.secret, value));
    }
    for route in routes {
        for environment in route.changes.iter().filter_map(|change| change.environment.as_ref()) {
            let allow = &shared.options.allow_private;
            let found = bind(&route.spec, environment, &secrets, allow, |_| Arc::default());
            let reason = match found {
                Ok(mut bound) => {
                    outbound::prepare(&mut bound);
                    bound.injection.err().map(|reason| reason.to_string())
                }
                Err(error) => Some(error.to_string()),
            };
            if let Some(reason) = reason {
                let route = &route.spec.name;
                return Ok(Some(format!("{route} in {environment} with {}: {reason}", rotation.incoming)));
            }
        }
    }
    Ok(None)
}
