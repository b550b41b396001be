//! Between a route on the wire and the route of the rules. What cannot be read is noted with the member that holds it.

use std::collections::BTreeMap;

use api::route as wire;
use model::name::{EnvironmentName, RouteName};
use model::problem::{Finding, token};
use model::route::{
    Basic, Guard, Inject, Injection, Member, Plain, RateLimit, RouteSpec, Rule, Settings, Timeouts, Tls,
};
use serde_json::Value;

use crate::members::{Members, free_text};
use crate::refusal::Refusal;

/// The longest label.
const LONGEST_TAG: usize = 128;

/// A route as it was read, and what was wrong with it so far.
pub(super) struct Draft {
    /// The route, without what could not be read.
    pub(super) spec: RouteSpec,
    /// What was wrong.
    pub(super) members: Members,
}

/// Reads a route. What cannot be read is noted and left out, so that the rest can be judged in the same answer.
pub(super) fn read(name: RouteName, spec: &wire::RouteSpec) -> Draft {
    let mut members = Members::default();
    let spec = read_spec(name, spec, &mut members);
    Draft { spec, members }
}

fn read_spec(name: RouteName, spec: &wire::RouteSpec, members: &mut Members) -> RouteSpec {
    let description = spec.description.clone().unwrap_or_default();
    free_text(members, "/description", &description);
    let tags = spec.tags.clone().unwrap_or_default();
    for (index, tag) in tags.iter().enumerate() {
        let fits = !tag.is_empty() && tag.len() <= LONGEST_TAG && !tag.chars().any(char::is_control);
        members.demand(
            fits,
            &format!("/tags/{index}"),
            "tag-invalid",
            "is not 1 to 128 bytes without control characters",
        );
    }
    let base = spec.base.as_ref().map(|base| settings("/base", base, members)).unwrap_or_default();
    let mut environments = BTreeMap::new();
    for (name, own) in spec.environments.iter().flatten() {
        let pointer = format!("/environments/{}", token(name));
        let name: Option<EnvironmentName> = members.read(&pointer, "name-invalid", name);
        let own = settings(&pointer, own, members);
        environments.extend(name.map(|name| (name, Box::new(own))));
    }
    RouteSpec { name, hosts: spec.hosts.clone().unwrap_or_default(), description, tags, base, environments }
}

fn settings(at: &str, wire: &wire::RouteSettings, members: &mut Members) -> Settings {
    let times = wire.timeouts.clone().unwrap_or_default();
    let mut span = |name, text: &Option<String>| {
        members.read_opt(&format!("{at}/timeouts/{name}"), "duration-invalid", text.as_deref())
    };
    let timeouts = Timeouts {
        connect: span("connect", &times.connect),
        response: span("response", &times.response),
        idle: span("idle", &times.idle),
    };
    let tls = wire.tls.clone().unwrap_or_default();
    Settings {
        upstream: wire.upstream.clone(),
        inject: wire.inject.as_ref().map(inject).unwrap_or_default(),
        methods: member(wire.methods.clone()),
        paths: member(wire.paths.clone()),
        remove_headers: member(wire.remove_headers.clone()),
        timeouts,
        rate_limit: member(
            wire.rate_limit.as_ref().map(|own| own.as_ref().and_then(|own| rate_limit(at, own, members))),
        ),
        guard: wire.guard.map(|guard| match guard {
            wire::GuardMode::Mask => Guard::Mask,
            wire::GuardMode::Block => Guard::Block,
            wire::GuardMode::Off => Guard::Off,
        }),
        shield: wire.shield,
        probe: member(wire.probe.as_ref().map(|own| own.as_ref().map(|own| probe(at, own, members)))),
        alive: member(
            wire.alive.as_ref().map(|own| own.as_ref().map(|own| rules(&format!("{at}/alive"), own, members))),
        ),
        dead: member(wire.dead.as_ref().map(|own| own.as_ref().map(|own| rules(&format!("{at}/dead"), own, members)))),
        tls: Tls {
            ca: member(tls.ca),
            client_certificate: member(tls.client_certificate),
            client_authorities: member(tls.client_authorities),
            client_names: member(tls.client_names),
        },
        max_request_body: member(wire.max_request_body),
    }
}

/// `null` says "nothing", also where the layer below says something; an absent member says nothing at all.
fn member<T>(value: Option<Option<T>>) -> Member<T> {
    value.map_or(Member::Absent, |value| value.map_or(Member::Null, Member::Set))
}

fn inject(wire: &wire::Inject) -> Inject {
    let header = |value: &wire::HeaderValue| match value {
        wire::HeaderValue::Template(text) => Injection::Template(text.clone()),
        wire::HeaderValue::Basic { basic } => {
            Injection::Basic { basic: Basic { username: basic.username.clone(), password: basic.password.clone() } }
        }
        wire::HeaderValue::Off(_) => Injection::Switch(false),
    };
    let plain = |value: &wire::PlainValue| match value {
        wire::PlainValue::Template(text) => Plain::Template(text.clone()),
        wire::PlainValue::Off(_) => Plain::Switch(false),
    };
    Inject {
        headers: wire.headers.iter().map(|(name, value)| (name.clone(), header(value))).collect(),
        query: wire.query.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        body: wire.body.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
    }
}

fn rate_limit(at: &str, wire: &wire::RateLimit, members: &mut Members) -> Option<RateLimit> {
    let per = members.read(&format!("{at}/rate_limit/per"), "duration-invalid", &wire.per)?;
    Some(RateLimit { requests: wire.requests, per, burst: wire.burst })
}

fn rules(at: &str, list: &[wire::Judgement], members: &mut Members) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (index, judgement) in list.iter().enumerate() {
        match Rule::from_value(&serde_json::to_value(judgement).unwrap_or_default()) {
            Ok(rule) => rules.push(rule),
            Err(error) => members.note(Finding::new(format!("{at}/{index}"), "rule-invalid", error.to_string())),
        }
    }
    rules
}

/// The probe is kept as it was written; what sends it reads it.
fn probe(at: &str, probe: &wire::RouteProbe, members: &mut Members) -> Value {
    if let Some(method) = &probe.method {
        let fits = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str());
        let detail = "is not one of GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE";
        members.demand(fits, &format!("{at}/probe/method"), "method-invalid", detail);
    }
    let path = probe.path.split(['?', '#']).next().unwrap_or_default();
    if let Err(error) = model::path::canonical(path) {
        members.note(Finding::new(format!("{at}/probe/path"), "path-invalid", error.to_string()));
    } else {
        let fits = http::Uri::try_from(probe.path.as_str()).is_ok() && !probe.path.contains('#');
        members.demand(fits, &format!("{at}/probe/path"), "path-invalid", "has a character that no path or query has");
    }
    for (name, value) in &probe.headers {
        let pointer = format!("{at}/probe/headers/{}", token(name));
        let fits = http::HeaderName::from_bytes(name.as_bytes()).is_ok() && http::HeaderValue::from_str(value).is_ok();
        members.demand(fits, &pointer, "header-invalid", "has a name or a value that no header has");
        let detail = "a probe's headers have no placeholders; what the route injects is added by itself";
        members.demand(!value.contains("{{"), &pointer, "template-invalid", detail);
    }
    serde_json::to_value(probe).unwrap_or_default()
}

/// The route as the API writes it, without its name: what a merge patch is laid over, and what differences are between.
pub(super) fn document(spec: &RouteSpec) -> Result<Value, Refusal> {
    serde_json::to_value(write(spec)?).map_err(|error| Refusal::internal(error.to_string()))
}

/// The route on the wire.
pub(super) fn write(spec: &RouteSpec) -> Result<wire::RouteSpec, Refusal> {
    let broken = |what: String| Refusal::internal(format!("the stored route {} cannot be told: {what}", spec.name));
    let mut value = serde_json::to_value(spec).map_err(|error| broken(error.to_string()))?;
    if let Some(members) = value.as_object_mut() {
        members.remove("name");
    }
    api::read::read_value(value).map_err(|error| broken(error.to_string()))
}
