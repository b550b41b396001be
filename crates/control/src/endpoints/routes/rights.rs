//! What a change of a route needs: rights wherever what counts changes, and in the secrets that it names there.

use std::collections::BTreeSet;

use model::access::Need;
use model::environment::Environment;
use model::name::{EnvironmentName, SecretName};
use model::route::{Effective, RouteSpec, effective, references};
use serde_json::Value;

use super::rules::World;

/// The needs of going from `before` to `after`; absent is a route that does not exist.
pub(super) fn needs(before: Option<&RouteSpec>, after: Option<&RouteSpec>, world: &World) -> Vec<Need> {
    let environments = &world.known.environments;
    let changed = changed(before, after);
    let mut needs = vec![Need::Change { protected: changed.iter().any(|name| is_protected(name, environments)) }];
    // A host takes the requests of every environment, whichever ones the route is served in. A deletion takes none.
    if after.is_some() && hosts(before) != hosts(after) {
        needs.push(Need::Change { protected: environments.iter().any(|environment| environment.protected) });
    }
    let named_before: BTreeSet<SecretName> =
        before.into_iter().flat_map(references).map(|reference| reference.secret).collect();
    for reference in after.into_iter().flat_map(references) {
        let touched = reference.environment.as_ref().is_some_and(|name| changed.contains(name));
        if !touched && named_before.contains(&reference.secret) {
            continue;
        }
        needs.push(need_of_secret(&reference.secret, world));
        // A canary, a shield and a probe send the other secret of a rotation to wherever the route leads, and a promotion
        // writes its name there: whoever may not use it may not lead it elsewhere either.
        let beside = world.beside.get(&reference.secret).into_iter().flatten();
        needs.extend(beside.map(|other| need_of_secret(other, world)));
    }
    needs
}

/// What it needs to use every secret that counts in one environment of a route.
pub(super) fn needs_of_use(spec: &RouteSpec, environment: &EnvironmentName, world: &World) -> Vec<Need> {
    let here = references(spec).into_iter().filter(|reference| reference.environment.as_ref() == Some(environment));
    here.map(|reference| need_of_secret(&reference.secret, world)).collect()
}

fn need_of_secret(name: &SecretName, world: &World) -> Need {
    // A secret without environments may be used anywhere, protected ones included.
    let limits = world.known.secrets.get(name).and_then(|secret| secret.limits.environments.as_ref());
    let protected = limits.is_none_or(|names| names.iter().any(|name| is_protected(name, &world.known.environments)));
    Need::Change { protected }
}

fn is_protected(name: &EnvironmentName, environments: &[Environment]) -> bool {
    environments.iter().any(|environment| environment.name == *name && environment.protected)
}

/// The environments in which something counts differently afterwards.
fn changed(before: Option<&RouteSpec>, after: Option<&RouteSpec>) -> BTreeSet<EnvironmentName> {
    let mut names: BTreeSet<&EnvironmentName> = BTreeSet::new();
    for spec in before.into_iter().chain(after) {
        names.extend(spec.environments.keys());
    }
    // A host leads to the route in every environment.
    let everywhere = hosts(before) != hosts(after);
    names.into_iter().filter(|name| everywhere || facts(before, name) != facts(after, name)).cloned().collect()
}

fn hosts(spec: Option<&RouteSpec>) -> BTreeSet<&str> {
    spec.into_iter().flat_map(|spec| &spec.hosts).map(String::as_str).collect()
}

/// All that counts in one environment: the settings of a request, and the probe.
fn facts(spec: Option<&RouteSpec>, environment: &EnvironmentName) -> Option<(Effective, Option<Value>)> {
    let spec = spec?;
    let own = spec.environments.get(environment)?;
    Some((effective(spec, environment)?, own.probe.over(&spec.base.probe).as_set().cloned()))
}

#[cfg(test)]
mod tests;
