//! Rotations: their logs and rows, what the database refuses about them, and what gateways counted.

use std::collections::BTreeSet;

use model::rotation::{Entry, Event, Planned, Rotation, Wish, mentions_of, named_environments, resolve};
use model::snapshot::{TrialDrained, TrialKey};
use store::{Detail, NewRotation, Page, RotationFilter, Rule, Store, StoreError, Telemetry};

use super::db;
use crate::common::{Db, at, begin, commit, furnish, refused, sealed, secret};

/// A furnished database with a successor for the secret that a route names.
async fn house() -> Db {
    let db = db().await;
    furnish(&db.store).await;
    let mut tx = begin(&db.store).await;
    tx.insert_secret(&secret("stripe_api_key_v2"), &sealed("stripe_api_key_v2")).await.unwrap();
    commit(tx).await;
    db
}

async fn first(store: &Store) -> Entry {
    let tx = store.read().await.unwrap();
    let outgoing = "stripe_api_key".parse().unwrap();
    let specs: Vec<_> = tx.routes_naming("stripe_api_key").await.unwrap().into_iter().map(|row| row.spec).collect();
    let named: BTreeSet<_> = named_environments(&outgoing, &specs);
    let planned = Planned {
        plan: resolve(&Wish::default(), &tx.environments().await.unwrap(), &named).unwrap(),
        named_at: mentions_of(&outgoing, &specs),
        outgoing,
        incoming: "stripe_api_key_v2".parse().unwrap(),
        kind: "api_key".parse().unwrap(),
        incoming_is_new: true,
    };
    Entry { number: 1, at: at(0), actor: "token:ops".to_owned(), event: Event::Planned(Box::new(planned)) }
}

async fn start(store: &Store, id: &str) -> Result<Rotation, StoreError> {
    let first = first(store).await;
    let mut tx = begin(store).await;
    let rotation = tx.insert_rotation(&NewRotation { id: id.to_owned(), salt: u64::MAX, first }).await?;
    commit(tx).await;
    Ok(rotation)
}

#[tokio::test]
async fn a_log_grows_line_by_line_and_says_the_same_when_it_is_read() {
    let db = house().await;
    let mut rotation = start(&db.store, "rot_1").await.unwrap();
    let mut tx = begin(&db.store).await;
    tx.log_rotation(&mut rotation, [Event::ProbeSkipped, Event::Advanced], at(5)).await.unwrap();
    let revision = commit(tx).await.revision;
    let tx = db.store.read().await.unwrap();
    let logged = tx.rotation("rot_1").await.unwrap().unwrap();
    assert_eq!((logged.rotation, logged.log.len()), (rotation.clone(), 3));
    assert_eq!(logged.sequences[1], logged.sequences[2], "one change has one audit event");
    let row = tx.live_rotation_of("stripe_api_key").await.unwrap().unwrap();
    assert_eq!((row.salt, row.state.as_str(), row.version), (u64::MAX, "waiting", 3));
    assert_eq!(tx.changes_since(revision - 1).await.unwrap().rotations, [row]);
    assert!(tx.rotation("rot_2").await.unwrap().is_none());
    // What was read before somebody else added a line adds none.
    let mut late = Rotation::read("rot_1", &logged.log[..2]).unwrap();
    let mut tx = begin(&db.store).await;
    assert!(tx.log_rotation(&mut late, [Event::Advanced], at(6)).await.is_err());
}

#[tokio::test]
async fn a_secret_has_one_live_rotation_and_both_parts_stay() {
    let db = house().await;
    let mut rotation = start(&db.store, "rot_1").await.unwrap();
    refused(start(&db.store, "rot_2").await, Rule::Taken);
    for name in ["stripe_api_key_v2", "stripe_api_key"] {
        let mut tx = begin(&db.store).await;
        let found = tx.delete_secret(name, at(9)).await;
        let rule = match &found {
            Err(StoreError::Refused(rule)) => *rule,
            other => panic!("{other:?}"),
        };
        assert!([Rule::SecretInRotation, Rule::SecretIsReferenced].contains(&rule), "{rule:?}");
    }
    let mut tx = begin(&db.store).await;
    tx.log_rotation(&mut rotation, [Event::Abandoned { note: String::new() }], at(9)).await.unwrap();
    commit(tx).await;
    let mut tx = begin(&db.store).await;
    tx.delete_secret("stripe_api_key_v2", at(10)).await.unwrap();
    commit(tx).await;
    refused(start(&db.store, "rot_3").await, Rule::SecretNotFound);
}

#[tokio::test]
async fn nobody_rewrites_a_log_from_outside() {
    let db = house().await;
    start(&db.store, "rot_1").await.unwrap();
    for (sql, rule) in [
        ("UPDATE rotation_events SET actor = 'x'", "rotation-events-are-append-only"),
        ("DELETE FROM rotation_events", "rotation-events-are-append-only"),
        ("DELETE FROM rotations", "rotations-go-forward"),
        ("UPDATE rotations SET outgoing = incoming", "rotations-go-forward"),
        ("UPDATE rotations SET version = 0", "rotations-go-forward"),
        (
            "INSERT INTO rotation_events (rotation, number, at, actor, sequence, event) VALUES ('rot_1', 3, 0, '', 1, '{}')",
            "rotation-events-are-append-only",
        ),
        (
            "UPDATE secrets SET state = 'deleted', deleted_at = 1, kek_id = NULL, wrapped_dek = NULL, ciphertext = NULL \
          WHERE name = 'stripe_api_key_v2'",
            "secret-in-rotation",
        ),
    ] {
        assert_eq!(db.raw(sql).await, Err(rule.to_owned()), "{sql}");
    }
    // What the guards let through, the seals find.
    db.raw("UPDATE rotations SET traffic = '{\"canary\":null,\"shielded\":{\"production\":[\"payments\"]}}'")
        .await
        .unwrap();
    let tx = db.store.read().await.unwrap();
    assert!(matches!(tx.rotation("rot_1").await, Err(StoreError::Tampered { .. })));
    assert!(tx.changes_since(0).await.unwrap().rotations.is_empty(), "traffic goes by the templates alone");
    assert_eq!(tx.tampered_rows().await.unwrap(), ["rotation rot_1"]);
}

#[tokio::test]
async fn a_log_without_its_end_is_not_read() {
    let db = house().await;
    let mut rotation = start(&db.store, "rot_1").await.unwrap();
    let mut tx = begin(&db.store).await;
    tx.log_rotation(&mut rotation, [Event::ProbeSkipped], at(5)).await.unwrap();
    commit(tx).await;
    db.drop_guards("rotation_events", &["rotation_events_stay"]).await;
    assert_eq!(db.raw("DELETE FROM rotation_events WHERE number = 2").await, Ok(1));
    let tx = db.store.read().await.unwrap();
    assert!(matches!(tx.rotation("rot_1").await, Err(StoreError::Tampered { .. })));
}

#[tokio::test]
async fn counts_add_up_and_are_kept_by_the_minute_later() {
    let db = house().await;
    start(&db.store, "rot_1").await.unwrap();
    let key = TrialKey {
        rotation: "rot_1".to_owned(),
        environment: "production".parse().unwrap(),
        route: "payments".parse().unwrap(),
        upstream: "https://api.stripe.com".to_owned(),
    };
    let add = async |millis: i64, counts: [u64; 10], needed: Option<i64>| {
        let rows = vec![(key.clone(), TrialDrained { counts, needed_at: needed.map(at) })];
        db.store.record(Telemetry::Trials { at: at(millis), rows }).await.unwrap();
    };
    add(0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], Some(3)).await;
    add(400, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], None).await;
    add(7_000, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], Some(7)).await;
    add(200_000, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], None).await;
    let counts =
        async || db.store.read().await.unwrap().rotation_counts("rot_1", at(0), Detail::ByRoute).await.unwrap();
    let seconds = counts().await;
    assert_eq!(seconds.len(), 3);
    assert_eq!(seconds[0].counted, TrialDrained { counts: [2, 2, 3, 4, 5, 6, 7, 8, 9, 10], needed_at: Some(at(3)) });
    for _ in 0..2 {
        db.store.record(Telemetry::CompactTrials { before: at(130_000) }).await.unwrap();
        let minutes = counts().await;
        assert_eq!(minutes.len(), 2, "{minutes:?}");
        assert_eq!(
            minutes[0].counted,
            TrialDrained { counts: [3, 2, 3, 4, 5, 6, 7, 8, 9, 10], needed_at: Some(at(7)) }
        );
    }
    // A second route of the same upstream: one row for the verdict, two for people.
    let other = TrialKey { route: "refunds".parse().unwrap(), ..key.clone() };
    let rows = vec![(other, TrialDrained { counts: [5, 0, 0, 0, 0, 0, 0, 0, 0, 0], needed_at: Some(at(200_001)) })];
    db.store.record(Telemetry::Trials { at: at(200_000), rows }).await.unwrap();
    assert_eq!(counts().await.len(), 3);
    let tx = db.store.read().await.unwrap();
    let summed = tx.rotation_counts("rot_1", at(0), Detail::Summed).await.unwrap();
    let last = summed.last().unwrap().counted;
    assert_eq!((summed.len(), last.counts[0], last.needed_at), (2, 6, Some(at(200_001))));
    drop(tx);
    db.store.record(Telemetry::ForgetTrials { before: at(900_000_000) }).await.unwrap();
    assert_eq!(counts().await.len(), 3, "a live rotation needs them");
}

#[tokio::test]
async fn lists_page_from_the_latest_and_filter() {
    let db = house().await;
    for number in 0..5 {
        let id = format!("rot_{number}");
        let mut rotation = start(&db.store, &id).await.unwrap();
        if number < 4 {
            let mut tx = begin(&db.store).await;
            tx.log_rotation(&mut rotation, [Event::Abandoned { note: String::new() }], at(9)).await.unwrap();
            commit(tx).await;
        }
    }
    let tx = db.store.read().await.unwrap();
    let (mut page, mut seen) = (Page { limit: 2, cursor: None }, Vec::new());
    loop {
        let found = tx.rotations(&RotationFilter::default(), &page).await.unwrap();
        seen.extend(found.items.into_iter().map(|row| row.id));
        match found.next {
            Some(next) => page.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, ["rot_4", "rot_3", "rot_2", "rot_1", "rot_0"]);
    let live = RotationFilter { live: Some(true), ..RotationFilter::default() };
    assert_eq!(tx.rotations(&live, &Page::default()).await.unwrap().items.len(), 1);
    let other = RotationFilter { secret: Some("partner_api_key".parse().unwrap()), ..RotationFilter::default() };
    assert!(tx.rotations(&other, &Page::default()).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn what_is_watched_for_days_is_kept_by_the_hour() {
    let db = house().await;
    let mut rotation = start(&db.store, "rot_1").await.unwrap();
    let key = TrialKey {
        rotation: "rot_1".to_owned(),
        environment: "production".parse().unwrap(),
        route: "payments".parse().unwrap(),
        upstream: "https://api.stripe.com".to_owned(),
    };
    let (minute, hour) = (60_000, 3_600_000);
    for minutes in 0..300 {
        let rows = vec![(key.clone(), TrialDrained { counts: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], needed_at: None })];
        db.store.record(Telemetry::Trials { at: at(minutes * minute), rows }).await.unwrap();
    }
    let counts = async || {
        db.store.record(Telemetry::CompactTrials { before: at(10 * hour) }).await.unwrap();
        let tx = db.store.read().await.unwrap();
        let rows = tx.rotation_counts("rot_1", at(0), Detail::Summed).await.unwrap();
        (rows.len(), rows.iter().map(|row| row.counted.counts[0]).sum::<u64>())
    };
    assert_eq!(counts().await, (300, 300), "the steps of a canary are told apart for as long as it lasts");
    let mut tx = begin(&db.store).await;
    tx.log_rotation(&mut rotation, [Event::ProbeSkipped], at(0)).await.unwrap();
    for environment in rotation.plan.stages.clone() {
        let healthy = serde_json::from_str(r#"{"basis": "unsent"}"#).unwrap();
        tx.promote_rotation(&mut rotation, &environment.environment, healthy, &[], at(30 * minute)).await.unwrap();
        if rotation.word() == "soaking" {
            tx.log_rotation(&mut rotation, [Event::Advanced], at(30 * minute)).await.unwrap();
        }
    }
    commit(tx).await;
    assert_eq!(rotation.word(), "watching");
    let (rows, sum) = counts().await;
    assert_eq!(sum, 300);
    assert!((60..=70).contains(&rows), "the first hour by the minute, the others whole: {rows}");
    assert_eq!(counts().await, (rows, 300), "once is enough");
}
