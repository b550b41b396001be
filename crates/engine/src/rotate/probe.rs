//! Trying credentials out in the course of a rotation: intent, effect, outcome.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use model::name::{EnvironmentName, SecretName};
use model::probe::{Reading, SecretProbe, Target, Through, Tried};
use model::rotation::{Event, Facts, House, Rotation, Step};
use model::route::{RouteSpec, references};
use model::secret::Secret;
use model::snapshot::{Opened, opened};
use model::time::{Span, Timestamp};
use outbound::probe::{Occasion, send};
use store::{Lease, ReadTx, StoreError, Telemetry};

use super::UnderWay;
use super::act::{commit, permit};
use super::label::{Label, reach};
use super::look::{Look, now};
use crate::Shared;
use crate::outage::Outage;
use crate::publish::open;

/// How long after a refusal a credential is tried once more.
const ACCIDENT: Duration = Duration::from_secs(2);

/// What is going to be tried.
struct Plan {
    incoming: Vec<Target>,
    /// Nothing before any traffic has moved: the outgoing one is not in question then.
    outgoing: Option<Vec<Target>>,
    /// Why nothing can be tried, where that is so.
    fault: Option<String>,
}

/// Writes the intent down and lets the effect begin, beside this task: a place that is slow to answer holds up no other
/// rotation.
pub(super) async fn begin(
    shared: &Arc<Shared>,
    id: &str,
    house: &House,
    lease: &Lease,
    under_way: &UnderWay,
) -> Result<(), StoreError> {
    let mut tx = shared.options.store.begin(&permit()?).await?;
    tx.check_lease(lease).await?;
    let Some(look) = Look::take(shared, &tx, id, house, false).await? else { return Ok(()) };
    let (mut rotation, facts, _, step) = look.into_parts();
    if step != Step::Probe {
        return Ok(());
    }
    let plan = plan(shared, &tx, &rotation, &facts).await?;
    let added = tx.log_rotation(&mut rotation, [Event::ProbeBegan], now(shared, house)).await?;
    commit(shared, tx, &rotation, &added).await?;
    let on_its_way = OnItsWay::new(under_way, id);
    let (shared, id) = (Arc::clone(shared), id.to_owned());
    let (begun, clock) = (now(&shared, house), shared.options.rotation_clock.now());
    tokio::spawn(async move {
        let outcome = carry_out(&shared, plan).await;
        reach(shared.options.stop_at, Label::ProbeSent);
        let took = Span::between(clock, shared.options.rotation_clock.now());
        Outage::none("rotate").note(conclude(&shared, &id, rotation.version, outcome, begun.plus(took)).await);
        drop(on_its_way);
    });
    Ok(())
}

/// A probe that is under way in this process, until it is dropped: also where it panics, so that it is tried again.
struct OnItsWay {
    under_way: UnderWay,
    id: String,
}

impl OnItsWay {
    fn new(under_way: &UnderWay, id: &str) -> Self {
        let this = Self { under_way: Arc::clone(under_way), id: id.to_owned() };
        this.ids().insert(this.id.clone());
        this
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.ids().remove(&self.id);
    }
}

async fn carry_out(shared: &Shared, plan: Plan) -> Event {
    let unclear =
        |detail: String| Tried { place: "keyroll".to_owned(), status_class: None, reading: Reading::Unclear, detail };
    if let Some(fault) = plan.fault {
        return Event::Probed { reading: Reading::Unclear, outgoing: None, tried: vec![unclear(fault)] };
    }
    let mut incoming = try_all(shared, &plan.incoming).await;
    // One refusal may be an accident of the upstream's, and where traffic has moved it would mean the way back.
    if plan.outgoing.is_some() && Reading::of_all(&incoming) == Reading::Dead && shared.sleep(ACCIDENT).await {
        incoming = try_all(shared, &plan.incoming).await;
    }
    let reading = Reading::of_all(&incoming);
    let (outgoing, beside) = match plan.outgoing {
        Some(targets) => {
            let tried = try_all(shared, &targets).await;
            (Some(Reading::of_all(&tried)), tried)
        }
        None => (None, Vec::new()),
    };
    let beside = beside.into_iter().map(|tried| Tried { place: format!("{} (outgoing)", tried.place), ..tried });
    Event::Probed { reading, outgoing, tried: incoming.into_iter().chain(beside).collect() }
}

async fn try_all(shared: &Shared, targets: &[Target]) -> Vec<Tried> {
    let mut found = Vec::with_capacity(targets.len());
    for target in targets {
        let now = shared.options.clock.now();
        let request_id = model::id::new("req", now, &*shared.options.entropy);
        let occasion = Occasion { now, request_id: &request_id, allow_private: &shared.options.allow_private };
        let sent = send(target, &occasion).await;
        if !sent.used.is_empty() {
            let counted = shared.options.store.record(Telemetry::Tallies { at: now, rows: sent.used }).await;
            if let Err(error) = counted {
                tracing::warn!(%error, "the use of a secret by a probe was not counted");
            }
        }
        found.push(sent.tried);
    }
    found
}

/// Writes the outcome down, unless the rotation has gone on without it.
async fn conclude(shared: &Shared, id: &str, version: i64, outcome: Event, now: Timestamp) -> Result<(), StoreError> {
    let mut tx = shared.options.store.begin(&permit()?).await?;
    let Some(logged) = tx.rotation(id).await? else { return Ok(()) };
    let mut rotation = logged.rotation;
    let intent = logged.log.iter().rev().find(|line| line.event == Event::ProbeBegan).map(|line| line.number);
    if rotation.probing_since.is_none() || intent != Some(version) || !rotation.is_live() {
        return Ok(());
    }
    let added = tx.log_rotation(&mut rotation, [outcome], now).await?;
    commit(shared, tx, &rotation, &added).await
}

async fn plan(shared: &Shared, tx: &ReadTx, rotation: &Rotation, facts: &Facts) -> Result<Plan, StoreError> {
    let Some(incoming) = &facts.incoming else {
        return Ok(Plan {
            incoming: Vec::new(),
            outgoing: None,
            fault: Some("the incoming secret is gone".to_owned()),
        });
    };
    let tried = targets(shared, tx, rotation, facts, incoming).await?;
    let beside = match facts.outgoing.as_ref().filter(|_| rotation.has_moved()) {
        Some(outgoing) => Some(targets(shared, tx, rotation, facts, outgoing).await?),
        None => None,
    };
    let fault = tried.as_ref().err().cloned();
    Ok(Plan { incoming: tried.unwrap_or_default(), outgoing: beside.and_then(Result::ok), fault })
}

/// Where a secret of the rotation is tried: by its own probe, or in its places.
async fn targets(
    shared: &Shared,
    tx: &ReadTx,
    rotation: &Rotation,
    facts: &Facts,
    secret: &Secret,
) -> Result<Result<Vec<Target>, String>, StoreError> {
    let allow = &shared.options.allow_private;
    if let Some(probe) = SecretProbe::of(secret).ok().flatten() {
        let Some(opened) = opened_secret(shared, tx, &secret.name).await? else {
            return Ok(Err(format!("the secret {} cannot be opened", secret.name)));
        };
        let environment = rotation.plan.stages.first().map(|stage| stage.environment.clone());
        let environment = match environment {
            Some(environment) => Some(environment),
            None => tx.environments().await?.into_iter().next().map(|first| first.name),
        };
        return Ok(probe.targets(&opened, environment.as_ref(), allow).map_err(|error| error.to_string()));
    }
    let environments: BTreeSet<EnvironmentName> =
        rotation.plan.stages.iter().map(|stage| stage.environment.clone()).collect();
    let other = if secret.name == rotation.outgoing { &rotation.incoming } else { &rotation.outgoing };
    // The outgoing secret goes where it is replaced or was, and not wherever else the incoming one is named.
    let is_part = |spec: &&RouteSpec| {
        let was_moved = rotation.promoted.iter().any(|promotion| promotion.routes.contains(&spec.name));
        was_moved || references(spec).iter().any(|found| found.secret == rotation.outgoing)
    };
    let specs: Vec<RouteSpec> = facts.specs.iter().filter(is_part).cloned().collect();
    let through = Through::in_place_of(other, secret.name.clone(), &specs, Some(environments));
    let mut secrets = HashMap::<SecretName, Arc<Opened>>::new();
    for name in through.secrets() {
        if let Some(opened) = opened_secret(shared, tx, &name).await? {
            secrets.insert(name, opened);
        }
    }
    Ok(through.targets(&secrets, allow).map_err(|error| error.to_string()))
}

async fn opened_secret(shared: &Shared, tx: &ReadTx, name: &SecretName) -> Result<Option<Arc<Opened>>, StoreError> {
    let Some(row) = tx.sealed_secret(name.as_str()).await? else { return Ok(None) };
    let value = open(&shared.options.keyring, &row).ok();
    Ok(value.map(|value| opened(row.secret, Some(value))))
}
