//! Trying a secret through routes: those that name it, or those of another one with it in that one's place.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use super::target::{headers, method};
use super::{ProbeError, Request, Target};
use crate::name::{EnvironmentName, SecretName};
use crate::rotation::replace;
use crate::route::{RouteSpec, references};
use crate::snapshot::{Opened, bind};

/// A secret, and the routes through which it is to be tried, as they are to be tried.
#[derive(Debug, Clone)]
pub struct Through {
    secret: SecretName,
    specs: Vec<RouteSpec>,
    environments: Option<BTreeSet<EnvironmentName>>,
}

/// The probe of a route, as it is stored.
#[derive(Debug, Deserialize)]
struct RouteProbe {
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Through {
    /// The routes as they are, in `environments` (`None` for all).
    #[must_use]
    pub fn routes(secret: SecretName, specs: Vec<RouteSpec>, environments: Option<BTreeSet<EnvironmentName>>) -> Self {
        Self { secret, specs, environments }
    }

    /// The routes with `incoming` in the place of `outgoing`, in `environments` (`None` for all). Where a route names
    /// `incoming` already, it is tried as well.
    #[must_use]
    pub fn in_place_of(
        outgoing: &SecretName,
        incoming: SecretName,
        specs: &[RouteSpec],
        environments: Option<BTreeSet<EnvironmentName>>,
    ) -> Self {
        let moved = |spec: &RouteSpec| replace(spec, outgoing, &incoming, environments.as_ref()).0;
        let specs = specs.iter().map(moved).collect();
        Self { secret: incoming, specs, environments }
    }

    /// The routes as they are to be tried.
    #[must_use]
    pub fn specs(&self) -> &[RouteSpec] {
        &self.specs
    }

    /// The secrets whose values it takes, and no others: those that are named where something is tried.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<SecretName> {
        let tried = |spec: &RouteSpec, environment: &EnvironmentName| {
            self.includes(environment) && probe(spec, environment).is_some()
        };
        let of = |spec: &RouteSpec| {
            let here = references(spec)
                .into_iter()
                .filter(|found| found.environment.as_ref().is_some_and(|environment| tried(spec, environment)));
            here.map(|found| found.secret).collect::<Vec<_>>()
        };
        self.specs.iter().flat_map(of).collect()
    }

    /// The places at which the value is tried: each route and environment that has a probe and uses the secret there.
    /// `secrets` answers the active ones by name.
    ///
    /// # Errors
    /// [`ProbeError`] where a stored route or its probe cannot be read.
    pub fn targets(
        &self,
        secrets: &HashMap<SecretName, Arc<Opened>>,
        allow_private: &[IpNet],
    ) -> Result<Vec<Target>, ProbeError> {
        let mut found = Vec::new();
        for spec in &self.specs {
            for environment in spec.environments.keys().filter(|environment| self.includes(environment)) {
                found.extend(self.target(spec, environment, secrets, allow_private)?);
            }
        }
        Ok(found)
    }

    fn includes(&self, environment: &EnvironmentName) -> bool {
        self.environments.as_ref().is_none_or(|chosen| chosen.contains(environment))
    }

    fn target(
        &self,
        spec: &RouteSpec,
        environment: &EnvironmentName,
        secrets: &HashMap<SecretName, Arc<Opened>>,
        allow_private: &[IpNet],
    ) -> Result<Option<Target>, ProbeError> {
        let Some(probe) = probe(spec, environment) else { return Ok(None) };
        let probe = RouteProbe::deserialize(probe).map_err(|_| ProbeError::Unreadable)?;
        let bound = bind(spec, environment, secrets, allow_private, |_| Arc::default())?;
        // A route names the secret in some environments, and another one in others.
        if !bound.tallies.iter().any(|(name, _)| *name == self.secret) {
            return Ok(None);
        }
        Ok(Some(Target::Http(Box::new(Request {
            place: format!("{}/{environment}", spec.name),
            bound,
            method: method(probe.method.as_deref()),
            target: probe.path.unwrap_or_else(|| "/".to_owned()),
            headers: headers(&probe.headers),
            counts: true,
        }))))
    }
}

/// The probe of a route that counts in an environment.
pub(super) fn probe<'a>(spec: &'a RouteSpec, environment: &EnvironmentName) -> Option<&'a Value> {
    spec.environments.get(environment)?.probe.over(&spec.base.probe).as_set()
}
