//! Tells what was found, and what it was made from.

use std::collections::BTreeMap;

use api::route::{RouteBinding, RouteDiagnosis, RouteFinding};
use model::doctor::{BindingFacts, Finding, SecretFacts, Window, examine};
use model::secret::State;
use model::usage::OUTCOMES;

use super::gather::Gathered;

pub(super) fn tell(gathered: &Gathered) -> RouteDiagnosis {
    let facts = &gathered.facts;
    let bindings = facts.places.iter().flat_map(|place| {
        let told = |binding: &BindingFacts| told(&place.environment, binding, facts.secrets.get(&binding.secret));
        place.bindings.iter().map(told).collect::<Vec<_>>()
    });
    RouteDiagnosis {
        route: facts.route.to_string(),
        revision: facts.change.number,
        changed_at: facts.change.at.to_string(),
        environments: facts.places.iter().map(|place| place.environment.clone()).collect(),
        findings: examine(facts).into_iter().map(finding).collect(),
        nodes: gathered.nodes.clone(),
        bindings: bindings.collect(),
    }
}

fn finding(found: Finding) -> RouteFinding {
    let Finding { code, severity, environment, secret, detail, advice } = found;
    RouteFinding {
        code: code.as_str().to_owned(),
        severity: severity.as_str().to_owned(),
        question: code.question().as_str().to_owned(),
        environment,
        secret,
        detail,
        advice,
    }
}

fn told(environment: &str, binding: &BindingFacts, secret: Option<&SecretFacts>) -> RouteBinding {
    let known = secret.and_then(|secret| secret.secret.as_ref());
    let is_closed = secret.is_some_and(|secret| secret.closed.is_some());
    let state = match known {
        Some(secret) if secret.state == State::Deleted => State::Deleted.as_str(),
        _ if is_closed => "unreadable",
        Some(_) => State::Active.as_str(),
        None => "missing",
    };
    RouteBinding {
        environment: environment.to_owned(),
        secret: binding.secret.to_string(),
        state: state.to_owned(),
        fingerprint: known.map(|secret| secret.fingerprint.clone()),
        last_used_at: binding.last_used_at.map(|at| at.to_string()),
        counts: counts(&binding.answers.hour),
        counts_since_change: counts(&binding.answers.since),
        named_at: binding.named_at.clone(),
    }
}

fn counts(window: &Window) -> BTreeMap<String, u64> {
    let each = OUTCOMES.into_iter().map(|outcome| (outcome.as_str().to_owned(), window.count(outcome)));
    each.filter(|(_, count)| *count > 0).collect()
}
