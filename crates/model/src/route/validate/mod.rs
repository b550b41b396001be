//! Checks a route before it is saved; all mistakes at once, each with the member that holds it.

mod inject;
mod settings;
mod tls;

use std::collections::HashMap;

use ipnet::IpNet;

use super::effective::effective;
use super::reference::references;
use super::spec::{RouteSpec, Settings};
use crate::environment::Environment;
use crate::name::{EnvironmentName, SecretName, nearest};
use crate::problem::{Finding, token};
use crate::secret::Secret;
use crate::upstream::{Host, Upstream};

/// What the rules need to know about the rest of the world.
#[derive(Debug, Default)]
pub struct Known {
    /// The secrets that the route names and that exist and are not deleted.
    pub secrets: HashMap<SecretName, Secret>,
    /// The names of all secrets, for the nearest one.
    pub secret_names: Vec<String>,
    /// All environments.
    pub environments: Vec<Environment>,
    /// Private networks that upstreams may be in.
    pub allow_private: Vec<IpNet>,
}

/// Checks a route; an empty list means that it may be saved.
#[must_use]
pub fn validate(spec: &RouteSpec, known: &Known) -> Vec<Finding> {
    let mut findings = Vec::new();
    hosts(spec, &mut findings);
    says_something(spec, &mut findings);
    layer("/base", &spec.base, known, &mut findings);
    for (environment, own) in &spec.environments {
        let pointer = format!("/environments/{environment}");
        layer(&pointer, own, known, &mut findings);
        exists(environment, &pointer, known, &mut findings);
        reachable(spec, environment, &pointer, known, &mut findings);
    }
    secrets_exist(spec, known, &mut findings);
    findings
}

/// A route without a base and without environments would be kept and could never be served: somebody forgot all of it.
/// One that says anything may wait for the rest.
fn says_something(spec: &RouteSpec, findings: &mut Vec<Finding>) {
    if spec.base == Settings::default() && spec.environments.is_empty() {
        let detail =
            "the route says neither where requests go nor in which environments: give it a base with an upstream";
        findings.push(Finding::new("/base", "upstream-invalid", detail));
    }
}

fn layer(pointer: &str, layer: &Settings, known: &Known, findings: &mut Vec<Finding>) {
    settings::check(pointer, layer, known, findings);
    inject::check(&format!("{pointer}/inject"), &layer.inject, findings);
    tls::layer(pointer, &layer.tls, findings);
}

fn exists(environment: &EnvironmentName, pointer: &str, known: &Known, findings: &mut Vec<Finding>) {
    if known.environments.iter().any(|other| other.name == *environment) {
        return;
    }
    let meant = nearest(environment.as_str(), known.environments.iter().map(|other| other.name.as_str()));
    let detail = format!("there is no environment {environment}");
    findings.push(Finding::new(pointer, "environment-not-found", detail).meaning(meant));
}

fn hosts(spec: &RouteSpec, findings: &mut Vec<Finding>) {
    for (index, host) in spec.hosts.iter().enumerate() {
        let fits = !host.starts_with('*') && host.parse::<crate::secret::HostRule>().is_ok();
        if !fits || host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let detail = format!("{host:?} is not a host name in lower case, without scheme and port");
            findings.push(Finding::new(format!("/hosts/{index}"), "host-invalid", detail));
        } else if is_own(host) {
            let detail =
                format!("{host:?} is how the gateway itself is reached, by whatever route; give a name of its own");
            findings.push(Finding::new(format!("/hosts/{index}"), "host-invalid", detail));
        }
    }
}

/// Whether the gateway itself is called so: by an address in any spelling, or by a name for this very machine.
fn is_own(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    // What ends in a number is read as an IPv4 address (`127.1`, `0x7f000001`); no domain does.
    let number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let address = host.contains(':') || number;
    address || last == "localhost" || ["localhost.localdomain", "ip6-localhost", "ip6-loopback"].contains(&host)
}

/// The upstream of an environment exists, and every secret used there may be used there and sent there.
fn reachable(
    spec: &RouteSpec,
    environment: &EnvironmentName,
    pointer: &str,
    known: &Known,
    findings: &mut Vec<Finding>,
) {
    let Some(settings) = effective(spec, environment) else { return };
    let Some(text) = &settings.upstream else {
        let detail = format!("neither the base nor {environment} says where requests go");
        findings.push(Finding::new(format!("{pointer}/upstream"), "upstream-invalid", detail));
        return;
    };
    // A text that is no upstream is reported by the layer that holds it.
    let upstream = Upstream::parse(text, &known.allow_private).ok();
    tls::effective(spec, environment, &settings, upstream.as_ref(), known, findings);
    for reference in references(spec).iter().filter(|reference| reference.environment.as_ref() == Some(environment)) {
        let Some(secret) = known.secrets.get(&reference.secret) else { continue };
        let pointer = field_pointer(spec, reference.environment.as_ref(), &reference.field);
        if !secret.limits.allow_environment(environment) {
            let detail = format!("{} may not be used in {environment}", secret.name);
            findings.push(Finding::new(pointer.clone(), "secret-not-allowed-in-environment", detail));
        }
        let Some(upstream) = &upstream else { continue };
        let host = match upstream.host() {
            Host::Name(name) => name.to_string(),
            Host::Ip(address) => address.to_string(),
        };
        if !secret.limits.allow_host(&host) {
            let detail = format!("{} may not be sent to {host}", secret.name);
            findings.push(Finding::new(pointer, "secret-not-allowed-for-host", detail));
        }
    }
}

fn secrets_exist(spec: &RouteSpec, known: &Known, findings: &mut Vec<Finding>) {
    let mut seen = std::collections::BTreeSet::new();
    for reference in references(spec) {
        if known.secrets.contains_key(&reference.secret) {
            continue;
        }
        let pointer = field_pointer(spec, reference.environment.as_ref(), &reference.field);
        if !seen.insert((pointer.clone(), reference.secret.clone())) {
            continue;
        }
        let meant = nearest(reference.secret.as_str(), known.secret_names.iter().map(String::as_str));
        let detail = format!("there is no secret {}", reference.secret);
        findings.push(Finding::new(pointer, "secret-not-found", detail).meaning(meant));
    }
}

/// The JSON Pointer of a [`Reference`](super::Reference)'s field: in the environment's layer where it stands there, else
/// in the base.
#[must_use]
pub fn field_pointer(spec: &RouteSpec, environment: Option<&EnvironmentName>, field: &str) -> String {
    let own = environment.and_then(|name| Some((name, spec.environments.get(name)?)));
    let prefix = match own {
        Some((name, own)) if super::reference::layer_fields(own).any(|(other, _)| other == field) => {
            format!("/environments/{name}")
        }
        _ => "/base".to_owned(),
    };
    if field == super::reference::CLIENT_CERTIFICATE {
        return format!("{prefix}/tls/client_certificate");
    }
    let mut parts = field.splitn(3, '.');
    let (inject, place, rest) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
    let (name, basic) = match rest.rsplit_once(".basic.") {
        Some((name, part)) => (name, format!("/basic/{part}")),
        None => (rest, String::new()),
    };
    format!("{prefix}/{}/{}/{}{basic}", inject.unwrap_or_default(), place.unwrap_or_default(), token(name))
}

#[cfg(test)]
mod tests;
