//! A route bound to opened values: what is sent, and what stops it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::sync::Arc;

use model::name::SecretName;
use model::route::RouteSpec;
use model::secret::{Class, Kind, Limits, Secret, SecretValue, State};
use model::snapshot::{BindError, Bound, HeaderFill, Opened, Unusable, bind, opened, unreadable};
use model::template::Facts;
use model::time::Timestamp;
use serde_json::{Value, json};

const FACTS: Facts<'static> = Facts {
    request_id: "req_1",
    environment: "staging",
    route: "r",
    client: "shop",
    timestamp: "2026-11-23T14:12:00.000Z",
};

fn secret(name: &str, value: Option<&str>) -> (SecretName, Arc<Opened>) {
    let name: SecretName = name.parse().unwrap();
    let secret = Secret {
        id: format!("sec_{name}"),
        name: name.clone(),
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
        version: 1,
    };
    (name, opened(secret, value.map(|value| SecretValue::new(value.to_owned()))))
}

fn secrets() -> HashMap<SecretName, Arc<Opened>> {
    HashMap::from([
        secret("key", Some("sk_1 $1 {{key}}")),
        secret("pem", Some("-----BEGIN\nEND-----")),
        secret("sealed", None),
        ("unread".parse().unwrap(), unreadable("unread".parse().unwrap())),
    ])
}

fn bound_with(inject: Value, secrets: &HashMap<SecretName, Arc<Opened>>) -> Bound {
    let spec: RouteSpec = serde_json::from_value(json!({
        "name": "r",
        "base": {"upstream": "https://api.example.com", "inject": inject},
        "environments": {"staging": {}}
    }))
    .unwrap();
    bind(&spec, &"staging".parse().unwrap(), secrets, &[], |_| Arc::default()).unwrap()
}

fn bound(inject: Value) -> Bound {
    bound_with(inject, &secrets())
}

#[test]
fn values_are_put_where_the_templates_say() {
    let bound = bound(json!({
        "headers": {"Authorization": "Bearer {{key}}", "X-Who": "{{client}}/{{request_id}}",
                    "X-Basic": {"basic": {"username": "u", "password": "{{key}}"}}},
        "query": {"k": "{{key}}"},
        "body": {"/a": "{{pem}}"}
    }));
    let injection = bound.injection.unwrap();
    let header = |name: &str| {
        let found = injection.headers.iter().find(|header| header.name == name).unwrap();
        match &found.value {
            HeaderFill::Ready(value) => {
                assert!(value.is_sensitive());
                String::from_utf8(value.as_bytes().to_vec()).unwrap()
            }
            HeaderFill::Fill(compiled) => {
                let mut out = Vec::new();
                compiled.fill(&FACTS, &mut out);
                String::from_utf8(out).unwrap()
            }
        }
    };
    assert_eq!(header("authorization"), "Bearer sk_1 $1 {{key}}");
    assert_eq!(header("x-who"), "shop/req_1");
    assert_eq!(header("x-basic"), "Basic dTpza18xICQxIHt7a2V5fX0=");
    let mut query = String::new();
    injection.query[0].value.fill_text(&FACTS, &mut query);
    assert_eq!(query, "sk_1%20%241%20%7B%7Bkey%7D%7D");
    let mut body = String::new();
    injection.body[0].value.fill_text(&FACTS, &mut body);
    assert_eq!(body, "-----BEGIN\nEND-----");
    let counted: Vec<_> = bound.tallies.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(counted, ["key", "pem"]);
}

#[test]
fn nothing_is_sent_where_a_value_is_missing_or_misplaced() {
    let name = |text: &str| text.parse::<SecretName>().unwrap();
    let table = [
        (json!({"headers": {"A": "{{gone}}"}}), Unusable::Missing(name("gone")), "secret-not-found"),
        (json!({"headers": {"A": "{{sealed}}"}}), Unusable::Sealed(name("sealed")), "secret-unusable"),
        (json!({"headers": {"A": "{{unread}}"}}), Unusable::Sealed(name("unread")), "secret-unusable"),
        (json!({"headers": {"A": "{{pem}}"}}), Unusable::Misplaced(name("pem")), "secret-unusable"),
        (
            json!({"headers": {"A": "{{key}}"}, "query": {"q": "{{gone}}"}}),
            Unusable::Missing(name("gone")),
            "secret-not-found",
        ),
    ];
    for (inject, expected, code) in table {
        let unusable = bound(inject).injection.unwrap_err();
        assert_eq!(unusable, expected);
        assert_eq!(unusable.code(), code);
    }
    assert!(bound(json!({"query": {"q": "{{pem}}"}})).injection.is_ok());
}

#[test]
fn limits_are_held_against_environment_and_host_once_more() {
    for (environments, hosts, allowed) in [
        (None, None, true),
        (Some("staging"), Some("api.example.com"), true),
        (Some("production"), None, false),
        (None, Some("other.example.com"), false),
    ] {
        let mut secrets = secrets();
        let (name, opened) = secret("key", Some("sk_1"));
        let mut limited = opened.secret.clone();
        limited.limits.environments = environments.map(|name: &str| [name.parse().unwrap()].into());
        limited.limits.allowed_hosts = hosts.map(|host: &str| [host.parse().unwrap()].into());
        secrets.insert(name.clone(), model::snapshot::opened(limited, Some(SecretValue::new("sk_1".to_owned()))));
        let result = bound_with(json!({"headers": {"A": "{{key}}"}}), &secrets).injection;
        assert_eq!(result.is_ok(), allowed);
        if !allowed {
            assert_eq!(result.unwrap_err(), Unusable::NotAllowed(name));
        }
    }
}

#[test]
fn the_earliest_strict_expiry_counts() {
    let end = Timestamp::from_millis(5_000);
    for (strict, expected) in [(true, Some((end, "key".parse().unwrap()))), (false, None)] {
        let (name, opened) = secret("key", None);
        let mut ending = opened.secret.clone();
        ending.strict_expiry = strict;
        ending.expires_at = Some(end);
        let value = Some(SecretValue::new("sk_1".to_owned()));
        let secrets = HashMap::from([(name, model::snapshot::opened(ending, value))]);
        assert_eq!(bound_with(json!({"headers": {"A": "{{key}}"}}), &secrets).expires, expected);
    }
}

#[test]
fn a_stored_route_that_cannot_be_read_is_an_error_and_no_panic() {
    let table = [
        (json!({"upstream": "nonsense"}), BindError::Member("upstream")),
        (json!({"upstream": "https://a.example", "inject": {"headers": {"A": "{{"}}}), BindError::Member("inject")),
        (json!({"upstream": "https://a.example", "methods": ["G T"]}), BindError::Member("methods")),
    ];
    for (base, expected) in table {
        let spec: RouteSpec =
            serde_json::from_value(json!({"name": "r", "base": base, "environments": {"staging": {}}})).unwrap();
        let result = bind(&spec, &"staging".parse().unwrap(), &secrets(), &[], |_| Arc::default());
        assert_eq!(result.unwrap_err(), expected);
        let result = bind(&spec, &"production".parse().unwrap(), &secrets(), &[], |_| Arc::default());
        assert_eq!(result.unwrap_err(), BindError::NotServed);
    }
}

#[test]
fn certificates_are_bound_and_counted_and_not_looked_for() {
    let (name, pem) = secret("cert", Some("-----BEGIN CERTIFICATE-----\n…"));
    let mut all = secrets();
    all.insert(name.clone(), pem);
    let bound = |all: &HashMap<SecretName, Arc<Opened>>, tls: Value| {
        let spec: RouteSpec = serde_json::from_value(json!({"name": "r", "base": {"upstream": "https://a.example",
            "inject": {"headers": {"A": "{{key}}"}}, "tls": tls}, "environments": {"staging": {}}}))
        .unwrap();
        bind(&spec, &"staging".parse().unwrap(), all, &[], |_| Arc::default()).unwrap()
    };
    let one = bound(&all, json!({"client_certificate": "cert", "client_authorities": "PEM", "client_names": ["app"]}));
    assert!(one.injection.is_ok());
    assert_eq!(one.identity.as_ref().map(|opened| &opened.secret.name), Some(&name));
    assert_eq!(one.tallies.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["cert", "key"]);
    assert!(!one.forms().iter().any(|form| form.starts_with(b"-----BEGIN")));
    let caller = one.caller.unwrap();
    assert_eq!((caller.authorities.as_str(), caller.names.as_deref()), ("PEM", Some(&["app".to_owned()][..])));

    let none = bound(&all, json!({}));
    assert!(none.identity.is_none() && none.caller.is_none() && none.tallies.len() == 1);
    assert_eq!(bound(&all, json!({"client_certificate": "sealed"})).injection.unwrap_err().code(), "secret-unusable");
    let (limited, opened) = secret("limited", Some("-----BEGIN CERTIFICATE-----\n…"));
    let mut elsewhere = opened.secret.clone();
    elsewhere.limits.allowed_hosts = Some(["b.example".parse().unwrap()].into());
    let value = Some(SecretValue::new("-----BEGIN CERTIFICATE-----\n…".to_owned()));
    all.insert(limited.clone(), model::snapshot::opened(elsewhere, value));
    let refused = bound(&all, json!({"client_certificate": "limited"}));
    assert_eq!(refused.injection.unwrap_err(), Unusable::NotAllowed(limited));
    assert_eq!(refused.host_limits.len(), 1, "held against the host once more when it is dialled");
    let missing = bound(&all, json!({"client_certificate": "gone"})).injection.unwrap_err();
    assert_eq!(missing, Unusable::Missing("gone".parse().unwrap()));
}
