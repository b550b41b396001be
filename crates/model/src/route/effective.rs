//! The settings that count in one environment: its own laid over the base, member by member.

use std::collections::BTreeMap;

use super::header::same_header;
use super::judgement::{Judgement, Rule};
use super::spec::{Guard, Injection, Plain, RateLimit, RouteSpec, Settings};
use crate::name::EnvironmentName;
use crate::time::Span;

/// The settings that count in one environment. Templates are still texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Where requests go; absent where neither layer says so.
    pub upstream: Option<String>,
    /// Header fields, spelled as in the layer that wins; switched-off ones are left out.
    pub headers: BTreeMap<String, Injection>,
    /// Query parameters.
    pub query: BTreeMap<String, String>,
    /// JSON body members.
    pub body: BTreeMap<String, String>,
    /// Allowed methods; `None` for all.
    pub methods: Option<Vec<String>>,
    /// Allowed canonical paths; `None` for all.
    pub paths: Option<Vec<String>>,
    /// Headers of the client that are not passed on.
    pub remove_headers: Vec<String>,
    /// How long to wait for a connection.
    pub connect: Span,
    /// How long to wait for the head of the answer.
    pub response: Span,
    /// How long to wait between two pieces of a body.
    pub idle: Span,
    /// How often the route may be called.
    pub rate_limit: Option<RateLimit>,
    /// What happens to an injected value in an answer.
    pub guard: Guard,
    /// Whether a rejected incoming credential is replayed with the outgoing one.
    pub shield: bool,
    /// How answers judge the credential.
    pub judgement: Judgement,
    /// Roots beside the platform's, in PEM.
    pub ca: Option<String>,
    /// The secret that holds the certificate which is shown to the upstream.
    pub client_certificate: Option<String>,
    /// The authorities of clients' certificates, in PEM; none is asked for where absent.
    pub client_authorities: Option<String>,
    /// The names of which a client's certificate must have one; `None` for any.
    pub client_names: Option<Vec<String>>,
    /// The longest request body, in bytes.
    pub max_request_body: Option<u64>,
}

/// The settings that count in `environment`; `None` where the route is not served there.
#[must_use]
pub fn effective(spec: &RouteSpec, environment: &EnvironmentName) -> Option<Effective> {
    spec.environments.get(environment).map(|own| merge(&spec.base, own))
}

fn merge(base: &Settings, own: &Settings) -> Effective {
    let span = |own: Option<Span>, base: Option<Span>, default| own.or(base).unwrap_or(Span::from_secs(default));
    let alive = own.alive.over(&base.alive).as_set().cloned();
    let dead = own.dead.over(&base.dead).as_set().cloned();
    Effective {
        upstream: own.upstream.clone().or_else(|| base.upstream.clone()),
        headers: merge_headers(&base.inject.headers, &own.inject.headers),
        query: merge_plain(&base.inject.query, &own.inject.query),
        body: merge_plain(&base.inject.body, &own.inject.body),
        methods: own.methods.over(&base.methods).as_set().cloned(),
        paths: own.paths.over(&base.paths).as_set().cloned(),
        remove_headers: own.remove_headers.over(&base.remove_headers).as_set().cloned().unwrap_or_default(),
        connect: span(own.timeouts.connect, base.timeouts.connect, 5),
        response: span(own.timeouts.response, base.timeouts.response, 60),
        idle: span(own.timeouts.idle, base.timeouts.idle, 60),
        rate_limit: own.rate_limit.over(&base.rate_limit).as_set().copied(),
        guard: own.guard.or(base.guard).unwrap_or_default(),
        shield: own.shield.or(base.shield).unwrap_or(true),
        judgement: Judgement {
            alive: alive.unwrap_or_else(|| vec![Rule::Class(2)]),
            dead: dead.unwrap_or_else(|| vec![Rule::Status(401)]),
        },
        ca: own.tls.ca.over(&base.tls.ca).as_set().cloned(),
        client_certificate: own.tls.client_certificate.over(&base.tls.client_certificate).as_set().cloned(),
        client_authorities: own.tls.client_authorities.over(&base.tls.client_authorities).as_set().cloned(),
        client_names: own.tls.client_names.over(&base.tls.client_names).as_set().cloned(),
        max_request_body: own.max_request_body.over(&base.max_request_body).as_set().copied(),
    }
}

/// Lays headers over headers; two spellings of one header are one.
fn merge_headers(base: &BTreeMap<String, Injection>, own: &BTreeMap<String, Injection>) -> BTreeMap<String, Injection> {
    let overridden = |name: &str| own.keys().any(|other| same_header(other, name));
    let inherited = base.iter().filter(|(name, _)| !overridden(name));
    let merged = inherited.chain(own).filter(|(_, injection)| !matches!(injection, Injection::Switch(_)));
    merged.map(|(name, injection)| (name.clone(), injection.clone())).collect()
}

fn merge_plain(base: &BTreeMap<String, Plain>, own: &BTreeMap<String, Plain>) -> BTreeMap<String, String> {
    let inherited = base.iter().filter(|(name, _)| !own.contains_key(*name));
    let template = |(name, plain): (&String, &Plain)| match plain {
        Plain::Template(text) => Some((name.clone(), text.clone())),
        Plain::Switch(_) => None,
    };
    inherited.chain(own).filter_map(template).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn route() -> RouteSpec {
        serde_json::from_value(json!({
            "name": "payments",
            "base": {"upstream": "https://a.example", "methods": ["GET"], "timeouts": {"connect": "1s"},
                     "inject": {"headers": {"Authorization": "Bearer {{a}}", "X-B": "{{b}}"}, "query": {"k": "{{c}}"}}},
            "environments": {
                "production": {},
                "staging": {"methods": null, "timeouts": {"idle": "9s"},
                            "inject": {"headers": {"authorization": "Bearer {{s}}", "x-b": false}, "query": {"k": false}}}
            }
        }))
        .unwrap()
    }

    #[test]
    fn an_environment_overrides_member_by_member() {
        let staging = effective(&route(), &"staging".parse().unwrap()).unwrap();
        assert_eq!(staging.headers.keys().collect::<Vec<_>>(), ["authorization"]);
        assert!(staging.query.is_empty());
        assert_eq!(staging.methods, None);
        assert_eq!((staging.connect, staging.idle), (Span::from_secs(1), Span::from_secs(9)));
        let production = effective(&route(), &"production".parse().unwrap()).unwrap();
        assert_eq!(production.headers.len(), 2);
        assert_eq!(production.methods, Some(vec!["GET".to_owned()]));
        assert_eq!(effective(&route(), &"development".parse().unwrap()), None);
    }

    #[test]
    fn a_route_reads_and_writes_the_same_json() {
        let wire = serde_json::to_value(route()).unwrap();
        assert_eq!(serde_json::from_value::<RouteSpec>(wire.clone()).unwrap(), route());
        assert_eq!(wire.pointer("/environments/staging/methods"), Some(&serde_json::Value::Null));
        assert_eq!(wire.pointer("/base/paths"), None);
    }
}
