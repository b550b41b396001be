//! Re-points the templates of one route from one secret to another, in some environments or in all.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, RouteName, SecretName};
use crate::route::{Basic, CLIENT_CERTIFICATE, Inject, Injection, Member, Plain, RouteSpec, effective, same_header};
use crate::template::Template;

/// One template that a replacement changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The route.
    pub route: RouteName,
    /// Where the change takes effect; `None` for a mention in the base that no environment inherits.
    pub environment: Option<EnvironmentName>,
    /// The member that holds the template: `inject.headers.Authorization`.
    pub field: String,
    /// The template before.
    pub before: String,
    /// The template after.
    pub after: String,
}

/// Re-points `from` to `to` in `environments` (`None` for all), and says what changed.
///
/// An environment that inherits a mention gets an override, and loses it where the base says the same again. When the last
/// inheriting environment has moved, the base itself is edited and overrides equal to it are dropped, so that nothing keeps
/// naming `from`.
#[must_use]
pub fn replace(
    spec: &RouteSpec,
    from: &SecretName,
    to: &SecretName,
    environments: Option<&BTreeSet<EnvironmentName>>,
) -> (RouteSpec, Vec<Change>) {
    let mut next = spec.clone();
    let mut changes = Vec::new();
    for (environment, own) in &mut next.environments {
        if environments.is_some_and(|chosen| !chosen.contains(environment)) {
            continue;
        }
        let Some(now) = effective(spec, environment) else { continue };
        for (name, injection) in &now.headers {
            let Some((moved, diff)) = move_injection(injection, from, to) else { continue };
            own.inject.headers.retain(|other, _| !same_header(other, name));
            // What the base says again is inherited again.
            let inherited =
                spec.base.inject.headers.iter().any(|(other, base)| same_header(other, name) && *base == moved);
            if !inherited {
                own.inject.headers.insert(name.clone(), moved);
            }
            for (suffix, before, after) in diff {
                changes.push(change(spec, Some(environment), format!("inject.headers.{name}{suffix}"), before, after));
            }
        }
        let base = &spec.base.inject;
        for (place, texts, target, base) in [
            ("query", &now.query, &mut own.inject.query, &base.query),
            ("body", &now.body, &mut own.inject.body, &base.body),
        ] {
            for (name, text) in texts {
                let Some(moved) = move_text(text, from, to) else { continue };
                changes.push(change(
                    spec,
                    Some(environment),
                    format!("inject.{place}.{name}"),
                    text.clone(),
                    moved.clone(),
                ));
                let moved = Plain::Template(moved);
                if base.get(name) == Some(&moved) {
                    target.remove(name);
                } else {
                    target.insert(name.clone(), moved);
                }
            }
        }
        if now.client_certificate.as_deref() == Some(from.as_str()) {
            let moved = Member::Set(to.to_string());
            own.tls.client_certificate = if spec.base.tls.client_certificate == moved { Member::Absent } else { moved };
            changes.push(certificate(spec, Some(environment), from, to));
        }
    }
    if !changes.is_empty() || environments.is_none() {
        settle_base(&mut next, from, to, &mut changes);
    }
    (next, changes)
}

/// A route that is re-pointed, and what changed in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Repointed {
    /// The route as it is to be stored.
    pub spec: RouteSpec,
    /// What changed.
    pub changes: Vec<Change>,
}

/// Re-points all of these routes in one environment; `only` names those that may be touched, where not all may. Routes in
/// which nothing changes are left out.
#[must_use]
pub fn repoint(
    specs: &[RouteSpec],
    from: &SecretName,
    to: &SecretName,
    environment: &EnvironmentName,
    only: Option<&[RouteName]>,
) -> Vec<Repointed> {
    let environments = BTreeSet::from([environment.clone()]);
    let touched = specs.iter().filter(|spec| only.is_none_or(|only| only.contains(&spec.name)));
    let moved = touched.map(|spec| replace(spec, from, to, Some(&environments)));
    moved.filter(|(_, changes)| !changes.is_empty()).map(|(spec, changes)| Repointed { spec, changes }).collect()
}

fn change(
    spec: &RouteSpec,
    environment: Option<&EnvironmentName>,
    field: String,
    before: String,
    after: String,
) -> Change {
    Change { route: spec.name.clone(), environment: environment.cloned(), field, before, after }
}

fn certificate(spec: &RouteSpec, environment: Option<&EnvironmentName>, from: &SecretName, to: &SecretName) -> Change {
    change(spec, environment, CLIENT_CERTIFICATE.to_owned(), from.to_string(), to.to_string())
}

/// Edits mentions in the base that no environment inherits any more, and drops overrides that say what it now says.
fn settle_base(next: &mut RouteSpec, from: &SecretName, to: &SecretName, changes: &mut Vec<Change>) {
    let before = next.base.inject.clone();
    let layers: Vec<Inject> = next.environments.values().map(|own| own.inject.clone()).collect();
    for (name, injection) in &before.headers {
        let Some((moved, diff)) = move_injection(injection, from, to) else { continue };
        let overridden = |layer: &Inject| layer.headers.keys().any(|other| same_header(other, name));
        if !layers.iter().all(overridden) {
            continue;
        }
        let inherited_before = layers
            .iter()
            .any(|layer| layer.headers.iter().any(|(other, own)| same_header(other, name) && *own == moved));
        if !inherited_before {
            for (suffix, was, is) in diff {
                changes.push(change(next, None, format!("inject.headers.{name}{suffix}"), was, is));
            }
        }
        for own in next.environments.values_mut() {
            own.inject.headers.retain(|other, value| !(same_header(other, name) && *value == moved));
        }
        next.base.inject.headers.insert(name.clone(), moved);
    }
    settle_plain(next, "query", |inject| &mut inject.query, from, to, changes);
    settle_plain(next, "body", |inject| &mut inject.body, from, to, changes);
    settle_certificate(next, from, to, changes);
}

fn settle_certificate(next: &mut RouteSpec, from: &SecretName, to: &SecretName, changes: &mut Vec<Change>) {
    let named = next.base.tls.client_certificate.as_set().is_some_and(|name| name == from.as_str());
    if !named || next.environments.values().any(|own| own.tls.client_certificate.is_absent()) {
        return;
    }
    let after = Member::Set(to.to_string());
    let mut inherited_before = false;
    for own in next.environments.values_mut().filter(|own| own.tls.client_certificate == after) {
        own.tls.client_certificate = Member::Absent;
        inherited_before = true;
    }
    if !inherited_before {
        changes.push(certificate(next, None, from, to));
    }
    next.base.tls.client_certificate = after;
}

fn settle_plain(
    next: &mut RouteSpec,
    place: &'static str,
    part: impl Fn(&mut Inject) -> &mut std::collections::BTreeMap<String, Plain>,
    from: &SecretName,
    to: &SecretName,
    changes: &mut Vec<Change>,
) {
    let before = part(&mut next.base.inject).clone();
    for (name, plain) in before {
        let Plain::Template(text) = plain else { continue };
        let Some(moved) = move_text(&text, from, to) else { continue };
        let after = Plain::Template(moved.clone());
        let mut layers = next.environments.values_mut();
        if !layers.all(|own| part(&mut own.inject).contains_key(&name)) {
            continue;
        }
        let mut inherited_before = false;
        for own in next.environments.values_mut() {
            let own = part(&mut own.inject);
            if own.get(&name) == Some(&after) {
                own.remove(&name);
                inherited_before = true;
            }
        }
        if !inherited_before {
            changes.push(change(next, None, format!("inject.{place}.{name}"), text, moved));
        }
        part(&mut next.base.inject).insert(name, after);
    }
}

/// What differs in an injection: suffix of the field, the template before, the template after.
type Difference = (&'static str, String, String);

/// The re-pointed injection, and what differs. `None` where nothing names `from`.
fn move_injection(injection: &Injection, from: &SecretName, to: &SecretName) -> Option<(Injection, Vec<Difference>)> {
    match injection {
        Injection::Template(text) => {
            let moved = move_text(text, from, to)?;
            Some((Injection::Template(moved.clone()), vec![("", text.clone(), moved)]))
        }
        Injection::Basic { basic } => {
            let (username, password) = (move_text(&basic.username, from, to), move_text(&basic.password, from, to));
            if username.is_none() && password.is_none() {
                return None;
            }
            let mut diff = Vec::new();
            for (suffix, before, after) in
                [(".basic.username", &basic.username, &username), (".basic.password", &basic.password, &password)]
            {
                diff.extend(after.as_ref().map(|after| (suffix, before.clone(), after.clone())));
            }
            let moved = Basic {
                username: username.unwrap_or_else(|| basic.username.clone()),
                password: password.unwrap_or_else(|| basic.password.clone()),
            };
            Some((Injection::Basic { basic: moved }, diff))
        }
        Injection::Switch(_) => None,
    }
}

fn move_text(text: &str, from: &SecretName, to: &SecretName) -> Option<String> {
    Template::parse(text).ok()?.replace(from, to).map(|template| template.to_string())
}

#[cfg(test)]
mod tests;
