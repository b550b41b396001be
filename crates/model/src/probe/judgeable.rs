//! Whether there is anything by which a credential can be judged. Without it, nothing advances by itself.

use serde::{Deserialize, Serialize};

use super::SecretProbe;
use super::through::probe;
use crate::name::EnvironmentName;
use crate::route::{RouteSpec, effective};
use crate::secret::Secret;

/// By what a credential can be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Judgeable {
    /// There is a probe.
    pub probe: bool,
    /// Answers to traffic tell a dead value from a living one.
    pub dead: bool,
}

impl Judgeable {
    /// What a route has for it in an environment; nothing where it is not served there.
    #[must_use]
    pub fn by_route(spec: &RouteSpec, environment: &EnvironmentName) -> Self {
        let dead = effective(spec, environment).is_some_and(|settings| !settings.judgement.dead.is_empty());
        Self { probe: probe(spec, environment).is_some(), dead }
    }

    /// What a secret has for it: a probe of its own, and a kind that answers over HTTP say something about.
    #[must_use]
    pub fn by_secret(secret: &Secret) -> Self {
        Self { probe: matches!(SecretProbe::of(secret), Ok(Some(_))), dead: secret.kind.is_judged_by_answers() }
    }

    /// What there is for a secret in a route. Where answers say nothing about its kind, those to the route's probe do not
    /// either.
    #[must_use]
    pub fn of(secret: &Secret, spec: &RouteSpec, environment: &EnvironmentName) -> Self {
        let (own, route) = (Self::by_secret(secret), Self::by_route(spec, environment));
        Self { probe: own.probe || (route.probe && own.dead), dead: route.dead && own.dead }
    }

    /// Whether it can be judged at all.
    #[must_use]
    pub fn is_possible(self) -> bool {
        self.probe || self.dead
    }
}
