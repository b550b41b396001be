//! A commit reaches the snapshot, and only what changed is compiled again.
#![allow(clippy::unwrap_used, reason = "functions that only tests call")]

mod common;

use std::sync::Arc;
use std::time::Instant;

use common::{House, bound, eventually, quick, sent, spec, unchecked};
use model::secret::Limits;
use model::signing::Signing;
use model::snapshot::Unusable;
use model::time::{Clock, Span};
use serde_json::json;

#[tokio::test]
async fn an_empty_database_is_served_too() {
    let house = House::in_memory(quick()).await;
    let snapshot = house.serves(2).await;
    assert_eq!((snapshot.incarnation.as_str(), snapshot.revision), ("first-life", 2));
    assert_eq!(snapshot.default_environment.as_ref().unwrap().as_str(), "production");
    assert!(snapshot.routes.is_empty());
}

#[tokio::test]
async fn a_commit_reaches_the_snapshot() {
    let house = House::in_memory(quick()).await;
    house.secret("one", "value-of-one").await;
    let snapshot = house.serves(house.route(spec("payments", "one")).await).await;
    assert_eq!(sent(&snapshot, "payments", "production").unwrap(), "Bearer value-of-one");
    house.secret("two", "value-of-two").await;
    let snapshot = house.serves(house.route(spec("payments", "two")).await).await;
    assert_eq!(sent(&snapshot, "payments", "production").unwrap(), "Bearer value-of-two");
}

#[tokio::test]
async fn only_what_changed_is_compiled_again() {
    let house = House::in_memory(unchecked()).await;
    house.secret("one", "value-of-one").await;
    house.secret("two", "value-of-two").await;
    house.routes([spec("stays", "one"), spec("moves", "one")]).await;
    let before = house.serves(house.route(spec("edited", "two")).await).await;

    let mut staged = spec("moves", "one");
    staged["environments"]["staging"] = json!({"inject": {"headers": {"Authorization": "Bearer {{two}}"}}});
    let after = house.serves(house.route(staged).await).await;
    assert!(Arc::ptr_eq(&before.routes["stays"], &after.routes["stays"]));
    assert!(Arc::ptr_eq(&bound(&before, "moves", "production"), &bound(&after, "moves", "production")));
    assert!(!Arc::ptr_eq(&bound(&before, "moves", "staging"), &bound(&after, "moves", "staging")));
    assert_eq!(sent(&after, "moves", "staging").unwrap(), "Bearer value-of-two");
    assert_eq!(sent(&before, "moves", "staging").unwrap(), "Bearer value-of-one", "a snapshot never changes");

    // An edit of a secret touches the places where it takes effect.
    let before = after;
    let after = house.serves(house.edit_secret("two", "edited", None).await).await;
    assert!(Arc::ptr_eq(&before.routes["stays"], &after.routes["stays"]));
    assert!(Arc::ptr_eq(&bound(&before, "moves", "production"), &bound(&after, "moves", "production")));
    assert!(!Arc::ptr_eq(&bound(&before, "moves", "staging"), &bound(&after, "moves", "staging")));
    assert!(!Arc::ptr_eq(&bound(&before, "edited", "staging"), &bound(&after, "edited", "staging")));

    // The counters go on counting.
    let tally = |snapshot, environment| Arc::clone(&bound(snapshot, "edited", environment).tallies[0].1);
    assert!(Arc::ptr_eq(&tally(&before, "staging"), &tally(&after, "staging")));
    assert!(!Arc::ptr_eq(&tally(&before, "staging"), &tally(&before, "production")));
}

#[tokio::test]
async fn what_is_looked_for_in_answers_is_made_once() {
    let house = House::in_memory(unchecked()).await;
    house.secret("one", "value-of-one").await;
    house.secret("two", "value-of-two").await;
    let before = house.serves(house.routes([spec("a", "one"), spec("b", "one"), spec("c", "two")]).await).await;
    let needles = |snapshot, route, environment| Arc::clone(bound(snapshot, route, environment).needles().unwrap());
    let one = needles(&before, "a", "production");
    assert!(Arc::ptr_eq(&one, &needles(&before, "a", "staging")));
    assert!(Arc::ptr_eq(&one, &needles(&before, "b", "production")));
    assert!(!Arc::ptr_eq(&one, &needles(&before, "c", "production")));
    // Nor is it made again by a change of the secret's or the route's other members, or for a new route.
    house.edit_secret("one", "edited", None).await;
    let mut edited = spec("b", "one");
    edited["base"]["methods"] = json!(["GET"]);
    let after = house.serves(house.routes([edited, spec("c", "one")]).await).await;
    for route in ["a", "b", "c"] {
        assert!(!Arc::ptr_eq(&bound(&before, route, "staging"), &bound(&after, route, "staging")));
        assert!(Arc::ptr_eq(&one, &needles(&after, route, "staging")), "{route}");
    }
}

#[tokio::test]
async fn limits_count_as_soon_as_they_are_committed() {
    let house = House::in_memory(quick()).await;
    house.secret("one", "value-of-one").await;
    house.serves(house.route(spec("payments", "one")).await).await;
    let staging =
        Limits { environments: Some(["staging".parse().unwrap()].into()), allowed_hosts: None, sensitive: true };
    let after = house.serves(house.edit_secret("one", "", Some(staging)).await).await;
    assert_eq!(sent(&after, "payments", "staging").unwrap(), "Bearer value-of-one");
    assert_eq!(sent(&after, "payments", "production"), Err(Unusable::NotAllowed("one".parse().unwrap())));
    // Nor does the next check object to what was changed through the front door.
    house.stays_sound().await;
}

#[tokio::test]
async fn what_is_deleted_leaves() {
    let house = House::in_memory(quick()).await;
    house.secret("one", "value-of-one").await;
    let mut hosted = spec("hosted", "one");
    hosted["hosts"] = json!(["API.example.com"]);
    house.routes([hosted.clone(), spec("stays", "one")]).await;
    let before = house.serves(house.client("shop", &[1, 2]).await).await;
    assert_eq!(before.hosts["api.example.com"].as_str(), "hosted");
    assert_eq!(before.keys.len(), 2);

    house.delete_route("hosted").await;
    let mut tx = house.begin().await;
    tx.delete_client("shop").await.unwrap();
    let after = house.serves(house.commit(tx).await).await;
    assert_eq!(after.routes.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["stays"]);
    assert!(after.hosts.is_empty() && after.keys.is_empty());

    let again = house.serves(house.route(hosted).await).await;
    assert!(again.routes.contains_key("hosted") && again.hosts.contains_key("api.example.com"));
}

#[tokio::test]
async fn a_host_moves_in_one_change() {
    let house = House::in_memory(quick()).await;
    let hosted = |name: &str, hosts: serde_json::Value| {
        let mut spec = spec(name, "one");
        spec["hosts"] = hosts;
        spec
    };
    house.secret("one", "value-of-one").await;
    house.routes([hosted("b", json!(["h.example"])), hosted("a", json!([]))]).await;
    let after = house.serves(house.routes([hosted("b", json!([])), hosted("a", json!(["h.example"]))]).await).await;
    assert_eq!(after.hosts["h.example"].as_str(), "a");
    let after = house.serves(house.routes([hosted("a", json!([])), hosted("b", json!(["h.example"]))]).await).await;
    assert_eq!(after.hosts["h.example"].as_str(), "b");
    let after = house.serves(house.route(hosted("b", json!([]))).await).await;
    assert!(after.hosts.is_empty());
}

#[tokio::test]
async fn a_revoked_key_leaves_and_the_others_stay() {
    let house = House::in_memory(quick()).await;
    house.client("other", &[9]).await;
    let before = house.serves(house.client("shop", &[1, 2]).await).await;
    assert_eq!(before.keys[&[1; 32]].key_id, "key_1");
    let mut tx = house.begin().await;
    assert!(tx.revoke_client_key("shop", "key_1", house.clock.now()).await.unwrap());
    let after = house.serves(house.commit(tx).await).await;
    let mut left: Vec<_> = after.keys.keys().map(|digest| digest[0]).collect();
    left.sort_unstable();
    assert_eq!(left, [2, 9]);
    assert!(Arc::ptr_eq(&before.keys[&[9; 32]], &after.keys[&[9; 32]]));
}

#[tokio::test]
async fn a_client_that_signs_is_known_by_its_keys_ids_until_it_does_not() {
    let house = House::in_memory(quick()).await;
    let before = house.serves(house.client("shop", &[1, 2]).await).await;
    assert!(before.signers.is_empty(), "nobody signs");
    let edit = async |signing| {
        let mut tx = house.begin().await;
        let mut client = tx.client("shop").await.unwrap().unwrap().client;
        client.signing = signing;
        tx.update_client(&client).await.unwrap();
        house.serves(house.commit(tx).await).await
    };
    let required = edit(Some(Signing::Required)).await;
    let mut ids: Vec<_> = required.signers.keys().cloned().collect();
    ids.sort_unstable();
    assert_eq!(ids, ["key_1", "key_2"]);
    assert_eq!(required.keys.len(), 2, "known by its digests too, to be told to sign");
    assert_ne!(required.signers["key_1"].key.bytes(), required.signers["key_2"].key.bytes());
    assert_eq!(format!("{:?}", required.signers["key_1"].key), "SigningKey(…)");

    let mut tx = house.begin().await;
    assert!(tx.revoke_client_key("shop", "key_1", house.clock.now()).await.unwrap());
    let revoked = house.serves(house.commit(tx).await).await;
    assert_eq!(revoked.signers.keys().collect::<Vec<_>>(), ["key_2"]);
    let same = revoked.signers["key_2"].key.bytes().to_vec();
    let house = house.restart().await;
    let again = house.shows("the key that was there", |snapshot| snapshot.signers.contains_key("key_2")).await;
    assert_eq!(again.signers["key_2"].key.bytes(), same, "the same after a restart");

    let mut tx = house.begin().await;
    tx.delete_client("shop").await.unwrap();
    assert!(house.serves(house.commit(tx).await).await.signers.is_empty());
}

#[tokio::test]
async fn the_default_environment_follows() {
    let house = House::in_memory(quick()).await;
    let after = house.serves(house.environment("staging", 1, true).await).await;
    assert_eq!(after.default_environment.as_ref().unwrap().as_str(), "staging");
    let after = house.serves(house.environment("staging", 1, false).await).await;
    assert_eq!(after.default_environment, None);
}

#[tokio::test]
async fn a_secret_is_opened_only_when_a_route_names_it() {
    let house = House::in_memory(unchecked()).await;
    // The one check, at the start, is over before there is anything to find.
    house.stays_sound().await;
    house.secret("one", "value-of-one").await;
    house.garbage("unnamed").await;
    house.serves(house.route(spec("payments", "one")).await).await;
    house.reports(&[]).await;
    let mut overridden = spec("elsewhere", "unnamed");
    for environment in ["staging", "production"] {
        overridden["environments"][environment] = json!({"inject": {"headers": {"Authorization": "Bearer {{one}}"}}});
    }
    house.serves(house.route(overridden).await).await;
    house.reports(&[]).await;

    let after = house.serves(house.route(spec("names-it", "unnamed")).await).await;
    assert_eq!(sent(&after, "names-it", "production"), Err(Unusable::Sealed("unnamed".parse().unwrap())));
    assert_eq!(sent(&after, "payments", "production").unwrap(), "Bearer value-of-one");
    house.reports(&["unnamed"]).await;
    house.serves(house.delete_route("names-it").await).await;
    house.reports(&[]).await;
}

#[tokio::test]
async fn a_burst_of_commits_ends_at_the_last() {
    let house = House::in_memory(quick()).await;
    for number in 0..10 {
        house.secret(&format!("s{number}"), &format!("value-{number}")).await;
    }
    let mut last = 0;
    for number in 0..500 {
        last = house.route(spec(&format!("r{}", number % 7), &format!("s{}", number % 10))).await;
    }
    let committed = Instant::now();
    let after = house.serves(last).await;
    assert!(committed.elapsed().as_secs_f64() < 1.0, "{:?}", committed.elapsed());
    assert_eq!(after.revision, last);
    for number in 493..500 {
        let value = sent(&after, &format!("r{}", number % 7), "production").unwrap();
        assert_eq!(value, format!("Bearer value-{}", number % 10));
    }
}

#[tokio::test]
async fn another_database_is_read_anew() {
    let house = House::in_file(quick()).await;
    house.secret("one", "value-of-one").await;
    let before = house.serves(house.route(spec("payments", "one")).await).await;
    // As if a copy from before the route had been restored, and had gone its own way since.
    house.tamper(
        "DELETE FROM route_references; DELETE FROM route_environments; DELETE FROM routes; \
         UPDATE revision SET incarnation = 'second-life'",
    );
    let after = house.shows("the second life", |snapshot| snapshot.incarnation == "second-life").await;
    assert_eq!(after.revision, before.revision);
    assert!(after.routes.is_empty());
    let after = house.serves(house.route(spec("payments", "one")).await).await;
    assert_eq!(sent(&after, "payments", "production").unwrap(), "Bearer value-of-one");
}

#[tokio::test]
async fn traffic_goes_on_while_the_database_is_away_but_not_for_ever() {
    let house = House::in_file(quick()).await;
    house.secret("one", "value-of-one").await;
    let before = house.serves(house.route(spec("payments", "one")).await).await;
    house.tamper("ALTER TABLE revision RENAME TO revision_away");
    house.clock.advance(Span::from_hours(23));
    tokio::time::sleep(quick().poll * 4).await;
    assert!(Arc::ptr_eq(&before, &house.snapshot.load_full().unwrap()));
    house.clock.advance(Span::from_hours(2));
    eventually("the snapshot is withdrawn", async || house.snapshot.load().is_none().then_some(())).await;
    assert_eq!(house.running.standing().served(), None);
    house.tamper("ALTER TABLE revision_away RENAME TO revision");
    let after = house.serves(before.revision).await;
    assert!(Arc::ptr_eq(&before.routes["payments"], &after.routes["payments"]));
}
