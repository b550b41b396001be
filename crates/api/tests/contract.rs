//! The examples of the contract are read, and written again as they were.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use api::clients::{ClientCreate, ClientPatch};
use api::problem::Problem;
use api::read::{read, read_value};
use api::route::{
    GuardMode, HeaderValue, Judgement, PlainValue, ReplaceSecret, RouteCreate, RouteItem, RoutePatch, RouteSpec,
    TestRoute,
};
use api::secret::{
    CompareAnswer, DeleteSecrets, SecretClass, SecretCreate, SecretItem, SecretKind, SecretPatch, SecretProbe,
};
use serde_json::json;
use utoipa::PartialSchema;

#[test]
fn a_secret_with_every_member() {
    let body = br#"{"name": "stripe_api_key_v2", "value": "sk_live_x", "kind": "api_key", "class": "critical",
        "description": "", "owner": "payments", "tags": ["pci"], "successor_of": "stripe_api_key",
        "environments": ["production"], "allowed_hosts": ["api.stripe.com"], "sensitive": true, "probe": null,
        "expires_at": null, "strict_expiry": false, "rotate_every": null}"#;
    let secret: SecretCreate = read(body).unwrap();
    assert_eq!((secret.kind, secret.class), (Some(SecretKind::ApiKey), Some(SecretClass::Critical)));
    assert_eq!(secret.value.into_inner(), "sk_live_x");
    assert!(read::<SecretCreate>(br#"{"name": "a", "value": "b"}"#).is_ok());
}

#[test]
fn both_kinds_of_probe() {
    let http = br#"{"name": "a", "value": "b", "probe": {"http": {"url": "https://a.example/me", "method": "GET",
        "headers": {"Authorization": "Bearer {{a}}"}, "alive": ["2xx"], "dead": [401]}}}"#;
    assert!(
        matches!(read::<SecretCreate>(http).unwrap().probe, Some(SecretProbe::Http(probe)) if probe.dead == Some(vec![Judgement::Status(401)]))
    );
    let postgres =
        br#"{"name": "a", "value": "b", "probe": {"postgres": {"connections": ["postgres://app@db1/prod"]}}}"#;
    assert!(matches!(read::<SecretCreate>(postgres).unwrap().probe, Some(SecretProbe::Postgres(_))));
}

#[test]
fn an_edit_tells_absent_from_null_and_sees_a_value() {
    let edit: SecretPatch = read(br#"{"expires_at": null, "owner": "pay"}"#).unwrap();
    assert_eq!(edit.expires_at, Some(None));
    assert_eq!(edit.owner, Some(Some("pay".to_owned())));
    assert_eq!(edit.environments, None);
    assert!(!edit.value.0);
    assert_eq!(serde_json::to_value(&edit).unwrap(), json!({"expires_at": null, "owner": "pay"}));
    assert!(read::<SecretPatch>(br#"{"value": {"any": ["thing"]}}"#).unwrap().value.0);
    let client: ClientPatch = read(br#"{"rate_limit": null}"#).unwrap();
    assert_eq!((client.rate_limit, client.expires_at), (Some(None), None));
}

#[test]
fn a_route_with_every_member() {
    let document = json!({"name": "payments", "hosts": [], "description": "", "tags": [],
        "base": {"upstream": "https://api.stripe.com",
            "inject": {"headers": {"Authorization": "Bearer {{stripe_api_key}}", "X-Partner-Key": "{{partner_api_key}}"}, "query": {}, "body": {}},
            "methods": null, "paths": null, "remove_headers": [], "timeouts": {"connect": "5s", "response": "60s", "idle": "60s"},
            "rate_limit": null, "guard": "mask", "shield": true, "probe": {"method": "GET", "path": "/v1/balance"}, "alive": ["2xx"], "dead": [401],
            "tls": {"ca": null, "client_certificate": null}, "max_request_body": null},
        "environments": {"production": {}, "staging": {"inject": {"headers": {"Authorization": "Bearer {{stripe_staging_api_key}}"}}}}});
    let route: RouteCreate = read(document.to_string().as_bytes()).unwrap();
    assert_eq!(route, read_value(document).unwrap());
    let (name, spec) = route.into_parts();
    assert_eq!(name, "payments");
    let base = spec.base.clone().unwrap();
    assert_eq!(base.guard, Some(GuardMode::Mask));
    // Said to be nothing, which an environment may have to say.
    assert_eq!((base.rate_limit, base.methods), (Some(None), Some(None)));
    assert_eq!(spec.environments.as_ref().unwrap()["production"].rate_limit, None);
    let again: RouteSpec = read(serde_json::to_string(&spec).unwrap().as_bytes()).unwrap();
    assert_eq!(again, spec);
}

#[test]
fn every_form_of_an_injection() {
    let spec: RouteSpec = read(
        br#"{"base": {"inject": {"headers": {"A": "x", "B": {"basic": {"username": "{{u}}", "password": "{{p}}"}}, "C": false},
            "query": {"k": "{{q}}", "l": false}, "body": null}}}"#,
    )
    .unwrap();
    let inject = spec.base.unwrap().inject.unwrap();
    assert!(matches!(inject.headers.get("B"), Some(HeaderValue::Basic { basic }) if basic.username == "{{u}}"));
    assert!(matches!(inject.headers.get("C"), Some(HeaderValue::Off(_))));
    assert!(matches!(inject.query.get("l"), Some(PlainValue::Off(_))));
    assert_eq!(
        serde_json::to_value(&inject).unwrap(),
        json!({"headers": {"A": "x", "B": {"basic": {"username": "{{u}}", "password": "{{p}}"}}, "C": false}, "query": {"k": "{{q}}", "l": false}})
    );
}

#[test]
fn every_form_of_a_judgement() {
    let given = json!([401, "2xx", {"status": 200, "body_contains": "invalid_auth"}, {"status": 403, "header": {"X-Reason": "key"}}]);
    let rules: Vec<Judgement> = read_value(given.clone()).unwrap();
    assert_eq!(serde_json::to_value(&rules).unwrap(), given);
}

#[test]
fn the_small_bodies() {
    assert!(
        read::<ReplaceSecret>(br#"{"from": "a", "to": "b", "environments": ["staging"], "dry_run": true}"#).is_ok()
    );
    assert!(read::<DeleteSecrets>(br#"{"names": ["a"], "dry_run": false}"#).is_ok());
    assert!(
        read::<TestRoute>(
            br#"{"environment": "staging", "method": "GET", "path": "/", "headers": {"A": "b"}, "body": null}"#
        )
        .is_ok()
    );
    assert!(read::<ClientCreate>(br#"{"name": "c", "environments": ["staging"], "routes": ["*"], "rate_limit": {"requests": 100, "per": "1m", "burst": 20}}"#).is_ok());
    assert_eq!(
        read::<RoutePatch>(br#"{"base": {"rate_limit": null}}"#).unwrap().0,
        json!({"base": {"rate_limit": null}})
    );
    let answer = CompareAnswer { matches: true, hint: None };
    assert_eq!(serde_json::to_value(answer).unwrap(), json!({"match": true, "hint": null}));
    let problem: Problem =
        read(br#"{"type": "about:blank", "title": "t", "status": 404, "code": "not-found", "more": 1}"#).unwrap();
    assert_eq!(problem.status, 404);
}

#[test]
fn the_description_of_the_api_says_what_is_read() {
    let schema = |text: serde_json::Result<serde_json::Value>| text.unwrap();
    let create = schema(serde_json::to_value(SecretCreate::schema()));
    assert_eq!(create["required"], json!(["name", "value"]));
    assert_eq!(create["additionalProperties"], json!(false));
    assert_eq!(create["properties"]["value"]["writeOnly"], json!(true), "{create:#}");
    let patch = schema(serde_json::to_value(SecretPatch::schema()));
    assert!(patch["properties"].get("value").is_none());
    assert!(patch.get("required").is_none(), "{patch:#}");
    assert_eq!(patch["properties"]["expires_at"]["type"], json!(["string", "null"]));
    let route = schema(serde_json::to_value(RouteSpec::schema()));
    assert!(route.get("required").is_none(), "{route:#}");
    let header = schema(serde_json::to_value(HeaderValue::schema()));
    assert_eq!(header["oneOf"].as_array().unwrap().len(), 3, "{header:#}");
    let item = schema(serde_json::to_value(SecretItem::schema()));
    assert!(item["properties"].get("value").is_none());
    assert_eq!(schema(serde_json::to_value(RouteItem::schema()))["properties"]["revision"]["minimum"], json!(0));
}
