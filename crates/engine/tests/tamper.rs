//! Rows that were changed outside Keyroll are noticed, make their secret unusable, and are reported.
#![allow(clippy::unwrap_used, reason = "functions that only tests call")]

mod common;

use common::{House, eventually, quick, sent, spec, unchecked};
use model::secret::Limits;
use model::snapshot::Unusable;

async fn house() -> House {
    let house = House::in_file(quick()).await;
    house.secret("one", "value-of-one").await;
    house.secret("two", "value-of-two").await;
    let revision = house.routes([spec("first", "one"), spec("second", "two")]).await;
    let snapshot = house.serves(revision).await;
    assert_eq!(sent(&snapshot, "first", "production").unwrap(), "Bearer value-of-one");
    house
}

fn is_closed(snapshot: &model::snapshot::Snapshot, route: &str) -> bool {
    matches!(sent(snapshot, route, "production"), Err(Unusable::Sealed(_)))
}

#[tokio::test]
async fn a_changed_value_closes_its_routes_alone_and_a_mended_one_opens_them() {
    let house = house().await;
    house.tamper(
        "CREATE TABLE kept AS SELECT * FROM secrets; \
         UPDATE secrets SET ciphertext = zeroblob(length(ciphertext)) WHERE name = 'one'",
    );
    let after = house.shows("the first route closed", |snapshot| is_closed(snapshot, "first")).await;
    assert_eq!(sent(&after, "second", "production").unwrap(), "Bearer value-of-two");
    house.reports(&["one"]).await;
    house.tamper("UPDATE secrets SET ciphertext = (SELECT ciphertext FROM kept WHERE name = 'one') WHERE name = 'one'");
    let after = house.shows("the first route open", |snapshot| !is_closed(snapshot, "first")).await;
    assert_eq!(sent(&after, "first", "production").unwrap(), "Bearer value-of-one");
    house.reports(&[]).await;
}

#[tokio::test]
async fn swapped_values_close_both() {
    let house = house().await;
    house.tamper(
        "CREATE TABLE kept AS SELECT * FROM secrets; \
         UPDATE secrets SET ciphertext = (SELECT ciphertext FROM kept WHERE kept.name <> secrets.name)",
    );
    house.shows("both closed", |snapshot| is_closed(snapshot, "first") && is_closed(snapshot, "second")).await;
    house.reports(&["one", "two"]).await;
    let house = house.restart().await;
    let after = house.snapshot.load_full().unwrap();
    assert!(is_closed(&after, "first") && is_closed(&after, "second"), "nor are they served after a restart");
}

#[tokio::test]
async fn widened_limits_close() {
    let name = || "one".parse().unwrap();
    for (limits, expected) in [
        (r#"'["evil.example.com"]'"#, Unusable::NotAllowed(name())),
        (r#"'["*"]'"#, Unusable::Sealed(name())),
        ("'no json'", Unusable::Sealed(name())),
    ] {
        let house = house().await;
        house.tamper(&format!("UPDATE secrets SET allowed_hosts = {limits} WHERE name = 'one'"));
        house.reports(&["one"]).await;
        let after = house.shows("the first route closed", |snapshot| is_closed(snapshot, "first")).await;
        assert_eq!(sent(&after, "second", "production").unwrap(), "Bearer value-of-two");
        let house = house.restart().await;
        let after = house.snapshot.load_full().unwrap();
        assert_eq!(sent(&after, "first", "production"), Err(expected), "{limits}");
        assert_eq!(sent(&after, "second", "production").unwrap(), "Bearer value-of-two", "{limits}");
        house.reports(&["one"]).await;
    }
}

#[tokio::test]
async fn a_row_that_can_be_read_again_opens_again() {
    let house = house().await;
    house.tamper("UPDATE secrets SET allowed_hosts = 'no json' WHERE name = 'one'");
    let house = house.restart().await;
    house.reports(&["one"]).await;
    let after = house.serves(house.route(spec("third", "one")).await).await;
    assert!(is_closed(&after, "first") && is_closed(&after, "third"));
    house.tamper("UPDATE secrets SET allowed_hosts = NULL WHERE name = 'one'");
    let after = house.shows("the routes open", |snapshot| !is_closed(snapshot, "first")).await;
    assert_eq!(sent(&after, "third", "production").unwrap(), "Bearer value-of-one");
    house.reports(&[]).await;
    house.stays_sound().await;
}

#[tokio::test]
async fn limits_that_are_put_back_whole_close() {
    let house = house().await;
    // What was once sealed opens: only what is served knows better.
    house.tamper("CREATE TABLE kept AS SELECT * FROM secrets");
    let narrow =
        Limits { environments: Some(["production".parse().unwrap()].into()), allowed_hosts: None, sensitive: true };
    house.serves(house.edit_secret("one", "", Some(narrow)).await).await;
    house.stays_sound().await;
    let put_back = "environments = (SELECT environments FROM kept WHERE name = 'one'), \
         wrapped_dek = (SELECT wrapped_dek FROM kept WHERE name = 'one')";
    house.tamper(&format!("UPDATE secrets SET {put_back} WHERE name = 'one'"));
    house.reports(&["one"]).await;
    house.shows("the first route closed", |snapshot| is_closed(snapshot, "first")).await;
}

#[tokio::test]
async fn a_value_that_is_destroyed_behind_the_back_closes() {
    let house = house().await;
    house.tamper(
        "DELETE FROM route_references; UPDATE secrets SET state = 'deleted', deleted_at = 1, kek_id = NULL, \
         wrapped_dek = NULL, ciphertext = NULL WHERE name = 'one'",
    );
    house.reports(&["one"]).await;
    house.shows("the first route closed", |snapshot| is_closed(snapshot, "first")).await;
    let house = house.restart().await;
    house.reports(&["one"]).await;
    let after = house.snapshot.load_full().unwrap();
    assert_eq!(sent(&after, "first", "production"), Err(Unusable::Missing("one".parse().unwrap())));
    assert_eq!(sent(&after, "second", "production").unwrap(), "Bearer value-of-two");
}

#[tokio::test]
async fn a_secret_that_no_route_names_is_checked_too() {
    let house = house().await;
    house.garbage("unnamed").await;
    house.reports(&["unnamed"]).await;
    let after = house.snapshot.load_full().unwrap();
    assert_eq!(sent(&after, "first", "production").unwrap(), "Bearer value-of-one");
}

#[tokio::test]
async fn a_check_at_the_start_is_enough_to_notice() {
    let house = House::in_file(unchecked()).await;
    house.secret("one", "value-of-one").await;
    house.serves(house.route(spec("first", "one")).await).await;
    house.tamper("UPDATE secrets SET sensitive = 0; UPDATE audit SET record = replace(record, 'done', 'gone') WHERE sequence = 2");
    let house = house.restart().await;
    house.reports(&["one"]).await;
    let standing = house.running.standing();
    let fault = eventually("an audit fault", async || standing.audit_fault()).await;
    assert_eq!(fault, "audit event 2 does not match its hash");
}

#[tokio::test]
async fn a_missing_audit_event_is_reported_and_a_whole_audit_is_not() {
    let house = house().await;
    house.stays_sound().await;
    let standing = house.running.standing();
    house.tamper("DELETE FROM audit WHERE sequence = 3");
    let fault = eventually("an audit fault", async || standing.audit_fault()).await;
    assert_eq!(fault, "audit event 3 is missing");
}
