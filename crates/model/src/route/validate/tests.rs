//! Tables for the rules of a route: the member that breaks a rule, and the rule.

use serde_json::{Value, json};

use super::*;
use crate::secret::{Class, Kind, Limits, State};
use crate::time::Timestamp;

fn secret(name: &str, environments: Option<&[&str]>, hosts: Option<&[&str]>) -> Secret {
    Secret {
        id: format!("sec_{name}"),
        name: name.parse().unwrap(),
        kind: Kind::ApiKey,
        class: Class::Standard,
        description: String::new(),
        owner: String::new(),
        tags: Vec::new(),
        successor_of: None,
        limits: Limits {
            environments: environments.map(|names| names.iter().map(|name| name.parse().unwrap()).collect()),
            allowed_hosts: hosts.map(|hosts| hosts.iter().map(|host| host.parse().unwrap()).collect()),
            sensitive: true,
        },
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
    }
}

fn known() -> Known {
    let secrets = [
        secret("stripe_api_key", None, None),
        secret("staging_only", Some(&["staging"]), None),
        secret("stripe_only", None, Some(&["api.stripe.com"])),
        Secret { kind: Kind::Certificate, ..secret("pem", None, None) },
        Secret { kind: Kind::Certificate, ..secret("stripe_pem", None, Some(&["api.stripe.com"])) },
    ];
    Known {
        secret_names: secrets.iter().map(|secret| secret.name.to_string()).collect(),
        secrets: secrets.into_iter().map(|secret| (secret.name.clone(), secret)).collect(),
        environments: ["staging", "production"]
            .into_iter()
            .map(|name| Environment {
                name: name.parse().unwrap(),
                display_name: String::new(),
                rank: 0,
                protected: false,
                default: false,
                version: 1,
            })
            .collect(),
        allow_private: Vec::new(),
    }
}

fn findings(base: Value, environments: Value) -> Vec<String> {
    let spec: RouteSpec =
        serde_json::from_value(json!({"name": "r", "base": base, "environments": environments})).unwrap();
    validate(&spec, &known()).iter().map(|finding| format!("{} {}", finding.pointer, finding.code)).collect()
}

#[test]
fn a_good_route_has_no_findings() {
    let base = json!({"upstream": "https://api.stripe.com", "methods": ["GET", "POST"], "paths": ["/v1/**"],
        "inject": {"headers": {"Authorization": "Bearer {{stripe_api_key}}", "X-Only": "{{stripe_only}}"}},
        "tls": {"client_certificate": "stripe_pem"}});
    let none: Vec<String> = Vec::new();
    assert_eq!(
        findings(base, json!({"production": {}, "staging": {"inject": {"query": {"k": "{{staging_only}}"}}}})),
        none
    );
}

#[test]
fn each_broken_rule_names_its_member() {
    let upstream = "https://api.stripe.com";
    let table = [
        (json!({"upstream": "ftp://x"}), json!({}), "/base/upstream upstream-invalid"),
        (json!({}), json!({"staging": {}}), "/environments/staging/upstream upstream-invalid"),
        (json!({"upstream": upstream}), json!({"stagin": {}}), "/environments/stagin environment-not-found"),
        (json!({"methods": ["get"]}), json!({}), "/base/methods/0 method-invalid"),
        (json!({"methods": ["TRACE"]}), json!({}), "/base/methods/0 method-invalid"),
        (json!({"paths": ["v1"]}), json!({}), "/base/paths/0 path-invalid"),
        (json!({"remove_headers": ["a b"]}), json!({}), "/base/remove_headers/0 header-invalid"),
        (json!({"timeouts": {"idle": "25h"}}), json!({}), "/base/timeouts/idle timeout-invalid"),
        (json!({"rate_limit": {"requests": 0, "per": "1m"}}), json!({}), "/base/rate_limit rate-limit-invalid"),
        (json!({"max_request_body": 0}), json!({}), "/base/max_request_body limit-invalid"),
        (json!({"tls": {"ca": "x"}}), json!({}), "/base/tls/ca certificate-invalid"),
        (json!({"tls": {"client_authorities": "x"}}), json!({}), "/base/tls/client_authorities certificate-invalid"),
        (json!({"tls": {"client_certificate": "a b"}}), json!({}), "/base/tls/client_certificate name-invalid"),
        (json!({"tls": {"client_certificate": "gone"}}), json!({}), "/base/tls/client_certificate secret-not-found"),
        (json!({"tls": {"client_names": []}}), json!({}), "/base/tls/client_names client-names-invalid"),
        (json!({"tls": {"client_names": ["ok", " x"]}}), json!({}), "/base/tls/client_names/1 client-names-invalid"),
        (
            json!({"upstream": upstream, "tls": {"client_certificate": "stripe_api_key"}}),
            json!({"staging": {}, "production": {}}),
            "/base/tls/client_certificate secret-kind-wrong",
        ),
        (
            json!({"upstream": "http://127.0.0.1"}),
            json!({"staging": {"tls": {"client_certificate": "pem"}}}),
            "/environments/staging/tls/client_certificate tls-required",
        ),
        (
            json!({"upstream": upstream, "tls": {"client_names": ["app"]}}),
            json!({"staging": {}, "production": {"tls": {"client_authorities": null}}}),
            "/base/tls/client_names client-names-invalid",
        ),
        (
            json!({"upstream": upstream}),
            json!({"staging": {"tls": {"client_authorities": null, "client_names": ["app"]}}}),
            "/environments/staging/tls/client_names client-names-invalid",
        ),
        (
            json!({"upstream": "https://evil.example", "tls": {"client_certificate": "stripe_pem"}}),
            json!({"production": {}}),
            "/base/tls/client_certificate secret-not-allowed-for-host",
        ),
        (json!({"inject": {"headers": {"a b": "x"}}}), json!({}), "/base/inject/headers/a b header-invalid"),
        (json!({"inject": {"headers": {"host": "x"}}}), json!({}), "/base/inject/headers/host header-not-injectable"),
        (json!({"inject": {"headers": {"X-A": "x", "x_a": "y"}}}), json!({}), "/base/inject/headers/x_a header-twice"),
        (json!({"inject": {"headers": {"A": "{{a b}}"}}}), json!({}), "/base/inject/headers/A template-invalid"),
        (json!({"inject": {"headers": {"A": true}}}), json!({}), "/base/inject/headers/A template-invalid"),
        (
            json!({"inject": {"headers": {"A": {"basic": {"username": "a:b", "password": ""}}}}}),
            json!({}),
            "/base/inject/headers/A/basic/username template-invalid",
        ),
        (json!({"inject": {"query": {"": "x"}}}), json!({}), "/base/inject/query/ name-invalid"),
        (
            json!({"inject": {"headers": {"A": "{{Stripe_api_key}}"}}}),
            json!({}),
            "/base/inject/headers/A secret-not-found",
        ),
        (
            json!({"upstream": upstream, "inject": {"headers": {"A": "{{staging_only}}"}}}),
            json!({"production": {}}),
            "/base/inject/headers/A secret-not-allowed-in-environment",
        ),
        (
            json!({"upstream": upstream, "inject": {"headers": {"A": "{{stripe_only}}"}}}),
            json!({"production": {}, "staging": {"upstream": "https://evil.example"}}),
            "/base/inject/headers/A secret-not-allowed-for-host",
        ),
        (
            json!({"upstream": upstream}),
            json!({"staging": {"inject": {"headers": {"A": {"basic": {"username": "u", "password": "{{gone}}"}}}}}}),
            "/environments/staging/inject/headers/A/basic/password secret-not-found",
        ),
    ];
    for (base, environments, expected) in table {
        assert_eq!(findings(base.clone(), environments), [expected], "{base}");
    }
}

#[test]
fn a_misspelt_secret_is_answered_with_the_nearest_name() {
    let spec: RouteSpec =
        serde_json::from_value(json!({"name": "r", "base": {"inject": {"headers": {"A": "{{strip_api_key}}"}}}}))
            .unwrap();
    let finding = validate(&spec, &known()).remove(0);
    assert_eq!(finding.did_you_mean.as_deref(), Some("stripe_api_key"));
    assert_eq!(finding.detail, "there is no secret strip_api_key; did you mean stripe_api_key?");
}
