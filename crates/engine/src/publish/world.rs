//! What the latest snapshot was made of, so that the next one is made of what changed alone.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use envelope::SigningKeys;
use model::name::{EnvironmentName, RouteName, SecretName};
use model::route::{RouteSpec, effective};
use model::snapshot::{Bound, Opened, Route, Snapshot, WantedPool, bind, opened, unreadable};
use model::usage::TallyKey;
use store::{Position, ReadTx, SealedSecret, StoreError, Tombstone, TombstoneKind};

use super::callers::{Callers, default_after};
use super::index::{Index, Place, Use};
use super::open;
use super::trials::Trials;
use super::update::Update;
use crate::Shared;
use crate::standing::{Published, Suspects};

/// What the latest snapshot was made of. Secrets that no route names are not in here: they are not even opened.
#[derive(Debug, Default)]
pub(super) struct World {
    specs: HashMap<RouteName, RouteSpec>,
    index: Index,
    secrets: Arc<HashMap<SecretName, Arc<Opened>>>,
    suspects: Suspects,
    unopened: Arc<BTreeSet<SecretName>>,
    callers: Callers,
    wanted: WantedPool,
    trials: Trials,
    trail: Trail,
    snapshot: Arc<Snapshot>,
}

/// The last audit event of a state. A database that came back from a standby or a backup may count on from an earlier
/// revision and reach the same numbers with other changes: its events are others then.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail {
    pub(super) sequence: i64,
    pub(super) leaf: Option<[u8; 32]>,
}

impl World {
    /// The snapshot of this state.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// Up to which commit.
    pub(super) fn revision(&self) -> i64 {
        self.snapshot.revision
    }

    /// Whether there is nothing new.
    pub(super) fn is_at(&self, position: &Position, suspects: &Suspects) -> bool {
        self.revision() == position.revision && Arc::ptr_eq(&self.suspects, suspects)
    }

    /// Whether the transaction sees this state or a later one of the same history.
    pub(super) async fn leads_to(&self, tx: &ReadTx) -> Result<bool, StoreError> {
        let position = tx.position();
        let later = self.snapshot.incarnation == position.incarnation && self.revision() <= position.revision;
        Ok(later && tx.audit_leaf(self.trail.sequence).await? == self.trail.leaf)
    }

    /// Whether the secret was read, because a route names it.
    pub(super) fn holds(&self, secret: &SecretName) -> bool {
        self.secrets.contains_key(secret)
    }

    /// Secrets that could not be used and that the latest check no longer objects to: worth another try.
    pub(super) fn recovered(&self, suspects: &Suspects) -> impl Iterator<Item = &SecretName> {
        let checked = !Arc::ptr_eq(&self.suspects, suspects);
        self.unopened.iter().filter(move |name| checked && !suspects.contains(*name))
    }

    /// What checks hold against the stored rows.
    pub(super) fn published(&self) -> Published {
        Published {
            incarnation: self.snapshot.incarnation.clone(),
            revision: self.snapshot.revision,
            secrets: Arc::clone(&self.secrets),
            unopened: Arc::clone(&self.unopened),
        }
    }

    /// Takes the callers out of the update: the snapshot knows the new ones at once, and nothing else of the update. It
    /// is of the revision before, since that is what it holds all of. The answer is whether it is another snapshot.
    pub(super) fn admit(&mut self, update: &mut Update, signing_keys: &SigningKeys) -> bool {
        let is_client = |gone: &mut Tombstone| gone.kind == TombstoneKind::Client;
        let gone: Vec<Tombstone> = update.gone.extract_if(.., is_client).collect();
        let clients = std::mem::take(&mut update.clients);
        if gone.is_empty() && clients.is_empty() {
            return false;
        }
        let before = &self.snapshot;
        let mut next = Snapshot {
            incarnation: before.incarnation.clone(),
            revision: before.revision,
            routes: before.routes.clone(),
            hosts: before.hosts.clone(),
            keys: before.keys.clone(),
            secrets: Arc::clone(&before.secrets),
            signers: before.signers.clone(),
            default_environment: before.default_environment.clone(),
        };
        for Tombstone { name, .. } in gone {
            self.callers.remove(&name, &mut next);
        }
        self.callers.replace(clients, signing_keys, &mut next);
        self.snapshot = Arc::new(next);
        true
    }

    /// The world after the update, whose callers are taken out, with its snapshot.
    ///
    /// Only what changed is opened and compiled. The maps are copied, which for 100,000 routes is 100,000 pointers and
    /// counters, some milliseconds; what they point to is shared with the snapshot before.
    pub(super) fn apply(mut self, update: Update, shared: &Shared) -> Self {
        let before = Arc::clone(&self.snapshot);
        let mut next = Snapshot {
            incarnation: update.position.incarnation,
            revision: update.position.revision,
            routes: before.routes.clone(),
            hosts: before.hosts.clone(),
            keys: before.keys.clone(),
            secrets: Arc::default(),
            signers: before.signers.clone(),
            default_environment: None,
        };
        let gone = |kind| update.gone.iter().filter(move |gone: &&Tombstone| gone.kind == kind).map(|gone| &*gone.name);
        let gone_environments: HashSet<&str> = gone(TombstoneKind::Environment).collect();
        let lost = |name: &EnvironmentName| gone_environments.contains(name.as_str());
        next.default_environment = default_after(before.default_environment.clone(), &update.environments, lost);

        let mut dirty = Dirty::default();
        gone(TombstoneKind::Route).for_each(|route| self.remove_route(route, &mut next));
        self.replace_routes(update.routes, &mut next, &mut dirty);
        let touched = self.trials.take_up(update.rotations);
        touched.iter().for_each(|secret| dirty.mark(self.index.places(secret.as_str())));
        shared.registry.watch(self.trials.outgoing());
        gone(TombstoneKind::Secret).for_each(|secret| self.remove_secret(secret, &mut dirty));
        self.suspects = update.suspects;
        self.trail = update.trail;
        self.replace_secrets(update.secrets, shared, &mut dirty);
        self.replace_unreadable(update.unreadable, &mut dirty);
        self.close_suspects(&mut dirty);
        self.drop_unnamed();
        let usable = |name: &SecretName| self.secrets.get(name).is_some_and(|opened| opened.value.is_some());
        self.unopened =
            Arc::new(self.index.secrets().chain(self.trials.secrets()).filter(|name| !usable(name)).cloned().collect());

        let mut wanted = std::mem::take(&mut self.wanted);
        for name in &dirty.routes {
            let Some(spec) = self.specs.get(name) else { continue };
            let route = self.compile(spec, before.routes.get(name), &dirty.places, &mut wanted, shared);
            next.routes.insert(name.clone(), Arc::new(route));
        }
        wanted.drop_unused();
        self.wanted = wanted;
        next.secrets = Arc::clone(&self.secrets);
        self.snapshot = Arc::new(next);
        self
    }

    fn remove_route(&mut self, route: &str, next: &mut Snapshot) {
        let Some((name, spec)) = self.specs.remove_entry(route) else { return };
        self.index.remove(&name);
        next.routes.remove(&name);
        release_hosts(&spec, next);
    }

    fn replace_routes(&mut self, changed: Vec<(RouteSpec, BTreeSet<Use>)>, next: &mut Snapshot, dirty: &mut Dirty) {
        // Hosts are all released before any is taken: one may have moved from one route to another.
        for (spec, _) in &changed {
            if let Some(before) = self.specs.get(&spec.name) {
                release_hosts(before, next);
            }
        }
        for (spec, uses) in changed {
            let name = spec.name.clone();
            next.hosts.extend(spec.hosts.iter().map(|host| (host.to_ascii_lowercase(), name.clone())));
            self.index.set(&name, uses);
            let before = self.specs.get(&name);
            // An environment whose settings stay is not compiled again when another one of its route changes.
            let same =
                |environment| before.is_some_and(|old| effective(old, environment) == effective(&spec, environment));
            for environment in spec.environments.keys().filter(|environment| !same(environment)) {
                dirty.places.insert((name.clone(), environment.clone()));
            }
            dirty.routes.insert(name.clone());
            self.specs.insert(name, spec);
        }
    }

    fn remove_secret(&mut self, secret: &str, dirty: &mut Dirty) {
        if self.secrets.contains_key(secret) {
            Arc::make_mut(&mut self.secrets).remove(secret);
            if let Ok(secret) = secret.parse() {
                self.touch(&secret, dirty);
            }
        }
    }

    fn replace_secrets(&mut self, rows: Vec<SealedSecret>, shared: &Shared, dirty: &mut Dirty) {
        for row in rows {
            if !self.needs(&row.secret.name) {
                continue;
            }
            let name = row.secret.name.clone();
            // Named in the log by the check that suspects it.
            let value = (!self.suspects.contains(&name)).then(|| open(&shared.options.keyring, &row)).transpose();
            let value = value.unwrap_or_else(|error| {
                tracing::error!(secret = %name, reason = %error, "a stored secret cannot be opened and is not used");
                None
            });
            self.touch(&name, dirty);
            Arc::make_mut(&mut self.secrets).insert(name, opened(row.secret, value));
        }
    }

    /// Puts those in, without a value, whose rows cannot be read: somebody tampered with them, which is not the same as
    /// that there never were any.
    fn replace_unreadable(&mut self, names: BTreeSet<SecretName>, dirty: &mut Dirty) {
        for name in names {
            if !self.needs(&name) {
                continue;
            }
            self.touch(&name, dirty);
            Arc::make_mut(&mut self.secrets).insert(name.clone(), unreadable(name));
        }
    }

    /// Drops the values of secrets whose rows no longer are what was sealed.
    fn close_suspects(&mut self, dirty: &mut Dirty) {
        for name in Arc::clone(&self.suspects).iter() {
            let Some(Opened { secret, value: Some(_), .. }) = self.secrets.get(name).map(Arc::as_ref) else { continue };
            let closed = opened(secret.clone(), None);
            Arc::make_mut(&mut self.secrets).insert(name.clone(), closed);
            self.touch(name, dirty);
        }
    }

    /// Whether a route names the secret, or a rotation has it stand beside one that a route names.
    fn needs(&self, secret: &SecretName) -> bool {
        self.index.names(secret) || self.trials.need(secret)
    }

    /// Notes that all is to be compiled again that the secret has a part in.
    fn touch(&self, secret: &SecretName, dirty: &mut Dirty) {
        for secret in self.trials.with_partners(secret) {
            dirty.mark(self.index.places(secret.as_str()));
        }
    }

    /// Drops the values of secrets that nobody needs any longer.
    fn drop_unnamed(&mut self) {
        if self.secrets.keys().any(|name| !self.needs(name)) {
            let (index, trials) = (&self.index, &self.trials);
            Arc::make_mut(&mut self.secrets).retain(|name, _| index.names(name) || trials.need(name));
        }
    }

    /// The route, with the environments that changed compiled anew and the others as they were.
    fn compile(
        &self,
        spec: &RouteSpec,
        before: Option<&Arc<Route>>,
        dirty: &BTreeSet<Place>,
        wanted: &mut WantedPool,
        shared: &Shared,
    ) -> Route {
        let mut environments = HashMap::with_capacity(spec.environments.len());
        let mut trials = HashMap::new();
        for environment in spec.environments.keys() {
            let place = (spec.name.clone(), environment.clone());
            let kept = before.and_then(|route| route.environments.get(environment)).filter(|_| !dirty.contains(&place));
            let bound = kept.cloned().or_else(|| self.bind(spec, environment, wanted, shared));
            let Some(bound) = bound else { continue };
            let other = |spec: &RouteSpec| self.bind(spec, environment, wanted, shared);
            let trial = self.trials.trial(spec, environment, &bound, &self.index, &shared.registry, other);
            trials.extend(trial.map(|trial| (environment.clone(), Arc::new(trial))));
            environments.insert(environment.clone(), bound);
        }
        Route { name: spec.name.clone(), environments, trials }
    }

    fn bind(
        &self,
        spec: &RouteSpec,
        environment: &EnvironmentName,
        wanted: &mut WantedPool,
        shared: &Shared,
    ) -> Option<Arc<Bound>> {
        let tally = |secret: &SecretName| {
            let (secret, route, environment) = (secret.clone(), spec.name.clone(), environment.clone());
            shared.registry.tally(TallyKey { secret, route, environment })
        };
        match bind(spec, environment, &self.secrets, &shared.options.allow_private, tally) {
            Ok(mut bound) => {
                wanted.share(&mut bound);
                outbound::prepare(&mut bound);
                Some(Arc::new(bound))
            }
            Err(error) => {
                tracing::error!(route = %spec.name, %environment, %error, "a stored route cannot be served here");
                None
            }
        }
    }
}

fn release_hosts(spec: &RouteSpec, next: &mut Snapshot) {
    for host in &spec.hosts {
        next.hosts.remove(&host.to_ascii_lowercase());
    }
}

/// What has to be compiled again.
#[derive(Debug, Default)]
struct Dirty {
    routes: BTreeSet<RouteName>,
    places: BTreeSet<Place>,
}

impl Dirty {
    fn mark<'a>(&mut self, places: impl Iterator<Item = &'a Place>) {
        for place in places {
            self.routes.insert(place.0.clone());
            self.places.insert(place.clone());
        }
    }
}
