//! Which secrets take effect where, both ways round: what a changed secret touches is found without a search.

use std::collections::{BTreeSet, HashMap};

use model::name::{EnvironmentName, RouteName, SecretName};
use model::route::{self, RouteSpec};

/// A route in an environment.
pub(super) type Place = (RouteName, EnvironmentName);

/// A secret, and the environment of the route in question in which it takes effect.
pub(super) type Use = (SecretName, EnvironmentName);

/// What a route uses. A mention in the base that every environment overrides takes effect nowhere and does not count.
pub(super) fn uses(spec: &RouteSpec) -> BTreeSet<Use> {
    let references = route::references(spec).into_iter();
    references.filter_map(|reference| Some((reference.secret, reference.environment?))).collect()
}

/// Which secrets take effect where.
#[derive(Debug, Default)]
pub(super) struct Index {
    places: HashMap<SecretName, BTreeSet<Place>>,
    uses: HashMap<RouteName, BTreeSet<Use>>,
}

impl Index {
    /// Notes what the route uses from now on.
    pub(super) fn set(&mut self, route: &RouteName, uses: BTreeSet<Use>) {
        self.remove(route);
        for (secret, environment) in &uses {
            self.places.entry(secret.clone()).or_default().insert((route.clone(), environment.clone()));
        }
        self.uses.insert(route.clone(), uses);
    }

    /// Notes that the route is gone.
    pub(super) fn remove(&mut self, route: &RouteName) {
        for (secret, environment) in self.uses.remove(route).unwrap_or_default() {
            let Some(places) = self.places.get_mut(&secret) else { continue };
            places.remove(&(route.clone(), environment));
            if places.is_empty() {
                self.places.remove(&secret);
            }
        }
    }

    /// Whether the secret takes effect anywhere.
    pub(super) fn names(&self, secret: &SecretName) -> bool {
        self.places.contains_key(secret)
    }

    /// The secrets that take effect anywhere.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        self.places.keys()
    }

    /// The secrets that take effect in the place.
    pub(super) fn named_at<'a>(
        &'a self,
        route: &RouteName,
        environment: &'a EnvironmentName,
    ) -> impl Iterator<Item = &'a SecretName> {
        let uses = self.uses.get(route).into_iter().flatten();
        uses.filter(move |(_, place)| place == environment).map(|(secret, _)| secret)
    }

    /// Whether the secret takes effect in the place.
    pub(super) fn is_named(&self, secret: &SecretName, place: &Place) -> bool {
        self.places.get(secret).is_some_and(|places| places.contains(place))
    }

    /// Where the secret takes effect.
    pub(super) fn places(&self, secret: &str) -> impl Iterator<Item = &Place> {
        self.places.get(secret).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_ways_stay_in_step() {
        let spec = |headers: serde_json::Value| -> RouteSpec {
            let layers = json!({"name": "r", "base": {"inject": {"headers": {"A": "{{one}}"}}},
                "environments": {"production": {}, "staging": {"inject": {"headers": headers}}}});
            serde_json::from_value(layers).unwrap()
        };
        let route: RouteName = "r".parse().unwrap();
        let mut index = Index::default();
        index.set(&route, uses(&spec(json!({"A": "{{two}}"}))));
        let places = |index: &Index, secret: &str| {
            index.places(secret).map(|(_, environment)| environment.to_string()).collect::<Vec<_>>()
        };
        assert_eq!((places(&index, "one"), places(&index, "two")), (vec!["production".into()], vec!["staging".into()]));
        index.set(&route, uses(&spec(json!({}))));
        assert_eq!(places(&index, "one"), ["production", "staging"]);
        assert_eq!(index.secrets().count(), 1);
        index.remove(&route);
        assert_eq!(index.secrets().count(), 0);
    }
}
