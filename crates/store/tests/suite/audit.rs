//! The audit: written with the change, found by filters, and checked.

use proptest::prelude::*;
use store::{AuditFilter, Page, Store, StoreError, leaf_hash};

use super::{db, memory};
use crate::common::{at, begin, event};

async fn record(store: &Store, action: &str, subject: &str) {
    begin(store).await.commit(event(action, subject)).await.unwrap();
}

#[tokio::test]
async fn a_record_is_canonical_json_with_its_sequence_and_hash() {
    let store = memory().await;
    let mut given = event("secret.create", "secret/äö\"");
    given.after = serde_json::json!({"b": 1, "a": [true, null, 0.5]});
    given.request_id = Some("req_1".to_owned());
    begin(&store).await.commit(given).await.unwrap();
    let rows = store.read().await.unwrap().audit_export(0, 10).await.unwrap();
    assert_eq!(
        rows[0].record,
        "{\"action\":\"secret.create\",\"actor\":\"system:test\",\"after\":{\"a\":[true,null,0.5],\"b\":1},\"before\":null,\
         \"epoch\":null,\"outcome\":\"done\",\"request_id\":\"req_1\",\"rotation_id\":null,\"sequence\":1,\"source\":\"local\",\
         \"subject\":\"secret/äö\\\"\",\"time\":\"2025-11-24T16:00:00.000Z\"}"
    );
    assert_eq!(rows[0].leaf, leaf_hash(rows[0].record.as_bytes()));
}

#[test]
fn the_leaf_hash_is_the_one_of_rfc_9162() {
    // SHA-256 of one zero byte: the leaf of an empty record.
    let hex: String = leaf_hash(b"").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

#[tokio::test]
async fn an_event_that_is_not_committed_leaves_no_gap() {
    let store = memory().await;
    record(&store, "a", "x").await;
    drop(begin(&store).await);
    record(&store, "b", "x").await;
    let read = store.read().await.unwrap();
    let sequences: Vec<_> = read.audit_export(0, 10).await.unwrap().iter().map(|row| row.sequence).collect();
    assert_eq!(sequences, [1, 2]);
    let report = read.verify_audit().await.unwrap();
    assert_eq!((report.size, report.sound, report.fault), (2, 2, None));
}

#[tokio::test]
async fn filters_and_pages() {
    let store = memory().await;
    for number in 0..25 {
        let mut given = event(if number % 2 == 0 { "secret.create" } else { "route.update" }, "route/a");
        given.time = at(number);
        if number == 7 {
            (given.actor, given.subject) = ("token:ops".to_owned(), "route/b".to_owned());
        }
        begin(&store).await.commit(given).await.unwrap();
    }
    let read = store.read().await.unwrap();
    let some = |text: &str| Some(text.to_owned());
    let table = [
        (AuditFilter::default(), 25),
        (AuditFilter { action: some("secret.create"), ..Default::default() }, 13),
        (AuditFilter { actor: some("token:ops"), ..Default::default() }, 1),
        (AuditFilter { actor: some("token:ops"), action: some("secret.create"), ..Default::default() }, 0),
        (AuditFilter { subject: some("route/b"), ..Default::default() }, 1),
        (AuditFilter { from: Some(at(5)), to: Some(at(8)), ..Default::default() }, 3),
    ];
    for (filter, count) in table {
        let mut seen = Vec::new();
        let mut page = Page { limit: 4, cursor: None };
        loop {
            let listed = read.audit(&filter, &page).await.unwrap();
            seen.extend(listed.items.iter().map(|row| row.sequence));
            page.cursor = listed.next;
            if page.cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), count, "{filter:?}");
        assert!(seen.is_sorted_by(|one, next| one > next), "the latest first, each once");
    }
    let bad = read.audit(&AuditFilter::default(), &Page { limit: 4, cursor: Some("x".to_owned()) }).await;
    assert!(matches!(bad, Err(StoreError::BadCursor)));
    assert_eq!(
        read.audit_export(20, 3).await.unwrap().iter().map(|row| row.sequence).collect::<Vec<_>>(),
        [21, 22, 23]
    );
}

/// A way to tamper with one row once the guards are gone; `{n}` is its sequence.
const TAMPERING: [&str; 15] = [
    "UPDATE audit SET record = replace(record, 'system:test', 'system:evil') WHERE sequence = {n}",
    "UPDATE audit SET record = record || ' ' WHERE sequence = {n}",
    "UPDATE audit SET record = '' WHERE sequence = {n}",
    "UPDATE audit SET leaf = x'0000000000000000000000000000000000000000000000000000000000000000' WHERE sequence = {n}",
    "UPDATE audit SET leaf = x'' WHERE sequence = {n}",
    "UPDATE audit SET actor = 'system:evil' WHERE sequence = {n}",
    "UPDATE audit SET action = 'other' WHERE sequence = {n}",
    "UPDATE audit SET subject = 'other' WHERE sequence = {n}",
    "UPDATE audit SET at = at + 1 WHERE sequence = {n}",
    "UPDATE audit SET sequence = sequence + 1000 WHERE sequence = {n}",
    "UPDATE audit SET sequence = -sequence WHERE sequence = {n}",
    "DELETE FROM audit WHERE sequence = {n}",
    "UPDATE audit SET record = (SELECT record FROM audit WHERE sequence = {n} % 20 + 1), \
     leaf = (SELECT leaf FROM audit WHERE sequence = {n} % 20 + 1) WHERE sequence = {n}",
    "INSERT INTO audit SELECT 21, at, actor, action, subject, record, leaf FROM audit WHERE sequence = {n}",
    "UPDATE audit SET record = CAST(x'ff' AS TEXT) WHERE sequence = {n}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_to_one_row_is_found(kind in 0..TAMPERING.len(), sequence in 1..=20_i64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let db = db().await;
            for number in 0..20 {
                record(&db.store, "test.change", &format!("test/{number}")).await;
            }
            let sound = db.store.read().await.unwrap().verify_audit().await.unwrap();
            assert_eq!((sound.size, sound.sound, sound.fault), (20, 20, None));

            db.drop_guards("audit", &["audit_is_numbered", "audit_is_fixed", "audit_stays"]).await;
            db.raw(&TAMPERING[kind].replace("{n}", &sequence.to_string())).await.unwrap();
            let report = db.store.read().await.unwrap().verify_audit().await.unwrap();
            // An added row is found at the end, anything else where it was done.
            let first = if TAMPERING[kind].starts_with("INSERT") { 21 } else { sequence };
            assert_eq!(report.fault.map(|fault| fault.sequence), Some(first), "{}", TAMPERING[kind]);
            assert_eq!(report.sound, first - 1);
        });
    }
}
