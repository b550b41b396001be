//! The rotations that traffic has a part in: which credential stands beside the one that a route names.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::name::{EnvironmentName, RouteName, SecretName};
use model::rotation::{Summary, Weight, replace};
use model::route::{RouteSpec, effective};
use model::snapshot::{Bound, Trial, TrialKey};

use super::index::{Index, Place};
use crate::usage::Registry;

/// All live rotations, and which secrets they are about.
#[derive(Debug, Default)]
pub(super) struct Trials {
    live: BTreeMap<String, Summary>,
    by_secret: HashMap<SecretName, BTreeSet<String>>,
}

/// How a route and environment take part in a rotation.
struct Part<'a> {
    rotation: &'a Summary,
    /// Whether the route names the outgoing secret, and the incoming one is tried beside it.
    is_canary: bool,
    weight: Weight,
    careful: bool,
}

impl Trials {
    /// Takes up what changed; the answer is the secrets whose places are to be compiled again.
    pub(super) fn take_up(&mut self, changed: Vec<Summary>) -> BTreeSet<SecretName> {
        let mut touched = BTreeSet::new();
        for summary in changed {
            let before = self.live.remove(&summary.id);
            // One that has no part in any traffic yet changes nothing that is served.
            let same = before.map_or_else(|| summary.traffic.is_empty(), |before| before.traffic == summary.traffic);
            if !same {
                touched.extend([summary.outgoing.clone(), summary.incoming.clone()]);
            }
            for secret in [&summary.outgoing, &summary.incoming] {
                let ids = self.by_secret.entry(secret.clone()).or_default();
                if summary.live && !summary.traffic.is_empty() {
                    ids.insert(summary.id.clone());
                } else {
                    ids.remove(&summary.id);
                }
                if ids.is_empty() {
                    self.by_secret.remove(secret);
                }
            }
            if summary.live {
                self.live.insert(summary.id.clone(), summary);
            }
        }
        touched
    }

    /// Whether a rotation needs the secret in the snapshot, named by a route or not.
    pub(super) fn need(&self, secret: &SecretName) -> bool {
        self.by_secret.contains_key(secret)
    }

    /// The secrets that rotations need.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        self.by_secret.keys()
    }

    /// The secret with those that stand beside it in a rotation: a change of one touches the places of all.
    pub(super) fn with_partners<'a>(&'a self, secret: &'a SecretName) -> impl Iterator<Item = &'a SecretName> {
        let ids = self.by_secret.get(secret).into_iter().flatten();
        let partners =
            ids.filter_map(|id| self.live.get(id)).flat_map(|summary| [&summary.outgoing, &summary.incoming]);
        std::iter::once(secret).chain(partners)
    }

    /// The secrets that live rotations replace: what is under way with them is told.
    pub(super) fn outgoing(&self) -> BTreeSet<SecretName> {
        self.live.values().map(|summary| summary.outgoing.clone()).collect()
    }

    /// How the place takes part. A canary goes before a shield of another rotation, and a later rotation before an earlier.
    fn part(
        &self,
        route: &RouteName,
        environment: &EnvironmentName,
        upstream: &str,
        index: &Index,
    ) -> Option<Part<'_>> {
        let place: Place = (route.clone(), environment.clone());
        let named = index.named_at(route, environment);
        let ids: BTreeSet<&String> = named.filter_map(|secret| self.by_secret.get(secret)).flatten().collect();
        let summaries = ids.into_iter().rev().filter_map(|id| self.live.get(id));
        let parts = summaries.filter_map(|rotation| {
            let canary = rotation.traffic.canary.as_ref();
            let share = canary.filter(|share| share.environment == *environment);
            if let Some(share) = share.filter(|_| index.is_named(&rotation.outgoing, &place)) {
                let careful = share.careful_at(route, upstream)?;
                return Some(Part { rotation, is_canary: true, weight: share.weight, careful });
            }
            let shielded = rotation.traffic.shielded.get(environment)?;
            let stands = shielded.contains(route) && index.is_named(&rotation.incoming, &place);
            stands.then_some(Part { rotation, is_canary: false, weight: Weight::ALL, careful: false })
        });
        parts.max_by_key(|part| part.is_canary)
    }

    /// The trial of a place, whose own binding is given; `bind` compiles the route as it would be with the other secret.
    pub(super) fn trial(
        &self,
        spec: &RouteSpec,
        environment: &EnvironmentName,
        own: &Arc<Bound>,
        index: &Index,
        registry: &Registry,
        bind: impl FnOnce(&RouteSpec) -> Option<Arc<Bound>>,
    ) -> Option<Trial> {
        let part = self.part(&spec.name, environment, &own.upstream.origin(), index)?;
        let Summary { id, outgoing, incoming, salt, .. } = part.rotation;
        let here = BTreeSet::from([environment.clone()]);
        let (from, to) = if part.is_canary { (outgoing, incoming) } else { (incoming, outgoing) };
        let other = bind(&replace(spec, from, to, Some(&here)).0)?;
        let (with_outgoing, with_incoming) =
            if part.is_canary { (Arc::clone(own), other) } else { (other, Arc::clone(own)) };
        let key = TrialKey {
            rotation: id.clone(),
            environment: environment.clone(),
            route: spec.name.clone(),
            upstream: own.upstream.origin(),
        };
        Some(Trial {
            rotation: id.clone(),
            outgoing: outgoing.clone(),
            incoming: incoming.clone(),
            with_outgoing,
            with_incoming,
            weight: part.weight,
            careful: part.careful,
            shield: effective(spec, environment)?.shield,
            salt: *salt,
            counts: registry.trial(key),
        })
    }
}
