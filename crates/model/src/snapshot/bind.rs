//! Compiles one route in one environment: templates parsed at saving are filled with opened values.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use http::{HeaderName, HeaderValue, Method};
use ipnet::IpNet;

use super::bound::{Bound, BoundHeader, BoundText, CallerCertificate, HeaderFill, Injection, Unusable};
use super::prepared::Prepared;
use super::wanted::Wanted;
use crate::name::{EnvironmentName, SecretName};
use crate::route::{self, Effective, RouteSpec};
use crate::secret::{Class, Kind, Limits, SHORT_VALUE, Secret, SecretValue, State};
use crate::template::{CompileError, Compiled, Place, Template, compile, compile_basic};
use crate::time::Timestamp;
use crate::upstream::{Host, Upstream};
use crate::usage::Tally;

/// An active secret with its value, or without where the seal did not open.
#[derive(Debug)]
pub struct Opened {
    /// What is known about it.
    pub secret: Secret,
    /// Its value.
    pub value: Option<SecretValue>,
    /// What was made of the value to show it as a certificate.
    pub prepared: Prepared,
}

/// Pairs a secret with what opening it gave.
#[must_use]
pub fn opened(secret: Secret, value: Option<SecretValue>) -> Arc<Opened> {
    Arc::new(Opened { secret, value, prepared: Prepared::default() })
}

/// Stands for a secret whose row is there and cannot be read: nothing is known but its name, and its version is 0, which
/// no stored one has.
#[must_use]
pub fn unreadable(name: SecretName) -> Arc<Opened> {
    let secret = Secret {
        id: String::new(),
        name,
        kind: Kind::Other,
        class: Class::Standard,
        description: String::new(),
        owner: String::new(),
        tags: Vec::new(),
        successor_of: None,
        limits: Limits { environments: None, allowed_hosts: None, sensitive: true },
        probe: None,
        expires_at: None,
        strict_expiry: false,
        rotate_every: None,
        state: State::Active,
        fingerprint: String::new(),
        created_at: Timestamp::from_millis(0),
        created_by: String::new(),
        deleted_at: None,
        last_referenced_at: None,
        version: 0,
    };
    opened(secret, None)
}

/// Why a stored route cannot be served at all. A route that was validated when it was saved never gets here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// The route is not served in that environment.
    #[error("the route is not served in this environment")]
    NotServed,
    /// A member does not parse; the stored row was changed outside Keyroll.
    #[error("{0} of the stored route cannot be read")]
    Member(&'static str),
}

/// Compiles `spec` for `environment`.
///
/// `secrets` answers the active secrets by name, `tally` the counter of a secret in this route and environment.
/// A secret that is missing or does not open leaves a [`Bound`] behind that says so and sends nothing. Whether a
/// certificate can be shown is for `outbound::prepare` to say, which does cryptography.
///
/// # Errors
/// [`BindError`] where the route is not served there or the stored text is broken.
pub fn bind(
    spec: &RouteSpec,
    environment: &EnvironmentName,
    secrets: &HashMap<SecretName, Arc<Opened>>,
    allow_private: &[IpNet],
    tally: impl Fn(&SecretName) -> Arc<Tally>,
) -> Result<Bound, BindError> {
    let settings = route::effective(spec, environment).ok_or(BindError::NotServed)?;
    let text = settings.upstream.as_deref().ok_or(BindError::Member("upstream"))?;
    let upstream = Upstream::parse(text, allow_private).map_err(|_| BindError::Member("upstream"))?;
    let templates = Templates::parse(&settings)?;
    let filled = templates.secrets();
    let shown = settings.client_certificate.as_deref().map(str::parse::<SecretName>).transpose();
    let shown = shown.map_err(|_| BindError::Member(route::CLIENT_CERTIFICATE))?;
    let names: BTreeSet<SecretName> = filled.iter().chain(&shown).cloned().collect();
    let used: Vec<&Secret> = names.iter().filter_map(|name| secrets.get(name)).map(|opened| &opened.secret).collect();
    let injection = permitted(&names, secrets, environment, &upstream).and_then(|()| templates.fill(secrets));
    // A certificate that is shown is in no request, so that no answer can give it back.
    let sensitive: Vec<Arc<Opened>> =
        filled.iter().filter_map(|name| secrets.get(name)).filter(|opened| is_looked_for(opened)).cloned().collect();
    let basic = templates.basic(|name| sensitive.iter().any(|opened| opened.secret.name == *name));
    let wanted = Arc::new(Wanted::new(sensitive, &basic, injection.as_ref().ok()));
    let expires = used.iter().filter(|secret| secret.strict_expiry);
    Ok(Bound {
        route: spec.name.clone(),
        environment: environment.clone(),
        injection,
        methods: members(settings.methods.as_deref(), "methods", |text| Method::from_bytes(text.as_bytes()).ok())?,
        paths: members(settings.paths.as_deref(), "paths", |text| text.parse().ok())?,
        remove_headers: members(Some(&settings.remove_headers), "remove_headers", |text| text.parse().ok())?
            .unwrap_or_default(),
        connect: settings.connect,
        response: settings.response,
        idle: settings.idle,
        rate_limit: settings.rate_limit,
        guard: settings.guard,
        judgement: settings.judgement,
        ca: settings.ca.map(Arc::from),
        identity: shown.as_ref().and_then(|name| secrets.get(name)).cloned(),
        caller: settings.client_authorities.map(|authorities| {
            Arc::new(CallerCertificate { authorities, names: settings.client_names, prepared: Prepared::default() })
        }),
        max_request_body: settings.max_request_body,
        host_limits: used
            .iter()
            .filter_map(|s| s.limits.allowed_hosts.as_ref())
            .map(|h| h.iter().cloned().collect())
            .collect(),
        expires: expires.filter_map(|secret| Some((secret.expires_at?, secret.name.clone()))).min(),
        tallies: used.iter().map(|secret| (secret.name.clone(), tally(&secret.name))).collect(),
        wanted,
        forms: OnceLock::new(),
        upstream,
    })
}

/// Shorter ones would be found where they are not.
fn is_looked_for(opened: &Opened) -> bool {
    opened.secret.limits.sensitive && opened.value.as_ref().is_some_and(|value| value.len() >= SHORT_VALUE)
}

fn members<T>(
    texts: Option<&[String]>,
    member: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, BindError> {
    let read_all = |texts: &[String]| texts.iter().map(|text| read(text)).collect::<Option<Vec<T>>>();
    texts.map(|texts| read_all(texts).ok_or(BindError::Member(member))).transpose()
}

/// Holds the limits of all secrets against environment and upstream once more: the rows may have been changed since.
fn permitted(
    names: &BTreeSet<SecretName>,
    secrets: &HashMap<SecretName, Arc<Opened>>,
    environment: &EnvironmentName,
    upstream: &Upstream,
) -> Result<(), Unusable> {
    let host = match upstream.host() {
        Host::Name(name) => name.to_string(),
        Host::Ip(address) => address.to_string(),
    };
    for name in names {
        let opened = secrets.get(name).ok_or_else(|| Unusable::Missing(name.clone()))?;
        let limits = &opened.secret.limits;
        if !limits.allow_environment(environment) || !limits.allow_host(&host) {
            return Err(Unusable::NotAllowed(name.clone()));
        }
        if opened.value.is_none() {
            return Err(Unusable::Sealed(name.clone()));
        }
    }
    Ok(())
}

/// The parsed templates of one environment.
struct Templates {
    headers: Vec<(HeaderName, HeaderTemplate)>,
    query: Vec<(String, Template)>,
    body: Vec<(String, Template)>,
}

enum HeaderTemplate {
    Plain(Template),
    Basic(Template, Template),
}

impl Templates {
    fn parse(settings: &Effective) -> Result<Self, BindError> {
        let broken = || BindError::Member("inject");
        let parse = |text: &str| Template::parse(text).map_err(|_| broken());
        let mut headers = Vec::new();
        for (name, injection) in &settings.headers {
            let template = match injection {
                route::Injection::Template(text) => HeaderTemplate::Plain(parse(text)?),
                route::Injection::Basic { basic } => {
                    HeaderTemplate::Basic(parse(&basic.username)?, parse(&basic.password)?)
                }
                route::Injection::Switch(_) => continue,
            };
            headers.push((name.parse().map_err(|_| broken())?, template));
        }
        let texts = |texts: &std::collections::BTreeMap<String, String>| {
            texts.iter().map(|(name, text)| Ok((name.clone(), parse(text)?))).collect::<Result<Vec<_>, BindError>>()
        };
        Ok(Self { headers, query: texts(&settings.query)?, body: texts(&settings.body)? })
    }

    fn secrets(&self) -> BTreeSet<SecretName> {
        let headers = self.headers.iter().flat_map(|(_, template)| match template {
            HeaderTemplate::Plain(template) => vec![template],
            HeaderTemplate::Basic(username, password) => vec![username, password],
        });
        let plain = self.query.iter().chain(&self.body).map(|(_, template)| template);
        headers.chain(plain).flat_map(Template::secrets).cloned().collect()
    }

    /// The headers with basic credentials that name a secret of which `wanted` is true.
    fn basic(&self, wanted: impl Fn(&SecretName) -> bool) -> Vec<HeaderName> {
        let holds = |template: &HeaderTemplate| match template {
            HeaderTemplate::Plain(_) => false,
            HeaderTemplate::Basic(username, password) => username.secrets().chain(password.secrets()).any(&wanted),
        };
        self.headers.iter().filter(|(_, template)| holds(template)).map(|(name, _)| name.clone()).collect()
    }

    fn fill(&self, secrets: &HashMap<SecretName, Arc<Opened>>) -> Result<Injection, Unusable> {
        let lookup = |name: &SecretName| Some(secrets.get(name)?.value.as_ref()?.expose());
        let mut headers = Vec::new();
        for (name, template) in &self.headers {
            let compiled = match template {
                HeaderTemplate::Plain(template) => compile(template, Place::Header, lookup),
                HeaderTemplate::Basic(username, password) => compile_basic(username, password, lookup),
            };
            headers.push(BoundHeader { name: name.clone(), value: finish(compiled.map_err(misplaced)?) });
        }
        let texts = |templates: &[(String, Template)], place| {
            let fill = |(name, template): &(String, Template)| {
                let value = compile(template, place, lookup).map_err(misplaced)?;
                Ok(BoundText { name: name.clone(), value })
            };
            templates.iter().map(fill).collect::<Result<Vec<_>, Unusable>>()
        };
        Ok(Injection { headers, query: texts(&self.query, Place::Query)?, body: texts(&self.body, Place::Body)? })
    }
}

/// A value without built-ins becomes a header value once, here, and is only copied from then on.
fn finish(compiled: Compiled) -> HeaderFill {
    let Some(bytes) = compiled.fixed() else { return HeaderFill::Fill(compiled) };
    match HeaderValue::from_bytes(bytes) {
        Ok(mut value) => {
            value.set_sensitive(true);
            HeaderFill::Ready(value)
        }
        // `compile` admits the same bytes as the header type; filling it per request refuses it there.
        Err(_) => HeaderFill::Fill(compiled),
    }
}

fn misplaced(error: CompileError) -> Unusable {
    match error {
        CompileError::Missing { name } => Unusable::Missing(name),
        CompileError::Refused { name, .. } => Unusable::Misplaced(name),
        CompileError::Template(_) => Unusable::Literal,
    }
}
