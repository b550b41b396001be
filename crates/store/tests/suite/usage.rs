//! Tallies: counts by minute, totals, last uses.

use model::time::{Span, Timestamp};
use model::usage::{Drained, Outcome, TallyKey};
use store::{SecretUsage, Store, Telemetry};

use super::{db, memory};
use crate::common::{NOW, at, begin, commit, furnish, route};

fn key(secret: &str, environment: &str) -> TallyKey {
    TallyKey {
        secret: secret.parse().unwrap(),
        route: "payments".parse().unwrap(),
        environment: environment.parse().unwrap(),
    }
}

async fn add(store: &Store, key: TallyKey, millis: i64, counts: [u64; 6], last_used: Option<Timestamp>) {
    let rows = vec![(key, Drained { counts, last_used })];
    store.record(Telemetry::Tallies { at: at(millis), rows }).await.unwrap();
}

#[tokio::test]
async fn counts_add_up_and_the_latest_use_stays() {
    let db = db().await;
    furnish(&db.store).await;
    let store = &db.store;
    add(store, key("stripe_api_key", "staging"), 10, [3, 1, 0, 0, 0, 0], Some(at(9))).await;
    add(store, key("stripe_api_key", "staging"), 20, [2, 0, 0, 0, 0, 0], Some(at(4))).await;
    add(store, key("stripe_api_key", "production"), 60_030, [1, 0, 0, 0, 0, 7], Some(at(60_025))).await;
    add(store, key("stripe_api_key", "production"), 60_040, [0, 0, 2, 0, 0, 0], None).await;
    assert_eq!(*store.changes().borrow(), 1, "telemetry is no change");

    let db = db.reopen().await;
    let read = db.store.read().await.unwrap();
    assert_eq!(
        read.last_used("stripe_api_key").await.unwrap(),
        SecretUsage { last_used_at: Some(at(60_025)), count: 16 }
    );
    assert_eq!(read.last_used("partner_api_key").await.unwrap(), SecretUsage::default());
    let row = read.secret("stripe_api_key").await.unwrap().unwrap();
    assert_eq!((row.last_used_at, row.use_count), (Some(at(60_025)), 16));
    let by_place: Vec<_> =
        read.references("stripe_api_key").await.unwrap().iter().map(|row| row.last_used_at).collect();
    assert_eq!(by_place, [Some(at(60_025)), Some(at(9))]);
}

#[tokio::test]
async fn a_secret_is_dead_from_the_first_rejection_on() {
    let db = db().await;
    furnish(&db.store).await;
    let store = &db.store;
    let dead =
        async |store: &Store| store.read().await.unwrap().secret("stripe_api_key").await.unwrap().unwrap().dead_since;
    add(store, key("stripe_api_key", "staging"), 10, [3, 0, 1, 1, 1, 1], Some(at(9))).await;
    assert_eq!(dead(store).await, None, "no other outcome says so");
    add(store, key("stripe_api_key", "production"), 70_000, [0, 2, 0, 0, 0, 0], None).await;
    assert_eq!(dead(store).await, Some(at(70_000)));
    add(store, key("stripe_api_key", "staging"), 90_000, [0, 1, 0, 0, 0, 0], None).await;
    add(store, key("stripe_api_key", "staging"), 95_000, [9, 0, 0, 0, 0, 0], None).await;
    assert_eq!(dead(store).await, Some(at(70_000)), "later ones, and accepted ones, change nothing");
    // Another node saw it sooner and was slower to write.
    add(store, key("stripe_api_key", "staging"), 65_000, [0, 1, 0, 0, 0, 0], None).await;
    store.record(Telemetry::ForgetTallies { before: at(i64::from(u32::MAX)) }).await.unwrap();
    let db = db.reopen().await;
    assert_eq!(dead(&db.store).await, Some(at(65_000)));
    let other = db.store.read().await.unwrap().secret("partner_api_key").await.unwrap().unwrap();
    assert_eq!(other.dead_since, None);
}

#[tokio::test]
async fn what_was_counted_before_the_column_came_is_read_once() {
    let db = db().await;
    furnish(&db.store).await;
    add(&db.store, key("stripe_api_key", "staging"), 10, [3, 1, 0, 0, 0, 0], None).await;
    add(&db.store, key("stripe_api_key", "staging"), 70_000, [0, 1, 0, 0, 0, 0], None).await;
    add(&db.store, key("partner_api_key", "staging"), 10, [3, 0, 1, 0, 0, 0], None).await;
    db.raw("UPDATE secret_usage SET dead_since = NULL").await.unwrap();
    let migration = include_str!("../../migrations/0006_schedule.sql");
    let update = migration.split_once("UPDATE").unwrap().1.trim_end().trim_end_matches(';');
    db.raw(&format!("UPDATE{update}")).await.unwrap();
    let read = db.store.read().await.unwrap();
    let dead = async |name: &str| read.secret(name).await.unwrap().unwrap().dead_since;
    let minute = Timestamp::from_millis(at(10).as_millis() / 60_000 * 60_000);
    assert_eq!((dead("stripe_api_key").await, dead("partner_api_key").await), (Some(minute), None));
}

#[tokio::test]
async fn usage_by_steps() {
    let store = memory().await;
    let minute = 60_000;
    let start = Timestamp::from_millis(NOW / 3_600_000 * 3_600_000 + 3_600_000);
    let after = |minutes: i64| start.plus(Span::from_millis(minutes * minute));
    for minutes in [0, 1, 59, 60] {
        let rows = vec![(key("a", "staging"), Drained { counts: [1, 0, 0, 0, 2, 0], last_used: Some(after(minutes)) })];
        store.record(Telemetry::Tallies { at: after(minutes), rows }).await.unwrap();
    }
    let read = store.read().await.unwrap();
    let counts = async |from: i64, to: i64, step: Span| {
        let buckets = read.usage("a", after(from), after(to), step).await.unwrap();
        buckets.iter().map(|b| (b.at, b.outcome, b.count)).collect::<Vec<_>>()
    };
    let hour = [
        (start, Outcome::Accepted, 3),
        (start, Outcome::Failed, 6),
        (after(60), Outcome::Accepted, 1),
        (after(60), Outcome::Failed, 2),
    ];
    assert_eq!(counts(0, 61, Span::from_hours(1)).await, hour);
    assert_eq!(counts(0, 60, Span::from_hours(1)).await, hour[..2], "`to` is not included");
    assert_eq!(counts(1, 2, Span::default()).await.len(), 2, "no step is shorter than a minute");
    assert!(read.usage("b", start, after(61), Span::from_hours(1)).await.unwrap().is_empty());

    store.record(Telemetry::ForgetTallies { before: after(60) }).await.unwrap();
    let read = store.read().await.unwrap();
    assert_eq!(read.usage("a", start, after(61), Span::from_hours(1)).await.unwrap().len(), 2);
    assert_eq!(read.last_used("a").await.unwrap().count, 12, "totals stay");
}

#[tokio::test]
async fn counts_outlive_what_they_count() {
    let store = memory().await;
    furnish(&store).await;
    let mut tx = begin(&store).await;
    tx.update_route(&route("payments", "partner_api_key"), "update", at(1)).await.unwrap();
    tx.delete_secret("stripe_api_key", at(1)).await.unwrap();
    commit(tx).await;
    add(&store, key("stripe_api_key", "staging"), 10, [1, 0, 0, 0, 0, 0], Some(at(0))).await;
    assert_eq!(store.read().await.unwrap().last_used("stripe_api_key").await.unwrap().count, 1);
}

#[tokio::test]
async fn answers_of_one_route_by_environment_and_outcome() {
    let db = db().await;
    furnish(&db.store).await;
    let store = &db.store;
    let minute = 60_000;
    let start = Timestamp::from_millis(NOW / minute * minute);
    let after = |minutes: i64| start.plus(Span::from_millis(minutes * minute));
    let elsewhere = TallyKey { route: "refunds".parse().unwrap(), ..key("stripe_api_key", "staging") };
    for (key, minutes, counts) in [
        (key("stripe_api_key", "staging"), 0, [3, 0, 0, 0, 0, 0]),
        (key("stripe_api_key", "staging"), 2, [1, 5, 0, 0, 0, 0]),
        (key("stripe_api_key", "production"), 2, [0, 0, 0, 0, 0, 4]),
        (key("stripe_api_key", "staging"), 3, [0, 7, 0, 0, 0, 0]),
        (key("partner_api_key", "staging"), 1, [9, 0, 0, 0, 0, 0]),
        (elsewhere, 1, [9, 0, 0, 0, 0, 0]),
    ] {
        let rows = vec![(key, Drained { counts, last_used: Some(after(minutes)) })];
        store.record(Telemetry::Tallies { at: after(minutes).plus(Span::from_millis(7)), rows }).await.unwrap();
    }
    let read = store.read().await.unwrap();
    let told = async |from: i64, to: i64| {
        // Anywhere within the minutes.
        let (from, to) = (after(from).plus(Span::from_secs(59)), after(to).plus(Span::from_millis(1)));
        let all = read.answers("stripe_api_key", "payments", from, to).await.unwrap();
        let row = |one: store::Answered| (one.environment.to_string(), one.outcome, one.count, one.first, one.last);
        all.into_iter().map(row).collect::<Vec<_>>()
    };
    let staging = |outcome, count, first, last| ("staging".to_owned(), outcome, count, after(first), after(last));
    let production = ("production".to_owned(), Outcome::Unreachable, 4, after(2), after(2));
    assert_eq!(
        told(0, 3).await,
        [production.clone(), staging(Outcome::Accepted, 4, 0, 2), staging(Outcome::Rejected, 12, 2, 3)]
    );
    assert_eq!(
        told(1, 2).await,
        [production, staging(Outcome::Accepted, 1, 2, 2), staging(Outcome::Rejected, 5, 2, 2)]
    );
    assert_eq!(told(4, 9).await, []);
    let last = read.last_sent("stripe_api_key", "payments").await.unwrap();
    assert_eq!(last, [("production".parse().unwrap(), after(2)), ("staging".parse().unwrap(), after(3))]);
    assert!(read.last_sent("stripe_api_key", "other").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_route_stands_since_the_latest_change_of_itself_or_of_a_secret_that_it_names() {
    let store = memory().await;
    furnish(&store).await;
    let since = async || store.read().await.unwrap().route_stands_since("payments").await.unwrap();
    let position = async || store.read().await.unwrap().position().revision;
    let first = since().await.unwrap();
    let mut tx = begin(&store).await;
    tx.update_route(&route("payments", "partner_api_key"), "update", at(1)).await.unwrap();
    commit(tx).await;
    assert_eq!(since().await, Some(position().await));
    assert!(since().await > Some(first));
    let stands = since().await;
    let mut tx = begin(&store).await;
    tx.delete_secret("stripe_api_key", at(1)).await.unwrap();
    commit(tx).await;
    assert_eq!(since().await, stands, "what the route does not name does not change it");
    assert_eq!(store.read().await.unwrap().route_stands_since("gone").await.unwrap(), None);
}
