//! Which secrets a route names, and where.

use std::collections::BTreeSet;

use super::effective::{Effective, effective};
use super::spec::{Injection, Plain, RouteSpec, Settings};
use crate::name::{EnvironmentName, SecretName};
use crate::template::Template;

/// One mention of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The secret.
    pub secret: SecretName,
    /// Where the mention takes effect; `None` for one that counts nowhere but still stands in the base.
    pub environment: Option<EnvironmentName>,
    /// The member that holds it: `inject.headers.Authorization`.
    pub field: String,
}

/// All mentions of secrets: the effective ones by environment, and those of the base that no environment inherits.
///
/// Texts that are no templates are passed over; [`super::validate`] refuses them.
#[must_use]
pub fn references(spec: &RouteSpec) -> Vec<Reference> {
    let mut found = BTreeSet::new();
    for environment in spec.environments.keys() {
        let Some(settings) = effective(spec, environment) else { continue };
        collect(effective_fields(&settings), Some(environment), &mut found);
    }
    let mut in_base = BTreeSet::new();
    collect(layer_fields(&spec.base), None, &mut in_base);
    let takes_effect =
        |base: &Reference| found.iter().any(|other| other.secret == base.secret && other.field == base.field);
    let idle: Vec<_> = in_base.into_iter().filter(|base| !takes_effect(base)).collect();
    found.into_iter().chain(idle).collect()
}

/// Whether the route names the secret anywhere.
#[must_use]
pub fn mentions(spec: &RouteSpec, secret: &SecretName) -> bool {
    references(spec).iter().any(|reference| reference.secret == *secret)
}

fn collect<'a>(
    fields: impl Iterator<Item = (String, Mention<'a>)>,
    environment: Option<&EnvironmentName>,
    into: &mut BTreeSet<Reference>,
) {
    for (field, mention) in fields {
        for secret in mention.secrets() {
            into.insert(Reference { secret, environment: environment.cloned(), field: field.clone() });
        }
    }
}

/// The member that names the certificate which is shown to the upstream.
pub(crate) const CLIENT_CERTIFICATE: &str = "tls.client_certificate";

/// A text that may name secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mention<'a> {
    /// Between braces.
    Template(&'a str),
    /// As it stands.
    Name(&'a str),
}

impl Mention<'_> {
    fn secrets(self) -> Vec<SecretName> {
        match self {
            Self::Template(text) => {
                Template::parse(text).map_or_else(|_| Vec::new(), |template| template.secrets().cloned().collect())
            }
            Self::Name(text) => text.parse().into_iter().collect(),
        }
    }
}

fn certificate(name: Option<&String>) -> impl Iterator<Item = (String, Mention<'_>)> {
    name.map(|name| (CLIENT_CERTIFICATE.to_owned(), Mention::Name(name))).into_iter()
}

fn template((field, text): (String, &str)) -> (String, Mention<'_>) {
    (field, Mention::Template(text))
}

/// The templates of a header injection: itself, or user name and password.
pub(crate) fn injection_fields<'a>(name: &str, injection: &'a Injection) -> Vec<(String, &'a str)> {
    let field = format!("inject.headers.{name}");
    match injection {
        Injection::Template(text) => vec![(field, text.as_str())],
        Injection::Basic { basic } => vec![
            (format!("{field}.basic.username"), basic.username.as_str()),
            (format!("{field}.basic.password"), basic.password.as_str()),
        ],
        Injection::Switch(_) => Vec::new(),
    }
}

fn effective_fields(settings: &Effective) -> impl Iterator<Item = (String, Mention<'_>)> {
    let headers = settings.headers.iter().flat_map(|(name, injection)| injection_fields(name, injection));
    let query = settings.query.iter().map(|(name, text)| (format!("inject.query.{name}"), text.as_str()));
    let body = settings.body.iter().map(|(name, text)| (format!("inject.body.{name}"), text.as_str()));
    headers.chain(query).chain(body).map(template).chain(certificate(settings.client_certificate.as_ref()))
}

/// The mentions of one layer, with the member that holds each.
pub(crate) fn layer_fields(layer: &Settings) -> impl Iterator<Item = (String, Mention<'_>)> {
    fn plain<'a>(place: &'static str, (name, plain): (&'a String, &'a Plain)) -> Option<(String, &'a str)> {
        match plain {
            Plain::Template(text) => Some((format!("inject.{place}.{name}"), text.as_str())),
            Plain::Switch(_) => None,
        }
    }
    let headers = layer.inject.headers.iter().flat_map(|(name, injection)| injection_fields(name, injection));
    let query = layer.inject.query.iter().filter_map(|entry| plain("query", entry));
    let body = layer.inject.body.iter().filter_map(|entry| plain("body", entry));
    let certificate = certificate(layer.tls.client_certificate.as_set());
    headers.chain(query).chain(body).map(template).chain(certificate)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mentions_are_found_in_every_layer_and_place() {
        let spec: RouteSpec = serde_json::from_value(json!({
            "name": "r",
            "base": {"inject": {"headers": {"A": "{{one}}", "B": {"basic": {"username": "{{two}}", "password": "p{{three}}"}}}}},
            "environments": {
                "production": {"inject": {"query": {"q": "{{four}}"}, "body": {"b": "{{five}}"}}, "tls": {"client_certificate": "seven"}},
                "staging": {"inject": {"headers": {"A": "{{six}}"}}}
            }
        }))
        .unwrap();
        let text: Vec<_> = references(&spec)
            .iter()
            .map(|r| {
                format!("{} {} {}", r.secret, r.environment.as_ref().map_or("-", EnvironmentName::as_str), r.field)
            })
            .collect();
        assert_eq!(
            text,
            [
                "five production inject.body.b",
                "four production inject.query.q",
                "one production inject.headers.A",
                "seven production tls.client_certificate",
                "six staging inject.headers.A",
                "three production inject.headers.B.basic.password",
                "three staging inject.headers.B.basic.password",
                "two production inject.headers.B.basic.username",
                "two staging inject.headers.B.basic.username",
            ]
        );
    }

    #[test]
    fn a_mention_that_counts_nowhere_still_counts_as_one() {
        let spec: RouteSpec = serde_json::from_value(json!({
            "name": "r", "base": {"inject": {"headers": {"A": "{{one}}"}}},
            "environments": {"staging": {"inject": {"headers": {"A": "{{two}}"}}}}
        }))
        .unwrap();
        let found = references(&spec);
        assert_eq!(found.len(), 2);
        assert!(found.iter().any(|reference| reference.secret.as_str() == "one" && reference.environment.is_none()));
    }
}
