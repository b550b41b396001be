//! Tables for what a change of a route needs.

use std::collections::{BTreeMap, HashMap};

use model::route::Known;
use model::secret::Secret;
use serde_json::json;

use super::*;

fn world() -> World {
    let secret = |name: &str, environments: Value| -> Secret {
        serde_json::from_value(json!({
            "id": "sec_1", "name": name, "kind": "api_key", "class": "standard", "description": "", "owner": "",
            "tags": [], "successor_of": null, "probe": null, "expires_at": null, "strict_expiry": false,
            "limits": {"environments": environments, "allowed_hosts": null, "sensitive": true},
            "rotate_every": null, "state": "active", "fingerprint": "", "created_at": "2026-01-01T00:00:00Z",
            "created_by": "", "deleted_at": null, "last_referenced_at": null, "version": 1,
        }))
        .unwrap()
    };
    let environment = |name: &str, protected| -> Environment {
        serde_json::from_value(json!({
            "name": name, "display_name": "", "rank": 0, "protected": protected, "default": false, "version": 1,
        }))
        .unwrap()
    };
    let secrets = [
        secret("open", json!(["staging"])),
        secret("replaced", json!(["staging"])),
        secret("closed", json!(["staging", "production"])),
        secret("anywhere", json!(null)),
    ];
    let known = Known {
        secrets: secrets.into_iter().map(|secret| (secret.name.clone(), secret)).collect(),
        environments: vec![environment("staging", false), environment("production", true)],
        ..Known::default()
    };
    let name = |name: &str| -> SecretName { name.parse().unwrap() };
    let beside = BTreeMap::from([(name("replaced"), BTreeSet::from([name("anywhere")]))]);
    World { known, secrets: HashMap::new(), beside }
}

fn is_protected(before: Value, after: Value) -> bool {
    let read = |value: Value| -> Option<RouteSpec> { serde_json::from_value(value).unwrap() };
    let needs = needs(read(before).as_ref(), read(after).as_ref(), &world());
    assert!(!needs.is_empty());
    needs.contains(&Need::Change { protected: true })
}

fn route(base: Value, environments: Value) -> Value {
    json!({"name": "r", "base": base, "environments": environments})
}

fn header(text: &str) -> Value {
    json!({"inject": {"headers": {"A": text}}})
}

#[test]
fn rights_are_needed_where_something_counts_differently() {
    let both = json!({"staging": {}, "production": {}});
    let with = |member: &str, value: Value| {
        let mut spec = route(json!({"upstream": "https://a.example"}), both.clone());
        spec[member] = value;
        spec
    };
    let hosted = |hosts: &[&str]| {
        let mut spec = route(json!({}), json!({"staging": {}}));
        spec["hosts"] = json!(hosts);
        spec
    };
    let plain = with("tags", json!([]));
    let table = [
        ("a route of nowhere", Value::Null, route(json!({}), json!({})), false),
        ("a route of staging", Value::Null, route(json!({}), json!({"staging": {}})), false),
        ("a route of production", Value::Null, route(json!({}), json!({"production": {}})), true),
        ("a deletion there", plain.clone(), Value::Null, true),
        ("a deletion in staging", route(json!({}), json!({"staging": {}})), Value::Null, false),
        ("words", plain.clone(), with("description", json!("other")), false),
        ("labels", plain.clone(), with("tags", json!(["other"])), false),
        ("hosts", plain.clone(), with("hosts", json!(["a.example"])), true),
        (
            "a host of staging, which is everybody's",
            route(json!({}), json!({"staging": {}})),
            hosted(&["a.example"]),
            true,
        ),
        ("a new route with one", Value::Null, hosted(&["a.example"]), true),
        ("another one", hosted(&["a.example"]), hosted(&["b.example"]), true),
        ("no longer", hosted(&["a.example"]), hosted(&[]), true),
        ("the same ones", hosted(&["a.example", "b.example"]), hosted(&["b.example", "a.example"]), false),
        ("a deletion with one", hosted(&["a.example"]), Value::Null, false),
        (
            "the base that production inherits",
            plain.clone(),
            route(json!({"upstream": "https://b.example"}), both.clone()),
            true,
        ),
        (
            "a member of staging",
            plain.clone(),
            with("environments", json!({"staging": {"shield": false}, "production": {}})),
            false,
        ),
        (
            "a member of production",
            plain.clone(),
            with("environments", json!({"staging": {}, "production": {"shield": false}})),
            true,
        ),
        (
            "the probe of production",
            plain.clone(),
            with("environments", json!({"staging": {}, "production": {"probe": {"path": "/x"}}})),
            true,
        ),
        (
            "the base where production says otherwise",
            route(json!({"shield": true}), json!({"staging": {}, "production": {"shield": true}})),
            route(json!({"shield": false}), json!({"staging": {}, "production": {"shield": true}})),
            false,
        ),
        ("no longer in production", plain, with("environments", json!({"staging": {}})), true),
    ];
    for (what, before, after, protected) in table {
        assert_eq!(is_protected(before, after), protected, "{what}");
    }
}

#[test]
fn the_right_to_use_a_secret_is_needed_where_it_is_named_anew() {
    let staging = json!({"staging": {}});
    let table = [
        ("a secret of staging", route(header("x"), staging.clone()), route(header("{{open}}"), staging.clone()), false),
        ("of production too", route(header("x"), staging.clone()), route(header("{{closed}}"), staging.clone()), true),
        ("without limit", route(header("x"), staging.clone()), route(header("{{anywhere}}"), staging.clone()), true),
        ("in a base for nobody", Value::Null, route(header("{{anywhere}}"), json!({})), true),
        (
            "named before, where nothing changes",
            route(header("{{anywhere}}"), staging.clone()),
            json!({"name": "r", "description": "new", "base": header("{{anywhere}}"), "environments": staging}),
            false,
        ),
        (
            "named before, where something changes",
            route(header("{{anywhere}}"), json!({"staging": {}})),
            route(header("{{anywhere}}"), json!({"staging": {"upstream": "https://mine.example"}})),
            true,
        ),
        (
            "no longer named",
            route(header("{{anywhere}}"), json!({"staging": {}})),
            route(header("x"), json!({"staging": {}})),
            false,
        ),
    ];
    for (what, before, after, protected) in table {
        assert_eq!(is_protected(before, after), protected, "{what}");
    }
}

#[test]
fn where_a_rotation_sends_another_secret_that_one_is_needed_too() {
    let led = |secret: &str, upstream: &str| {
        let base = json!({"upstream": upstream, "inject": {"headers": {"A": format!("{{{{{secret}}}}}")}}});
        route(base, json!({"staging": {}}))
    };
    for (secret, expected) in [("open", false), ("replaced", true)] {
        let found = is_protected(led(secret, "https://a.example"), led(secret, "https://b.example"));
        assert_eq!(found, expected, "{secret}");
    }
    let words = |text: &str| {
        let mut spec = led("replaced", "https://a.example");
        spec["description"] = json!(text);
        spec
    };
    assert!(!is_protected(words("one"), words("other")), "where nothing counts differently, nothing is led elsewhere");
}
