//! Phase 3: which route, which environment, and whether this client may do this there, now.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, Method};
use model::client::Client;
use model::name::EnvironmentName;
use model::path;
use model::snapshot::{Bound, Route, Snapshot, Trial};
use model::time::Timestamp;

use crate::admit::Admitted;
use crate::answer::{self, Refusal};
use crate::limit::{Holder, RateLimits, Told, whole_seconds};

/// What a request asks for, and what it is held against.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) admitted: &'a Admitted,
    pub(crate) now: Timestamp,
    pub(crate) method: &'a Method,
    /// The path as the client encoded it.
    pub(crate) path: &'a str,
    pub(crate) limits: &'a RateLimits,
}

/// A request that may be sent: through which binding, and to which path.
#[derive(Debug)]
pub(crate) struct Selected {
    /// What decided; it carries the request where there is no trial.
    pub(crate) bound: Arc<Bound>,
    /// The rotation that has a say in which credential the request gets.
    pub(crate) trial: Option<Arc<Trial>>,
    /// The path behind the upstream's own, as the client encoded it.
    pub(crate) path: String,
}

/// Selects the binding of a request; `told` is how it stands with its limits, also where it is refused. Whoever gets
/// here has shown a key: nobody else can find out which routes exist.
///
/// All that decides is the route's own, whatever a rotation does: it has no say in what a client may do.
pub(crate) fn select(question: Question<'_>, told: &mut Told) -> Result<Selected, Refusal> {
    let Question { snapshot, admitted, now, method, path: raw_path, limits } = question;
    let canonical = path::canonical(raw_path)
        .map_err(|error| Refusal::new(answer::PATH_INVALID, format!("The request is refused: {error}.")))?;
    let (route, prefix) = route(snapshot, &admitted.host, raw_path)?;
    let client = &*admitted.caller.client;
    if !client.routes.allows(&route.name) {
        return Err(Refusal::new(answer::NOT_ALLOWED, format!("The client may not use the route {}.", route.name)));
    }
    let environment = environment(snapshot, client, admitted.environment.as_ref())?;
    let bound = route.environments.get(environment).ok_or_else(|| {
        let detail = format!("The route {} is not served in the environment {environment}.", route.name);
        Refusal::new(answer::NOT_SERVED, detail)
    })?;
    admitted.shown.check(bound.caller.as_ref(), &bound.route, now)?;
    check_method(bound, method)?;
    // A route's name has no character that could be encoded, so that it is as long in both spellings.
    check_path(bound, rest(&canonical, prefix))?;
    check_rate(snapshot, client, bound, limits, told)?;
    let trial = route.trials.get(environment).cloned();
    Ok(Selected { bound: Arc::clone(bound), trial, path: rest(raw_path, prefix).to_owned() })
}

/// The route, and how much of the path its name takes.
fn route<'a>(snapshot: &'a Snapshot, host: &str, raw_path: &str) -> Result<(&'a Route, usize), Refusal> {
    if let Some(route) = snapshot.hosts.get(host).and_then(|name| snapshot.routes.get(name)) {
        return Ok((route, 0));
    }
    let name = raw_path.split('/').nth(1).unwrap_or_default();
    let route = snapshot.routes.get(name).ok_or_else(|| {
        let detail = "The first segment of the path names no route, and the Host header belongs to none.";
        Refusal::new(answer::ROUTE_NOT_FOUND, detail)
    })?;
    Ok((route, 1 + name.len()))
}

/// What follows the route's name; at least a slash.
fn rest(path: &str, prefix: usize) -> &str {
    path.get(prefix..).filter(|rest| !rest.is_empty()).unwrap_or("/")
}

fn environment<'a>(
    snapshot: &'a Snapshot,
    client: &'a Client,
    wanted: Option<&'a EnvironmentName>,
) -> Result<&'a EnvironmentName, Refusal> {
    if let Some(wanted) = wanted {
        let own = client.environments.contains(wanted).then_some(wanted);
        return own.ok_or_else(|| Refusal::new(answer::NOT_ALLOWED, "The client is not served in that environment."));
    }
    let mut own = client.environments.iter();
    if let (Some(only), None) = (own.next(), own.next()) {
        return Ok(only);
    }
    let default = snapshot.default_environment.as_ref();
    default.filter(|name| client.environments.contains(*name)).ok_or_else(|| {
        let names: Vec<&str> = client.environments.iter().map(EnvironmentName::as_str).collect();
        let detail = format!("Send Keyroll-Environment with one of: {}.", names.join(", "));
        Refusal::new(answer::ENVIRONMENT_REQUIRED, detail)
    })
}

fn check_method(bound: &Bound, method: &Method) -> Result<(), Refusal> {
    let Some(allowed) = bound.methods.as_ref().filter(|allowed| !allowed.contains(method)) else { return Ok(()) };
    let list = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let refusal = Refusal::new(answer::METHOD_NOT_ALLOWED, format!("The route {} passes on: {list}.", bound.route));
    Err(match HeaderValue::try_from(list) {
        Ok(list) => refusal.with(ALLOW, list),
        Err(_) => refusal,
    })
}

fn check_path(bound: &Bound, canonical: &str) -> Result<(), Refusal> {
    let allowed = bound.paths.as_ref().is_none_or(|paths| paths.iter().any(|pattern| pattern.matches(canonical)));
    allowed.then_some(()).ok_or_else(|| {
        let detail = format!("The route {} does not pass this path on.", bound.route);
        Refusal::new(answer::PATH_NOT_ALLOWED, detail)
    })
}

fn check_rate(
    snapshot: &Snapshot,
    client: &Client,
    bound: &Bound,
    limits: &RateLimits,
    told: &mut Told,
) -> Result<(), Refusal> {
    let of_route = bound.rate_limit.map(|limit| (Holder::Route(bound.route.clone(), bound.environment.clone()), limit));
    if let Some(limit) = client.rate_limit {
        let (standing, taken) = limits.take(&Holder::Client(client.name.clone()), limit, snapshot);
        told.client = Some(standing);
        if let Err(wait) = taken {
            // Nothing is taken from the route, and its limit is told all the same: it applies, too.
            told.route = of_route.map(|(holder, limit)| limits.look(&holder, limit, snapshot));
            return Err(too_many("client", wait));
        }
    }
    if let Some((holder, limit)) = of_route {
        let (standing, taken) = limits.take(&holder, limit, snapshot);
        told.route = Some(standing);
        taken.map_err(|wait| too_many("route", wait))?;
    }
    Ok(())
}

fn too_many(whose: &str, wait: Duration) -> Refusal {
    let seconds = whole_seconds(wait).max(1);
    Refusal::new(answer::RATE_LIMITED, format!("The {whose}'s rate limit is used up; try again in {seconds} s."))
        .with(RETRY_AFTER, HeaderValue::from(seconds))
}
