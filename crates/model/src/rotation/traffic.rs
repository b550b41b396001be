//! What traffic has to know of a rotation: which environments it moves, how much, and where its shield stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Weight;
use super::rotation::Rotation;
use super::state::State;
use crate::name::{EnvironmentName, RouteName};

/// What is published of a rotation. Nothing, once it has ended or the outgoing secret is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// The canary.
    pub canary: Option<Share>,
    /// The environments that are promoted, each with the routes that were re-pointed: there the outgoing credential
    /// stands behind the incoming one.
    pub shielded: BTreeMap<EnvironmentName, Vec<RouteName>>,
}

/// The canary of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Which.
    pub environment: EnvironmentName,
    /// How much of the traffic gets the incoming credential.
    pub weight: Weight,
    /// Whether it is yet to be found healthy.
    pub careful: bool,
    /// The routes that take part, each with the upstream for which that holds.
    #[serde(default)]
    pub routes: BTreeMap<RouteName, String>,
}

impl Share {
    /// Whether the incoming credential is yet to be found healthy at a route's upstream, scheme, host and port; `None`
    /// where the route does not take part.
    ///
    /// A route that somebody has just sent to another upstream, or back to an earlier version, is served before the
    /// rotation has heard of it: what was found elsewhere says nothing there.
    #[must_use]
    pub fn careful_at(&self, route: &RouteName, upstream: &str) -> Option<bool> {
        let known = self.routes.get(route)?;
        Some(self.careful || known != upstream)
    }
}

impl Traffic {
    /// Of this rotation, as it stands.
    #[must_use]
    pub fn of(rotation: &Rotation) -> Self {
        if !rotation.is_live() || matches!(rotation.state, State::Withdrawn(_)) {
            return Self::default();
        }
        let canary = match (&rotation.state, rotation.stage(), rotation.weight()) {
            (State::Canary(canary), Some(stage), Some(weight)) => {
                let environment = stage.environment.clone();
                let here = rotation.upstreams.iter().filter(|(spot, _)| spot.environment == environment);
                let routes = here.map(|(spot, upstream)| (spot.route.clone(), upstream.clone())).collect();
                Some(Share { environment, weight, careful: canary.healthy.is_none(), routes })
            }
            _ => None,
        };
        let promoted = rotation.promoted.iter().map(|promoted| (promoted.environment.clone(), promoted.routes.clone()));
        Self { canary, shielded: promoted.collect() }
    }

    /// Whether there is nothing to publish.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.canary.is_none() && self.shielded.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_at_one_upstream_says_nothing_at_another() {
        let share = |careful| Share {
            environment: "production".parse().unwrap(),
            weight: Weight::ALL,
            careful,
            routes: [("payments".parse().unwrap(), "https://a:443".to_owned())].into(),
        };
        for (careful, route, upstream, expected) in [
            (false, "payments", "https://a:443", Some(false)),
            (true, "payments", "https://a:443", Some(true)),
            (false, "payments", "https://b:443", Some(true)),
            (false, "other", "https://a:443", None),
        ] {
            let found = share(careful).careful_at(&route.parse().unwrap(), upstream);
            assert_eq!(found, expected, "{careful} {route} {upstream}");
        }
    }
}
