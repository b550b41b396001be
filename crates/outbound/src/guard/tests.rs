//! The guard against the naive way to find values, cut at every place.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use model::secret::{Class, Kind, Limits, Secret, SecretValue, State};
use model::snapshot::{bind, opened};
use model::time::Timestamp;
use serde_json::json;

use super::*;

/// A binding that injects these values and has this guard.
fn bound(values: &[&str], guard: &str) -> Arc<Bound> {
    let mut secrets = HashMap::new();
    let mut headers = serde_json::Map::new();
    for (number, value) in values.iter().enumerate() {
        let name = format!("s{number}");
        headers.insert(format!("X-{number}"), json!(format!("{{{{{name}}}}}")));
        let name: model::name::SecretName = name.parse().unwrap();
        let at = Timestamp::from_millis(0);
        let secret = Secret {
            id: String::new(),
            name: name.clone(),
            kind: Kind::ApiKey,
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
            created_at: at,
            created_by: String::new(),
            deleted_at: None,
            last_referenced_at: None,
            version: 1,
        };
        secrets.insert(name, opened(secret, Some(SecretValue::new((*value).to_owned()))));
    }
    let spec = json!({
        "name": "r",
        "base": {"upstream": "https://a.example", "inject": {"headers": headers}, "guard": guard},
        "environments": {"e": {}},
    });
    let spec = serde_json::from_value(spec).unwrap();
    Arc::new(bind(&spec, &"e".parse().unwrap(), &secrets, &[], |_| Arc::default()).unwrap())
}

/// Every occurrence of every value masked, found the simple way.
fn naive(text: &str, values: &[&str]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for value in values {
        for at in 0..text.len().saturating_sub(value.len() - 1) {
            if text[at..].starts_with(value) {
                bytes[at..at + value.len()].fill(b'*');
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn it_finds_what_the_naive_way_finds_wherever_the_body_is_cut() {
    // Values that overlap each other and themselves, and one within another.
    let values = ["abcabcab", "xxabcabcabyy", "bcabyyyyy", "12345678"];
    let bound = bound(&values, "mask");
    for text in [
        "abcabcabcabcab",
        "xxabcabcabyyyyy",
        "xxabcabcabyz",
        "xxabcabcaby",
        "xxabcabca",
        "12345671234567812345678",
        "-abcabcabyyyyy-xxabcabcab",
        "nothing of it",
    ] {
        for size in 1..=text.len() {
            let mut guard = BodyGuard::new(Arc::clone(&bound));
            let mut out = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                out.extend_from_slice(&guard.push(Bytes::copy_from_slice(piece)).unwrap());
                assert!(guard.held() < 12, "no more than the longest form is kept back");
            }
            out.extend_from_slice(&guard.finish());
            assert_eq!(String::from_utf8(out).unwrap(), naive(text, &values), "{text} in pieces of {size}");
        }
    }
}

#[test]
fn nothing_is_kept_back_that_cannot_go_on() {
    let bound = bound(&["sk_live_4242"], "mask");
    let mut guard = BodyGuard::new(bound);
    let event = Bytes::from_static(b"data: sk_live_\n\n");
    assert_eq!(guard.push(event.clone()).unwrap(), event);
    assert!(!guard.is_holding());
    assert_eq!(guard.push(Bytes::from_static(b"data: sk_l")).unwrap(), "data: ");
    assert_eq!(guard.push(Bytes::from_static(b"ong\n\n")).unwrap(), "sk_long\n\n");
}

#[test]
fn block_says_so_and_short_values_are_not_looked_for() {
    let blocking = bound(&["sk_live_4242"], "block");
    let mut guard = BodyGuard::new(Arc::clone(&blocking));
    assert!(guard.push(Bytes::from_static(b"sk_live_")).is_ok());
    assert_eq!(guard.push(Bytes::from_static(b"4242")), Err(Leak));
    let mut headers = HeaderMap::new();
    headers.insert("x-echo", HeaderValue::from_static("k=sk_live_4242"));
    assert_eq!(guard_headers(&mut headers, &blocking), Err(Leak));
    assert!(guard_headers(&mut headers, &bound(&["another_value"], "block")).is_ok());
    assert!(is_needed(&blocking));
    assert!(!is_needed(&bound(&["short"], "mask")));
    assert!(!is_needed(&bound(&["sk_live_4242"], "off")));
}
