//! What traffic counts reaches the database once, at the right moment, and through an outage.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "functions that only tests call")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{House, bound, eventually, quick, spec};
use model::time::{Clock, Span, Timestamp};
use model::usage::{Outcome, Tally};
use store::{Bucket, IdempotencyRecord, SecretUsage, Store, Telemetry};

async fn tally(house: &House) -> Arc<Tally> {
    house.secret("one", "value-of-one").await;
    let snapshot = house.serves(house.route(spec("payments", "one")).await).await;
    Arc::clone(&bound(&snapshot, "payments", "production").tallies[0].1)
}

async fn last_used(store: &Store) -> SecretUsage {
    store.read().await.unwrap().last_used("one").await.unwrap()
}

async fn buckets(house: &House) -> Vec<Bucket> {
    let to = house.clock.now().plus(Span::from_days(1));
    let tx = house.store.read().await.unwrap();
    tx.usage("one", Timestamp::from_millis(0), to, Span::from_secs(60)).await.unwrap()
}

async fn counted(house: &House, count: i64) {
    eventually("the count is written", async || (last_used(&house.store).await.count >= count).then_some(())).await;
}

#[tokio::test]
async fn uses_are_written_once_with_their_moment() {
    let house = House::in_memory(quick()).await;
    let tally = tally(&house).await;
    let used = house.clock.now();
    tally.used(used);
    tally.ended(Outcome::Accepted);
    tally.ended(Outcome::Rejected);
    house.clock.advance(Span::from_millis(700));
    counted(&house, 2).await;
    tokio::time::sleep(quick().flush * 3).await;
    assert_eq!(last_used(&house.store).await, SecretUsage { last_used_at: Some(used), count: 2 });
    let buckets = buckets(&house).await;
    assert_eq!(buckets.len(), 2);
    assert!(buckets.iter().all(|bucket| bucket.at <= used && bucket.count == 1));
    assert_eq!((buckets[0].route.as_str(), buckets[0].environment.as_str()), ("payments", "production"));
}

#[tokio::test]
async fn an_outage_loses_nothing_and_shifts_nothing() {
    let house = House::in_file(quick()).await;
    let tally = tally(&house).await;
    house.tamper(
        "CREATE TRIGGER away BEFORE INSERT ON tallies BEGIN SELECT RAISE(ABORT, 'away'); END; \
         CREATE TRIGGER away_too BEFORE INSERT ON secret_usage BEGIN SELECT RAISE(ABORT, 'away'); END;",
    );
    let used = house.clock.now();
    for _ in 0..50 {
        tally.used(used);
        tally.ended(Outcome::Accepted);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    house.clock.advance(Span::from_hours(3));
    tokio::time::sleep(quick().flush * 3).await;
    assert_eq!(last_used(&house.store).await, SecretUsage::default());
    house.tamper("DROP TRIGGER away; DROP TRIGGER away_too;");
    counted(&house, 50).await;
    assert_eq!(last_used(&house.store).await, SecretUsage { last_used_at: Some(used), count: 50 });
    let buckets = buckets(&house).await;
    assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<i64>(), 50);
    assert!(buckets.iter().all(|bucket| bucket.at <= used), "never reported later than they happened");
}

#[tokio::test]
async fn a_use_that_nobody_can_count_any_more_is_written_too() {
    let house = House::in_memory(quick()).await;
    let tally = tally(&house).await;
    // A request that is still under way when its route is deleted.
    house.serves(house.delete_route("payments").await).await;
    tokio::time::sleep(quick().flush * 3).await;
    tally.used(house.clock.now());
    tally.ended(Outcome::Failed);
    drop(tally);
    counted(&house, 1).await;
}

#[tokio::test]
async fn the_end_of_the_process_writes_the_rest() {
    let mut pace = quick();
    pace.flush = Duration::from_secs(3_600);
    let house = House::in_memory(pace).await;
    let (tally, used) = (tally(&house).await, house.clock.now());
    tally.used(used);
    tally.ended(Outcome::Accepted);
    assert_eq!(last_used(&house.store).await, SecretUsage::default());
    let store = house.stop().await;
    assert_eq!(last_used(&store).await, SecretUsage { last_used_at: Some(used), count: 1 });
}

#[tokio::test]
async fn kept_answers_are_forgotten_after_a_day() {
    let house = House::in_memory(quick()).await;
    let record = |key: &str| IdempotencyRecord {
        owner: "tok_1".to_owned(),
        key: key.to_owned(),
        request: vec![1],
        status: 200,
        body: "{}".to_owned(),
        created_at: house.clock.now(),
    };
    let kept = async |key: &str| house.store.read().await.unwrap().idempotency("tok_1", key).await.unwrap();
    house.store.record(Telemetry::Remember(record("old"))).await.unwrap();
    house.clock.advance(Span::from_hours(23));
    house.store.record(Telemetry::Remember(record("new"))).await.unwrap();
    tokio::time::sleep(quick().retain * 3).await;
    assert!(kept("old").await.is_some());
    house.clock.advance(Span::from_hours(2));
    eventually("the old answer is gone", async || kept("old").await.is_none().then_some(())).await;
    assert!(kept("new").await.is_some());
}
