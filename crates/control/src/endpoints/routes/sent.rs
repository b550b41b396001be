//! The request that a test of a route sends, and the same request as it may be shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use api::route::SentRequest;
use axum::http::header::{CONTENT_LENGTH, HOST};
use axum::http::{HeaderMap, HeaderValue, Request};
use bytes::Bytes;
use model::name::{EnvironmentName, SecretName};
use model::route::{Inject, Injection, RouteSpec};
use model::secret::SecretValue;
use model::snapshot::{Bound, Opened, bind, opened};
use model::template::{Facts, Template};
use outbound::ComposeError;
pub(super) use outbound::Given;
use outbound::inject::InjectError;

use super::rules::World;
use crate::refusal::Refusal;

/// How much of a body is shown, in bytes.
pub(super) const SHOWN: usize = 64 * 1024;

/// Makes the request to the upstream in the way that the gateway does.
pub(super) fn compose(bound: &Bound, given: &Given, facts: &Facts<'_>) -> Result<Request<Bytes>, Refusal> {
    outbound::compose(bound, given, facts).map_err(|error| match &error {
        ComposeError::Unusable(reason) => Refusal::conflict(reason.code(), "Nothing was sent", error.to_string()),
        ComposeError::Inject(InjectError::Header(_)) => {
            Refusal::conflict("secret-unusable", "Nothing was sent", error.to_string())
        }
        ComposeError::Inject(InjectError::Target) => Refusal::member("/path", "path-invalid", error.to_string()),
        ComposeError::Inject(InjectError::NotJson | InjectError::NoSuchPlace(_)) => {
            Refusal::member("/body", "body-not-json", error.to_string())
        }
        ComposeError::Unreadable => Refusal::member("/headers", "body-not-json", error.to_string()),
    })
}

/// The same request, made anew from the same route with marks in the place of values. No value can be in it, because
/// none was at hand when it was made.
pub(super) fn show(
    spec: &RouteSpec,
    bound: &Bound,
    world: &World,
    given: &Given,
    facts: &Facts<'_>,
) -> Result<SentRequest, Refusal> {
    let marked: HashMap<SecretName, Arc<Opened>> = world
        .known
        .secrets
        .iter()
        .map(|(name, secret)| (name.clone(), opened(secret.clone(), Some(SecretValue::new(mark(name))))))
        .collect();
    let environment: &EnvironmentName = &bound.environment;
    let plain = without_basic(spec);
    let stand_in = bind(&plain, environment, &marked, &world.known.allow_private, |_| Arc::default());
    let stand_in = stand_in.map_err(|error| Refusal::internal(error.to_string()))?;
    let request = compose(&stand_in, given, facts)?;
    let mut secrets: Vec<String> = bound.tallies.iter().map(|(name, _)| name.to_string()).collect();
    secrets.sort();
    let mut url = format!("{}{}", bound.upstream.origin(), request.uri());
    for (name, _) in &bound.tallies {
        // A query has the mark percent-encoded, which nobody could read.
        let mark = mark(name);
        let encoded = mark.replace('*', "%2A").replace('(', "%28").replace(')', "%29");
        url = url.replace(&encoded, &mark);
    }
    let body = request.body();
    let mut headers = request.headers().clone();
    headers.insert(HOST, bound.upstream.host_header().clone());
    headers.remove(CONTENT_LENGTH);
    if !body.is_empty() {
        let own = given.body.as_ref() == Some(body);
        // The length of a body with a value in it would tell the value's length.
        let length = if own { HeaderValue::from(body.len()) } else { HeaderValue::from_static("********") };
        headers.insert(CONTENT_LENGTH, length);
    }
    let shown = body.get(..SHOWN).unwrap_or(body);
    Ok(SentRequest {
        method: request.method().to_string(),
        url,
        headers: pairs(&headers),
        body: (!body.is_empty()).then(|| String::from_utf8_lossy(shown).into_owned()),
        secrets,
    })
}

/// Names and values as text.
pub(super) fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// What stands where a value was: its length says nothing.
fn mark(name: &SecretName) -> String {
    format!("********({name})")
}

/// The route with basic authentication written out: a mark in Base64 would be no sign to anybody.
fn without_basic(spec: &RouteSpec) -> RouteSpec {
    let mut plain = spec.clone();
    for layer in [&mut plain.base].into_iter().chain(plain.environments.values_mut().map(Box::as_mut)) {
        write_out(&mut layer.inject);
    }
    plain
}

fn write_out(inject: &mut Inject) {
    let headers: BTreeMap<String, Injection> = std::mem::take(&mut inject.headers);
    let write = |injection: Injection| match injection {
        Injection::Basic { basic } => {
            let both = [&basic.username, &basic.password].map(|text| Template::parse(text).ok());
            let names: Vec<&SecretName> = both.iter().flatten().flat_map(Template::secrets).collect();
            if names.is_empty() {
                return Injection::Basic { basic };
            }
            let names: String = names.iter().map(|name| format!("{{{{{name}}}}}")).collect();
            Injection::Template(format!("Basic {names}"))
        }
        other => other,
    };
    inject.headers = headers.into_iter().map(|(name, injection)| (name, write(injection))).collect();
}
