//! Key-encryption keys: what each wraps, and that rewrapping leaves nothing under an older one but what cannot be opened.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use common::{House, Reply, Scrambled};
use envelope::{FingerprintKey, Keyring, Place, kek_file};
use model::access::Role;
use serde_json::{Value, json};
use store::WrappedFingerprintKey;

/// A house whose secrets are sealed under one key, and the same house after a start with a new key in front of it.
async fn two_keys(names: &[&str]) -> (House, House) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kek");
    let entropy = Scrambled::default();
    let now = model::time::Timestamp::from_millis(common::NOW);
    kek_file::create(&path, &entropy, now).unwrap();
    let (first, again) = (kek_file::load(&path).unwrap(), kek_file::load(&path).unwrap());
    let fingerprints = FingerprintKey::generate(&entropy);
    let wrapped = fingerprints.wrap(&first, &entropy);
    let unwrapped = FingerprintKey::unwrap(&again, &wrapped).unwrap();
    let before = House::with_keys(first, fingerprints).await;
    for name in names {
        let body = json!({"name": name, "value": "a-value-of-some-length", "environments": ["staging"]});
        before.send(Role::Admin, "POST", "/v1/secrets", body).await.expect(201);
    }
    let mut tx = before.begin().await;
    let wrapped = WrappedFingerprintKey { bytes: wrapped.bytes, kek_id: wrapped.kek_id };
    tx.set_fingerprint_key(&wrapped).await.unwrap();
    before.commit(tx).await;
    kek_file::add(&path, Place::Current, &entropy, now).unwrap();
    let after = before.restarted(kek_file::load(&path).unwrap(), unwrapped);
    (before, after)
}

async fn keys(house: &House) -> Vec<(bool, u64, bool)> {
    let reply = house.send(Role::Admin, "GET", "/v1/keys", Value::Null).await.expect(200);
    let items = reply.body["items"].as_array().unwrap().clone();
    assert!(
        items.iter().all(|key| key["held"] == true && key["created_at"] == "2025-11-24T16:00:00.000Z"),
        "{items:?}"
    );
    let read = |key: &Value| (key["current"] == true, key["secrets"].as_u64().unwrap(), key["fingerprint_key"] == true);
    items.iter().map(read).collect()
}

async fn rewrap(house: &House, body: Value) -> Reply {
    house.send(Role::Admin, "POST", "/v1/keys/rewrap", body).await.expect(200)
}

fn numbers(reply: &Reply) -> (u64, bool, u64, bool) {
    let number = |member: &str| reply.body[member].as_u64().unwrap();
    (number("rewrapped"), reply.body["fingerprint_key"] == true, number("left"), reply.body["revision"].is_u64())
}

#[tokio::test]
async fn everything_comes_under_the_current_key_in_steps() {
    let (_, house) = two_keys(&["a", "b", "c"]).await;
    assert_eq!(keys(&house).await, [(true, 0, false), (false, 3, true)]);
    let before = house.audit(1).await;

    assert_eq!(numbers(&rewrap(&house, json!({"limit": 2, "dry_run": true})).await), (3, true, 0, false));
    assert_eq!(keys(&house).await, [(true, 0, false), (false, 3, true)]);
    assert_eq!(house.audit(1).await, before, "a dry run leaves no trace");

    let first = rewrap(&house, json!({"limit": 2})).await;
    assert_eq!(numbers(&first), (2, true, 1, true));
    let event = house.audit(1).await.remove(0);
    assert_eq!(
        (&event["action"], &event["subject"]),
        (&json!("key.rewrap"), &json!(format!("kek/{}", first.body["kek_id"].as_str().unwrap())))
    );
    assert_eq!(event["after"], json!({"secrets": ["a", "b"], "fingerprint_key": true, "left": 1}));
    assert_eq!(numbers(&rewrap(&house, json!({})).await), (1, false, 0, true));
    assert_eq!(keys(&house).await, [(true, 3, true), (false, 0, false)]);
    assert_eq!(numbers(&rewrap(&house, json!({})).await), (0, false, 0, false));

    // The older key can be taken out: values, fingerprints and limits are what they were.
    let body = json!({"value": "a-value-of-some-length"});
    let reply = house.send(Role::Admin, "POST", "/v1/secrets/a/compare", body).await.expect(200);
    assert_eq!(reply.body["match"], true);
    let tx = house.control.store.read().await.unwrap();
    let stored = tx.sealed_secret("b").await.unwrap().unwrap();
    assert_eq!(stored.secret.version, 1, "a new wrapping is no edit");
    assert_eq!(stored.sealed.kek_id, house.control.keys.keyring.current().as_str());
}

#[tokio::test]
async fn what_cannot_be_opened_is_told_and_keeps_nothing_else_back() {
    let (before, house) = two_keys(&["a", "b", "c"]).await;
    let mut tx = before.begin().await;
    let mut row = tx.sealed_secret("a").await.unwrap().unwrap();
    row.sealed.wrapped_dek[30] ^= 1;
    let broken = store::Rebound { kek_id: row.sealed.kek_id, wrapped_dek: row.sealed.wrapped_dek };
    tx.rewrap_secret("a", &broken).await.unwrap();
    before.commit(tx).await;
    for (body, told) in [
        (json!({"dry_run": true}), (2, true, 1, false)),
        (json!({"limit": 1}), (1, true, 2, true)),
        (json!({"limit": 1}), (1, false, 1, true)),
        (json!({"limit": 1}), (0, false, 1, false)),
    ] {
        let reply = rewrap(&house, body).await;
        assert_eq!(numbers(&reply), told);
        assert_eq!(reply.body["unusable"][0]["name"], "a");
    }
}

#[tokio::test]
async fn a_key_that_this_node_lacks_is_listed_and_what_it_wraps_is_refused_by_name() {
    let (before, _) = two_keys(&["a"]).await;
    let entropy = Scrambled::default();
    let other = Keyring::parse("kek_other AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    let house = before.restarted(other, FingerprintKey::generate(&entropy));
    let reply = house.send(Role::Admin, "GET", "/v1/keys", Value::Null).await.expect(200);
    let held: Vec<_> =
        reply.body["items"].as_array().unwrap().iter().map(|key| (&key["held"], &key["secrets"])).collect();
    assert_eq!(held, [(&json!(true), &json!(0)), (&json!(false), &json!(1))]);
    let reply = rewrap(&house, json!({"dry_run": true})).await;
    let detail = reply.body["unusable"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("kek_"), "{detail}");
}

#[tokio::test]
async fn a_step_has_a_size() {
    let (_, house) = two_keys(&["a"]).await;
    for limit in [0, 501] {
        let reply = house.send(Role::Admin, "POST", "/v1/keys/rewrap", json!({"limit": limit})).await;
        assert_eq!(reply.refusal(), (422, "limit-invalid"));
    }
}
