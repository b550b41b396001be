//! "Secret not found": what a request of the route would be refused for before anything is sent.

use super::{BindingFacts, Code, Facts, Finding, Listing, PlaceFacts, SecretFacts, Severity};
use crate::name::{EnvironmentName, SecretName};
use crate::secret::{Secret, State};

pub(super) fn look(facts: &Facts) -> Vec<Finding> {
    if facts.places.is_empty() {
        let advice = format!("keyroll route edit {} --environment ENVIRONMENT", facts.route);
        let detail = "the route is served in no environment";
        return vec![Finding::new(Code::NoEnvironment, Severity::Error, detail, advice)];
    }
    facts.places.iter().flat_map(|place| at(facts, place)).collect()
}

fn at(facts: &Facts, place: &PlaceFacts) -> Vec<Finding> {
    let route = &facts.route;
    let environment = match &place.listing {
        Listing::Served(environment) => environment,
        Listing::Unknown(meant) => {
            let advice = match meant {
                Some(meant) => format!("did you mean {meant}? names are case-sensitive"),
                None => "keyroll env list".to_owned(),
            };
            let detail = format!("there is no environment {}", place.environment);
            let finding = Finding::new(Code::EnvironmentNotFound, Severity::Error, detail, advice);
            return vec![finding.within(&place.environment)];
        }
        Listing::NotListed(others) => {
            let others: Vec<&str> = others.iter().map(EnvironmentName::as_str).collect();
            let served = if others.is_empty() { "nowhere".to_owned() } else { format!("in {}", others.join(", ")) };
            let detail = format!("the route is not served in {}; it is served {served}", place.environment);
            let advice = format!(
                "have the client ask for another environment, or keyroll route edit {route} --environment {}",
                place.environment
            );
            let finding = Finding::new(Code::EnvironmentNotListed, Severity::Error, detail, advice);
            return vec![finding.within(&place.environment)];
        }
    };
    let mut found: Vec<Finding> = Vec::new();
    for binding in &place.bindings {
        let Some(secret) = facts.secrets.get(&binding.secret) else { continue };
        found.extend(absent(binding, secret, facts, environment));
        if let Some(known) = secret.secret.as_ref().filter(|known| known.state == State::Active) {
            found.extend(limited(binding, known, place, environment));
        }
    }
    // A route is put together from its secrets: what is wrong with them is told already.
    if let Some(reason) = place.broken.as_ref().filter(|_| found.is_empty()) {
        let advice = format!("keyroll route get {route}; correct it, or keyroll route test {route} -e {environment}");
        found.push(Finding::new(Code::RouteUnusable, Severity::Error, reason, advice));
    }
    if found.is_empty() {
        let detail = match place.bindings.len() {
            0 => "the route names no secret here".to_owned(),
            1 => "the secret that the route names is there, opens, and may be used here".to_owned(),
            several => format!("all {several} secrets that the route names are there, open, and may be used here"),
        };
        found.push(Finding::new(Code::SecretsUsable, Severity::Ok, detail, ""));
    }
    found.into_iter().map(|finding| finding.within(environment)).collect()
}

/// A secret without a value.
fn absent(binding: &BindingFacts, facts: &SecretFacts, all: &Facts, environment: &EnvironmentName) -> Option<Finding> {
    let name = &binding.secret;
    let named = binding.named_at.join(", ");
    let instead = |meant: Option<&SecretName>| match meant {
        Some(meant) => format!("name {meant} instead: keyroll route edit {} --in {environment}", all.route),
        None => format!("keyroll secret create {name}, or name another one in the route: keyroll secret list"),
    };
    let (code, detail, advice) = match (&facts.secret, &facts.closed) {
        (None, None) => {
            let why = match &facts.meant {
                Some(meant) if meant.as_str().eq_ignore_ascii_case(name.as_str()) => {
                    format!("; {meant} differs in nothing but case, and names are case-sensitive")
                }
                Some(meant) => format!("; there is {meant}, which is spelt nearly so"),
                None => String::new(),
            };
            let detail = format!("there is no secret {name}, which the route names at {named}{why}");
            (Code::SecretMissing, detail, instead(facts.meant.as_ref()))
        }
        (Some(secret), _) if secret.state == State::Deleted => {
            let when = secret.deleted_at.map(|at| format!(" at {at}")).unwrap_or_default();
            let detail = format!("the value of {name}, which the route names at {named}, was destroyed{when}");
            let successor = facts.successor.as_ref().filter(|other| other.deleted_at.is_none());
            (Code::SecretDeleted, detail, instead(successor.map(|other| &other.name).or(facts.meant.as_ref())))
        }
        (_, Some(why)) => {
            let detail = format!("{name}, which the route names at {named}, cannot be used: {why}");
            let advice = "put the KEK that is missing back, or restore the row from a backup, or create a successor; \
                          keyroll doctor looks at all secrets";
            (Code::SecretUnreadable, detail, advice.to_owned())
        }
        (Some(_), None) => return None,
    };
    Some(Finding::new(code, Severity::Error, detail, advice).of(name))
}

/// What the secret's own limits forbid.
fn limited(
    binding: &BindingFacts,
    secret: &Secret,
    place: &PlaceFacts,
    environment: &EnvironmentName,
) -> Option<Finding> {
    let name = &binding.secret;
    let widen = |flags: String| format!("use another secret here, or keyroll secret edit {name}{flags}");
    if !secret.limits.allow_environment(environment) {
        let allowed: Vec<&str> = secret.limits.environments.iter().flatten().map(EnvironmentName::as_str).collect();
        let detail = format!("{name} may not be used in {environment}, only in {}", allowed.join(", "));
        let flags = allowed.iter().chain([&environment.as_str()]).map(|one| format!(" --environment {one}")).collect();
        return Some(Finding::new(Code::EnvironmentNotAllowed, Severity::Error, detail, widen(flags)).of(name));
    }
    let host = place.host.as_ref().filter(|host| !secret.limits.allow_host(host))?;
    let allowed: Vec<&str> =
        secret.limits.allowed_hosts.iter().flatten().map(crate::secret::HostRule::as_str).collect();
    let detail = format!("{name} may not be sent to {host}, only to {}", allowed.join(", "));
    let flags = allowed.iter().chain([&host.as_str()]).map(|one| format!(" --allowed-host {one}")).collect();
    Some(Finding::new(Code::HostNotAllowed, Severity::Error, detail, widen(flags)).of(name))
}
