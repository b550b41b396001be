//! Checks what a route says about certificates: the upstream's, ours, and those of clients.

use super::{Known, field_pointer};
use crate::name::{EnvironmentName, SecretName};
use crate::problem::Finding;
use crate::route::effective::Effective;
use crate::route::layer::Member;
use crate::route::reference::CLIENT_CERTIFICATE;
use crate::route::spec::{RouteSpec, Tls};
use crate::secret::Kind;
use crate::upstream::{Scheme, Upstream};

/// How many names a route may list.
const MOST_NAMES: usize = 100;
/// The longest of them.
const LONGEST_NAME: usize = 255;

/// The members of one layer, each by itself.
pub(super) fn layer(pointer: &str, tls: &Tls, findings: &mut Vec<Finding>) {
    for (member, bundle) in [("ca", &tls.ca), ("client_authorities", &tls.client_authorities)] {
        if let Member::Set(pem) = bundle
            && !(pem.contains("-----BEGIN CERTIFICATE-----") && pem.contains("-----END CERTIFICATE-----"))
        {
            let detail = "holds no certificate in PEM";
            findings.push(Finding::new(format!("{pointer}/tls/{member}"), "certificate-invalid", detail));
        }
    }
    if let Member::Set(name) = &tls.client_certificate
        && let Err(error) = name.parse::<SecretName>()
    {
        let detail = format!("is not the name of a secret: {error}");
        findings.push(Finding::new(format!("{pointer}/tls/client_certificate"), "name-invalid", detail));
    }
    if let Member::Set(names) = &tls.client_names {
        client_names(&format!("{pointer}/tls/client_names"), names, findings);
    }
}

fn client_names(pointer: &str, names: &[String], findings: &mut Vec<Finding>) {
    if names.is_empty() || names.len() > MOST_NAMES {
        let detail = format!("has 1 to {MOST_NAMES} names; null is any name");
        findings.push(Finding::new(pointer, "client-names-invalid", detail));
    }
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() || name.len() > LONGEST_NAME || name.trim() != name || name.chars().any(char::is_control) {
            let detail = "is not a DNS name, a URI or a common name as it stands in a certificate";
            findings.push(Finding::new(format!("{pointer}/{index}"), "client-names-invalid", detail));
        }
    }
}

/// What counts in one environment, taken together.
pub(super) fn effective(
    spec: &RouteSpec,
    environment: &EnvironmentName,
    settings: &Effective,
    upstream: Option<&Upstream>,
    known: &Known,
    findings: &mut Vec<Finding>,
) {
    if let Some(name) = &settings.client_certificate {
        let pointer = field_pointer(spec, Some(environment), CLIENT_CERTIFICATE);
        let secret = name.parse::<SecretName>().ok().and_then(|name| known.secrets.get(&name));
        if let Some(secret) = secret.filter(|secret| secret.kind != Kind::Certificate) {
            let detail = format!("{name} is of the kind {}; name a secret of the kind certificate", secret.kind);
            note(findings, Finding::new(pointer.clone(), "secret-kind-wrong", detail));
        }
        // Taken and never shown, it would be a silent downgrade.
        if upstream.is_some_and(|upstream| upstream.scheme() == Scheme::Http) {
            let detail = "is shown over TLS alone, and the upstream is http://";
            note(findings, Finding::new(pointer, "tls-required", detail));
        }
    }
    // Names without authorities would look like a restriction and be none. An environment that says in so many words
    // that it asks for no certificate may leave the names of the base where they are.
    let own = spec.environments.get(environment).map(|own| &own.tls);
    let meant = own.is_some_and(|own| own.client_authorities == Member::Null && own.client_names.is_absent());
    if settings.client_names.is_some() && settings.client_authorities.is_none() && !meant {
        let in_own = own.is_some_and(|own| own.client_names.as_set().is_some());
        let layer = if in_own { format!("/environments/{environment}") } else { "/base".to_owned() };
        let detail = "says which certificates are accepted, but without client_authorities none is asked for";
        note(findings, Finding::new(format!("{layer}/tls/client_names"), "client-names-invalid", detail));
    }
}

/// Environments that inherit one mistake make it one time.
fn note(findings: &mut Vec<Finding>, finding: Finding) {
    if !findings.contains(&finding) {
        findings.push(finding);
    }
}
