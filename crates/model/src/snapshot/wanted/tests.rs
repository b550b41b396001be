//! What is shared, what is made ready, and what is forgotten.

use serde_json::json;

use super::*;
use crate::snapshot::{bind, opened};

fn secret(name: &str, id: &str, value: &str) -> Arc<Opened> {
    let secret = json!({
        "id": id, "name": name, "kind": "other", "class": "standard", "description": "", "owner": "", "tags": [],
        "successor_of": null, "probe": null, "expires_at": null, "strict_expiry": false, "rotate_every": null,
        "limits": {"environments": null, "allowed_hosts": null, "sensitive": true}, "state": "active",
        "fingerprint": "kf_1", "created_at": "2026-01-01T00:00:00Z", "created_by": "system:test", "deleted_at": null,
        "last_referenced_at": null, "version": 1});
    opened(serde_json::from_value(secret).unwrap(), Some(SecretValue::new(value.to_owned())))
}

/// A route whose headers are templates, or pairs for basic credentials; `guard` is its guard.
fn bound(guard: &str, headers: serde_json::Value, secrets: &[&Arc<Opened>]) -> Bound {
    let spec = json!({"name": "r", "environments": {"e": {}},
        "base": {"upstream": "https://a.example", "guard": guard, "inject": {"headers": headers}}});
    let secrets = secrets.iter().map(|opened| (opened.secret.name.clone(), Arc::clone(opened))).collect();
    let spec = serde_json::from_value(spec).unwrap();
    bind(&spec, &"e".parse().unwrap(), &secrets, &[], |_| Arc::default()).unwrap()
}

fn share(pool: &mut WantedPool, mut bound: Bound) -> Bound {
    pool.share(&mut bound);
    bound
}

#[test]
fn the_same_values_are_shared_and_others_are_not() {
    let (a, b) = (secret("a", "sec_a", "value-of-a"), secret("b", "sec_b", "value-of-b"));
    let header = |template: &str| json!({"X-Key": template});
    let mut pool = WantedPool::default();
    let first = share(&mut pool, bound("mask", header("{{a}}"), &[&a]));
    let needles = first.needles().unwrap();
    let same = |other: &Bound| other.needles().is_some_and(|other| Arc::ptr_eq(needles, other));
    // A secret whose description was edited is opened again.
    let again = secret("a", "sec_a", "value-of-a");
    for (what, other, shared) in [
        ("the same", bound("block", header("Bearer {{a}}"), &[&a]), true),
        ("opened again", bound("mask", header("{{a}}"), &[&again]), true),
        ("another", bound("mask", header("{{b}}"), &[&b]), false),
        ("both", bound("mask", header("{{a}}{{b}}"), &[&a, &b]), false),
        (
            "in credentials",
            bound("mask", json!({"A": {"basic": {"username": "u", "password": "{{a}}"}}}), &[&a]),
            false,
        ),
        // Which no stored row can be.
        ("another value", bound("mask", header("{{a}}"), &[&secret("a", "sec_a", "value-else")]), false),
    ] {
        assert_eq!(same(&share(&mut pool, other)), shared, "{what}");
    }
    assert!(!same(&bound("mask", header("{{a}}"), &[&a])), "nothing is shared without a pool");
}

#[test]
fn what_is_large_is_ready_before_it_is_asked_for() {
    let large = "0123456789abcdef".repeat(17);
    for (guard, value, ready) in [("mask", large.as_str(), true), ("mask", "small-one", false), ("off", &large, false)]
    {
        let bound =
            share(&mut WantedPool::default(), bound(guard, json!({"X-Key": "{{a}}"}), &[&secret("a", "sec_a", value)]));
        assert_eq!(bound.wanted.needles.get().is_some(), ready, "{guard} {}", value.len());
        assert_eq!(bound.needles().is_some(), guard != "off");
        let text = format!("{:?}", bound.wanted);
        assert_eq!(text, "Wanted(1)");
    }
}

#[test]
fn what_nobody_looks_for_is_forgotten() {
    let mut pool = WantedPool::default();
    let a = secret("a", "sec_a", "value-of-a");
    let bound = share(&mut pool, bound("mask", json!({"X-Key": "{{a}}"}), &[&a]));
    pool.drop_unused();
    assert_eq!(pool.known.len(), 1);
    drop(bound);
    pool.drop_unused();
    assert!(pool.known.is_empty());
    assert_eq!(Arc::strong_count(&a), 1, "and nothing keeps the value");
}
