//! The rules of a probe: where it goes, and that it sends nothing but the value that it tests.

use api::route::Judgement;
use api::secret::{HttpProbe, PostgresProbe, SecretProbe};
use ipnet::IpNet;
use model::name::SecretName;
use model::probe::origin_and_rest;
use model::problem::{Finding, token};
use model::route::{Rule, is_injectable};
use model::secret::{HostRule, Limits};
use model::template::{Place, Template};
use model::upstream::{Upstream, UpstreamError};

use super::rules;
use crate::members::Members;

/// Checks a probe of the secret `name` under these limits. Nothing is resolved or sent.
pub(super) fn check(
    members: &mut Members,
    probe: &SecretProbe,
    name: &SecretName,
    limits: &Limits,
    allow_private: &[IpNet],
) {
    match probe {
        SecretProbe::Http(probe) => http(members, probe, name, limits, allow_private),
        SecretProbe::Postgres(probe) => postgres(members, probe, limits),
    }
}

fn http(members: &mut Members, probe: &HttpProbe, name: &SecretName, limits: &Limits, allow_private: &[IpNet]) {
    url(members, &probe.url, limits, allow_private);
    if let Some(method) = &probe.method {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&method.as_str());
        let detail = "is not one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
        members.demand(known, "/probe/http/method", "method-invalid", detail);
    }
    for (header, text) in &probe.headers {
        let pointer = format!("/probe/http/headers/{}", token(header));
        if axum::http::HeaderName::from_bytes(header.as_bytes()).is_err() {
            members.note(Finding::new(&pointer, "header-invalid", "is not a header name"));
        } else if !is_injectable(header) {
            let detail = "belongs to the connection or to the message's frame, and cannot be set";
            members.note(Finding::new(&pointer, "header-not-injectable", detail));
        }
        match Template::parse(text).and_then(|template| template.check(Place::Header).map(|()| template)) {
            Err(error) => members.note(Finding::new(&pointer, "template-invalid", error.to_string())),
            // Another secret in it would be a use that no reference guards.
            Ok(template) if template.secrets().any(|secret| secret != name) => {
                let detail = format!("may name no secret but {name}, which it tests");
                members.note(Finding::new(&pointer, "template-invalid", detail));
            }
            Ok(_) => {}
        }
    }
    judgements(members, "alive", probe.alive.as_deref());
    judgements(members, "dead", probe.dead.as_deref());
}

/// The URL's origin follows the rules of upstreams; its path and query are its own.
fn url(members: &mut Members, url: &str, limits: &Limits, allow_private: &[IpNet]) {
    const POINTER: &str = "/probe/http/url";
    let (origin, rest) = origin_and_rest(url);
    if url.parse::<axum::http::Uri>().is_err() || rest.contains(['#', '\\']) {
        members.note(Finding::new(POINTER, UpstreamError::CODE, "is not an absolute URL without a fragment"));
        return;
    }
    match Upstream::parse(origin, allow_private) {
        Err(error) => members.note(Finding::new(POINTER, UpstreamError::CODE, error.to_string())),
        Ok(upstream) => allowed(members, POINTER, &rules::host(&upstream), limits),
    }
}

fn allowed(members: &mut Members, pointer: &str, host: &str, limits: &Limits) {
    if !limits.allow_host(host) {
        let detail = format!("the value may not be sent to {host}; allowed_hosts says where");
        members.note(Finding::new(pointer, "secret-not-allowed-for-host", detail));
    }
}

fn judgements(members: &mut Members, word: &str, all: Option<&[Judgement]>) {
    for (index, judgement) in all.into_iter().flatten().enumerate() {
        let rule = serde_json::to_value(judgement).ok().map(|value| Rule::from_value(&value));
        if let Some(Err(error)) = rule {
            members.note(Finding::new(format!("/probe/http/{word}/{index}"), "judgement-invalid", error.to_string()));
        }
    }
}

fn postgres(members: &mut Members, probe: &PostgresProbe, limits: &Limits) {
    let detail = "names no place to log in to";
    members.demand(!probe.connections.is_empty(), "/probe/postgres/connections", "connections-empty", detail);
    for (index, connection) in probe.connections.iter().enumerate() {
        let pointer = format!("/probe/postgres/connections/{index}");
        match place(connection) {
            Ok(host) => allowed(members, &pointer, host.as_str(), limits),
            Err(detail) => members.note(Finding::new(pointer, "connection-invalid", detail)),
        }
    }
}

/// The host of `postgres://user@host:port/database`.
fn place(connection: &str) -> Result<HostRule, &'static str> {
    const FORM: &str = "is not a URL such as postgres://app@db1:5432/prod";
    let rest = connection.strip_prefix("postgres://").or_else(|| connection.strip_prefix("postgresql://"));
    let rest = rest.ok_or(FORM)?;
    if !rest.bytes().all(|byte| byte.is_ascii_graphic()) || rest.contains('#') {
        return Err(FORM);
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            return Err("holds a password; the secret's value is what it logs in with, so leave it out");
        }
        Some((_, host)) => host,
        None => authority,
    };
    if rest.split_once('?').is_some_and(|(_, query)| query.split('&').any(|pair| pair.starts_with("password="))) {
        return Err("holds a password; the secret's value is what it logs in with, so leave it out");
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port.parse::<u16>().is_ok_and(|port| port > 0)),
        _ => (host, true),
    };
    let rule: HostRule = name.parse().map_err(|_| FORM)?;
    if port && !rule.as_str().starts_with('*') { Ok(rule) } else { Err(FORM) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_databases() {
        for (good, host) in [
            ("postgres://app@db1/prod", "db1"),
            ("postgresql://app@DB1.example:5433/prod?sslmode=require", "db1.example"),
            ("postgres://[::1]:5432/prod", "::1"),
        ] {
            assert_eq!(place(good).unwrap().as_str(), host, "{good}");
        }
        for bad in [
            "db1",
            "mysql://app@db1/prod",
            "postgres://app:planted@db1/prod",
            "postgres://db1/prod?user=a&password=planted",
            "postgres://app@db1:0/prod",
            "postgres://app@*.db/prod",
            "postgres://app@db 1/prod",
        ] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }
}
