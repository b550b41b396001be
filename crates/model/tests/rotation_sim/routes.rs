//! Routes, and the snapshot that nodes get of them.

use std::collections::BTreeMap;

use model::name::{EnvironmentName, SecretName};
use model::rotation::Weight;
use model::route::{Reference, RouteSpec, effective, references};

/// A route with its earlier versions.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) spec: RouteSpec,
    pub(crate) past: Vec<RouteSpec>,
    pub(crate) references: Vec<Reference>,
    /// By environment.
    pub(crate) views: BTreeMap<usize, View>,
}

/// What counts of a route in one environment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    pub(crate) secrets: Vec<SecretName>,
    pub(crate) upstream: usize,
    pub(crate) shield: bool,
    pub(crate) judges: bool,
    pub(crate) has_probe: bool,
}

/// A route and environment as a node serves it.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub(crate) route: usize,
    pub(crate) environment: usize,
    pub(crate) view: View,
    pub(crate) trial: Option<Trial>,
}

/// Two credentials for one binding.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    pub(crate) run: usize,
    pub(crate) outgoing: SecretName,
    pub(crate) incoming: SecretName,
    pub(crate) weight: Weight,
    pub(crate) careful: bool,
    /// An overlay; otherwise the templates name the incoming one and the outgoing one stands behind it.
    pub(crate) canary: bool,
}

/// What a node serves from.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) revision: i64,
    pub(crate) bindings: Vec<Binding>,
}

pub(crate) fn upstream(index: usize) -> String {
    format!("https://u{index}.example:443")
}

impl Route {
    pub(crate) fn new(spec: RouteSpec, environments: &[EnvironmentName]) -> Self {
        let mut route = Self { spec, past: Vec::new(), references: Vec::new(), views: BTreeMap::new() };
        route.look(environments);
        route
    }

    /// Puts another version in its place.
    pub(crate) fn put(&mut self, spec: RouteSpec, environments: &[EnvironmentName]) {
        self.past.push(std::mem::replace(&mut self.spec, spec));
        self.look(environments);
    }

    fn look(&mut self, environments: &[EnvironmentName]) {
        self.references = references(&self.spec);
        self.views.clear();
        for (at, environment) in environments.iter().enumerate() {
            let Some(settings) = effective(&self.spec, environment) else { continue };
            let here = self.references.iter().filter(|one| one.environment.as_ref() == Some(environment));
            let digits = settings.upstream.unwrap_or_default();
            let upstream = digits.chars().find_map(|c| c.to_digit(10)).unwrap_or(0);
            let own = self.spec.environments[environment].probe.over(&self.spec.base.probe).as_set().is_some();
            let view = View {
                secrets: here.map(|one| one.secret.clone()).collect(),
                upstream: upstream as usize,
                shield: settings.shield,
                judges: !settings.judgement.dead.is_empty(),
                has_probe: own,
            };
            self.views.insert(at, view);
        }
    }

    pub(crate) fn mentions(&self, secret: &SecretName) -> bool {
        self.references.iter().any(|one| one.secret == *secret)
    }
}
