//! Tables for the replacement of a secret in one route.

use serde_json::{Value, json};

use super::*;

fn run(base: Value, environments: Value, chosen: Option<&[&str]>) -> (Value, Value, Vec<String>) {
    let spec: RouteSpec =
        serde_json::from_value(json!({"name": "r", "base": {"inject": base}, "environments": environments})).unwrap();
    let chosen = chosen.map(|names| names.iter().map(|name| name.parse().unwrap()).collect());
    let (next, changes) = replace(&spec, &"old".parse().unwrap(), &"new".parse().unwrap(), chosen.as_ref());
    let wire = serde_json::to_value(&next).unwrap();
    let changes = changes
        .iter()
        .map(|c| format!("{} {} {}→{}", c.environment.as_ref().map_or("-", |e| e.as_str()), c.field, c.before, c.after))
        .collect();
    (wire.pointer("/base/inject").cloned().unwrap_or(Value::Null), wire["environments"].clone(), changes)
}

#[test]
fn one_environment_gets_an_override() {
    let (base, environments, changes) = run(
        json!({"headers": {"Authorization": "Bearer {{old}}", "X": "{{other}}"}}),
        json!({"staging": {}, "production": {}}),
        Some(&["staging"]),
    );
    assert_eq!(base["headers"]["Authorization"], "Bearer {{old}}");
    assert_eq!(
        environments,
        json!({"staging": {"inject": {"headers": {"Authorization": "Bearer {{new}}"}}}, "production": {}})
    );
    assert_eq!(changes, ["staging inject.headers.Authorization Bearer {{old}}→Bearer {{new}}"]);
}

#[test]
fn the_last_environment_moves_the_base_and_drops_equal_overrides() {
    let (base, environments, changes) = run(
        json!({"headers": {"Authorization": "Bearer {{old}}"}}),
        json!({"staging": {"inject": {"headers": {"Authorization": "Bearer {{new}}"}}}, "production": {}}),
        Some(&["production"]),
    );
    assert_eq!(base, json!({"headers": {"Authorization": "Bearer {{new}}"}}));
    assert_eq!(environments, json!({"staging": {}, "production": {}}));
    assert_eq!(changes, ["production inject.headers.Authorization Bearer {{old}}→Bearer {{new}}"]);
}

#[test]
fn all_environments_at_once_edit_the_base_alone() {
    let (base, environments, changes) = run(
        json!({"headers": {"A": {"basic": {"username": "u", "password": "{{old}}"}}}, "query": {"k": "{{old}}"}, "body": {"/a/b": "x{{ old }}"}}),
        json!({"staging": {}, "production": {}}),
        None,
    );
    assert_eq!(
        base,
        json!({"headers": {"A": {"basic": {"username": "u", "password": "{{new}}"}}}, "query": {"k": "{{new}}"}, "body": {"/a/b": "x{{ new }}"}})
    );
    assert_eq!(environments, json!({"staging": {}, "production": {}}));
    assert_eq!(changes.len(), 6);
}

#[test]
fn another_override_stays_and_the_idle_base_is_edited() {
    let (base, environments, changes) = run(
        json!({"headers": {"A": "{{old}}"}}),
        json!({"staging": {"inject": {"headers": {"a": "{{other}}"}}}}),
        None,
    );
    assert_eq!(base, json!({"headers": {"A": "{{new}}"}}));
    assert_eq!(environments, json!({"staging": {"inject": {"headers": {"a": "{{other}}"}}}}));
    assert_eq!(changes, ["- inject.headers.A {{old}}→{{new}}"]);
}

#[test]
fn nothing_changes_where_nothing_is_named() {
    let (base, environments, changes) =
        run(json!({"headers": {"A": "{{older}} \\{{old}}"}}), json!({"staging": {}}), None);
    assert_eq!(base, json!({"headers": {"A": "{{older}} \\{{old}}"}}));
    assert_eq!(environments, json!({"staging": {}}));
    assert!(changes.is_empty());
}

#[test]
fn forth_and_back_is_where_it_began() {
    let start = json!({"headers": {"Authorization": "Bearer {{old}}"}});
    let spec: RouteSpec = serde_json::from_value(
        json!({"name": "r", "base": {"inject": start}, "environments": {"staging": {}, "production": {}}}),
    )
    .unwrap();
    let (old, new) = ("old".parse().unwrap(), "new".parse().unwrap());
    let only = |name: &str| Some(BTreeSet::from([name.parse().unwrap()]));
    let (spec1, _) = replace(&spec, &old, &new, only("staging").as_ref());
    let (spec2, _) = replace(&spec1, &old, &new, only("production").as_ref());
    let (spec3, _) = replace(&spec2, &new, &old, only("production").as_ref());
    let (spec4, _) = replace(&spec3, &new, &old, only("staging").as_ref());
    assert_eq!(spec4, spec);
}

#[test]
fn a_certificate_moves_as_templates_do() {
    let spec: RouteSpec = serde_json::from_value(json!({"name": "r", "base": {"tls": {"client_certificate": "old"}},
        "environments": {"staging": {}, "production": {}, "qa": {"tls": {"client_certificate": null}}}}))
    .unwrap();
    let (old, new) = ("old".parse().unwrap(), "new".parse().unwrap());
    let staging = ["staging".parse().unwrap()].into();
    let told = |changes: &[Change]| -> Vec<String> {
        let place = |change: &Change| change.environment.as_ref().map_or("-".to_owned(), ToString::to_string);
        changes.iter().map(|c| format!("{} {} {}→{}", place(c), c.field, c.before, c.after)).collect()
    };
    let (half, changes) = replace(&spec, &old, &new, Some(&staging));
    assert_eq!(told(&changes), ["staging tls.client_certificate old→new"]);
    assert_eq!(half.base, spec.base);
    let (whole, changes) = replace(&half, &old, &new, None);
    assert_eq!(told(&changes), ["production tls.client_certificate old→new"]);
    assert!(!crate::route::mentions(&whole, &old));
    let wire = serde_json::to_value(&whole).unwrap();
    assert_eq!(
        (wire["base"]["tls"].clone(), wire["environments"].clone()),
        (
            json!({"client_certificate": "new"}),
            json!({"staging": {}, "production": {}, "qa": {"tls": {"client_certificate": null}}})
        )
    );
    let idle: RouteSpec =
        serde_json::from_value(json!({"name": "r", "base": {"tls": {"client_certificate": "old"}}})).unwrap();
    assert_eq!(told(&replace(&idle, &old, &new, None).1), ["- tls.client_certificate old→new"]);
}
