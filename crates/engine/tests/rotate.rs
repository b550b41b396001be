//! Rotations as the engine carries them out, with the counts of a traffic that the test makes up.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "functions that only tests call")]

mod common;

use std::sync::Arc;

use common::{House, bound, carried, eventually, quick, spec};
use model::rotation::{Entry, Event, Manner, Per, Planned, Rotation, Wish, mentions_of, named_environments, resolve};
use model::snapshot::{Sign, Trial};
use model::time::{Clock, Span};
use store::NewRotation;

/// One secret in one route, in two environments; its successor at hand.
async fn house() -> House {
    let house = House::in_memory(quick()).await;
    house.secret("stripe", "value-of-the-outgoing").await;
    house.secret("stripe_v2", "value-of-the-incoming").await;
    house.serves(house.route(spec("payments", "stripe")).await).await;
    house
}

fn hasty() -> Wish {
    let five = ["5%", "100%"].map(|share| share.parse().unwrap()).to_vec();
    Wish {
        canary: Some(Per::All(five)),
        canary_step: Some(Per::All(Span::from_secs(60))),
        soak: Some(Per::All(Span::from_secs(600))),
        advance: Some(Per::All(Manner::Automatic)),
        delete_outgoing: Some(Manner::Automatic),
        ..Wish::default()
    }
}

async fn start(house: &House, id: &str, wish: &Wish) {
    start_of(house, id, "stripe", wish).await;
}

async fn start_of(house: &House, id: &str, outgoing: &str, wish: &Wish) {
    let mut tx = house.begin().await;
    let incoming = format!("{outgoing}_v2").parse().unwrap();
    let outgoing: model::name::SecretName = outgoing.parse().unwrap();
    let specs: Vec<_> = tx.routes_naming(outgoing.as_str()).await.unwrap().into_iter().map(|row| row.spec).collect();
    let environments = tx.environments().await.unwrap();
    let planned = Planned {
        plan: resolve(wish, &environments, &named_environments(&outgoing, &specs)).unwrap(),
        named_at: mentions_of(&outgoing, &specs),
        outgoing,
        incoming,
        kind: "api_key".parse().unwrap(),
        incoming_is_new: true,
    };
    let first = Entry {
        number: 1,
        at: house.clock.now(),
        actor: "token:ops".to_owned(),
        event: Event::Planned(Box::new(planned)),
    };
    tx.insert_rotation(&NewRotation { id: id.to_owned(), salt: 7, first }).await.unwrap();
    house.commit(tx).await;
}

async fn rotation(house: &House, id: &str) -> Rotation {
    house.store.read().await.unwrap().rotation(id).await.unwrap().unwrap().rotation
}

async fn reaches(house: &House, id: &str, what: &str, is_so: impl Fn(&Rotation) -> bool) -> Rotation {
    eventually(what, async || Some(rotation(house, id).await).filter(|found| is_so(found))).await
}

/// The trial that requests meet.
async fn trial(house: &House, environment: &str, weight: &str) -> Arc<Trial> {
    let weight = weight.parse().unwrap();
    let shown = house.shows("the trial", |snapshot| {
        let trial = snapshot.routes["payments"].trials.get(environment);
        trial.is_some_and(|trial| trial.weight == weight)
    });
    Arc::clone(&shown.await.routes["payments"].trials[environment])
}

fn in_canary(environment: &'static str, step: usize) -> impl Fn(&Rotation) -> bool {
    move |rotation| {
        let here = rotation.stage().is_some_and(|stage| stage.environment.as_str() == environment);
        here && matches!(&rotation.state, model::rotation::State::Canary(canary) if canary.step == step)
    }
}

fn saw(house: &House, trial: &Trial, sign: Sign, count: usize) {
    (0..count).for_each(|_| trial.counts.saw(sign, house.clock.now()));
}

#[tokio::test]
async fn a_good_credential_takes_the_place_of_the_other_and_the_other_is_deleted() {
    let house = house().await;
    start(&house, "rot_1", &hasty()).await;
    for environment in ["staging", "production"] {
        reaches(&house, "rot_1", "the canary", in_canary(environment, 0)).await;
        let trial_5 = trial(&house, environment, "5%").await;
        assert!(trial_5.careful && trial_5.shield);
        assert_eq!(carried(&trial_5.with_incoming), "Bearer value-of-the-incoming");
        assert_eq!(carried(&trial_5.with_outgoing), "Bearer value-of-the-outgoing");
        assert_eq!(
            carried(&bound(&house.snapshot.load_full().unwrap(), "payments", environment)),
            "Bearer value-of-the-outgoing"
        );
        house.clock.advance(Span::from_secs(2));
        saw(&house, &trial_5, Sign::Alive, 40);
        saw(&house, &trial_5, Sign::OutgoingAlive, 700);
        house.clock.advance(Span::from_secs(60));
        reaches(&house, "rot_1", "the second step", in_canary(environment, 1)).await;
        let trial_100 = trial(&house, environment, "100%").await;
        assert!(!trial_100.careful, "it was found healthy");
        house.clock.advance(Span::from_secs(62));
        reaches(&house, "rot_1", "the promotion", |rotation| {
            rotation.promoted.iter().any(|promoted| promoted.environment.as_str() == environment)
        })
        .await;
    }
    let shown = house.shows("the new name in the template", |snapshot| {
        carried(&bound(snapshot, "payments", "production")) == "Bearer value-of-the-incoming"
    });
    let shield = Arc::clone(&shown.await.routes["payments"].trials["production"]);
    assert_eq!(carried(&shield.with_outgoing), "Bearer value-of-the-outgoing", "it stands behind");
    reaches(&house, "rot_1", "the final soak", |rotation| rotation.word() == "watching").await;
    // It is needed once more: the soak counts from then on.
    house.clock.advance(Span::from_secs(300));
    saw(&house, &shield, Sign::Pair, 1);
    saw(&house, &shield, Sign::BothDead, 5);
    let needed = house.clock.now();
    tokio::time::sleep(quick().flush * 4).await;
    house.clock.advance(Span::from_secs(400));
    tokio::time::sleep(quick().rotate * 4).await;
    assert_eq!(rotation(&house, "rot_1").await.word(), "watching");
    house.clock.advance(Span::from_secs(250));
    let done = reaches(&house, "rot_1", "the end", |rotation| !rotation.is_live()).await;
    assert_eq!(done.word(), "completed");
    let tx = house.store.read().await.unwrap();
    let log = tx.rotation("rot_1").await.unwrap().unwrap().log;
    let proof = log.iter().find_map(|line| match &line.event {
        Event::Withdrawn { soak, .. } => Some(soak.needed_at()),
        _ => None,
    });
    assert_eq!(proof, Some(Some(needed)));
    assert!(tx.sealed_secret("stripe").await.unwrap().is_none(), "its value is destroyed");
    assert!(house.shows("no trial", |snapshot| snapshot.routes["payments"].trials.is_empty()).await.secrets.len() == 1);
}

#[tokio::test]
async fn a_bad_credential_is_rolled_back_by_itself_also_after_a_promotion() {
    let house = house().await;
    start(&house, "rot_1", &hasty()).await;
    reaches(&house, "rot_1", "the canary", in_canary("staging", 0)).await;
    let trial_5 = trial(&house, "staging", "5%").await;
    house.clock.advance(Span::from_secs(2));
    saw(&house, &trial_5, Sign::Alive, 40);
    saw(&house, &trial_5, Sign::OutgoingAlive, 700);
    house.clock.advance(Span::from_secs(60));
    reaches(&house, "rot_1", "the second step", in_canary("staging", 1)).await;
    house.clock.advance(Span::from_secs(62));
    reaches(&house, "rot_1", "production", in_canary("production", 0)).await;
    let trial_5 = trial(&house, "production", "5%").await;
    house.clock.advance(Span::from_secs(2));
    saw(&house, &trial_5, Sign::Pair, 12);
    let done = reaches(&house, "rot_1", "the way back", |rotation| !rotation.is_live()).await;
    assert_eq!(done.word(), "rolled_back");
    let shown = house.shows("the old name", |snapshot| {
        snapshot.routes["payments"].trials.is_empty()
            && carried(&bound(snapshot, "payments", "staging")) == "Bearer value-of-the-outgoing"
    });
    assert_eq!(carried(&bound(&*shown.await, "payments", "production")), "Bearer value-of-the-outgoing");
}

#[tokio::test]
async fn a_restart_goes_on_where_the_log_ends() {
    let house = house().await;
    start(&house, "rot_1", &hasty()).await;
    reaches(&house, "rot_1", "the canary", in_canary("staging", 0)).await;
    let house = house.restart().await;
    let trial_5 = trial(&house, "staging", "5%").await;
    house.clock.advance(Span::from_secs(2));
    saw(&house, &trial_5, Sign::Alive, 40);
    house.clock.advance(Span::from_secs(60));
    let house = house.restart().await;
    reaches(&house, "rot_1", "the second step", in_canary("staging", 1)).await;
}

#[tokio::test]
async fn a_rotation_that_somebody_changed_stands_still_and_stops_no_other() {
    let house = House::in_file(quick()).await;
    for (route, name) in [("payments", "stripe"), ("contacts", "crm")] {
        house.secret(name, "value-of-the-outgoing").await;
        house.secret(&format!("{name}_v2"), "value-of-the-incoming").await;
        house.serves(house.route(spec(route, name)).await).await;
    }
    start(&house, "rot_1", &hasty()).await;
    reaches(&house, "rot_1", "the canary", in_canary("staging", 0)).await;
    house.tamper("UPDATE rotations SET environment = 'production' WHERE id = 'rot_1'");
    start_of(&house, "rot_2", "crm", &hasty()).await;
    reaches(&house, "rot_2", "the canary", in_canary("staging", 0)).await;
    let read = house.store.read().await.unwrap().rotation("rot_1").await;
    assert!(matches!(read, Err(store::StoreError::Tampered { .. })), "{read:?}");
}

/// The words of a log.
async fn words(house: &House, id: &str) -> Vec<&'static str> {
    let logged = house.store.read().await.unwrap().rotation(id).await.unwrap().unwrap();
    logged.log.iter().map(|line| line.event.word()).collect()
}

#[tokio::test]
async fn two_tasks_that_both_take_themselves_for_the_one_do_each_step_once() {
    let house = house().await;
    let beside = house.beside();
    start(&house, "rot_1", &hasty()).await;
    for environment in ["staging", "production"] {
        reaches(&house, "rot_1", "the canary", in_canary(environment, 0)).await;
        let trial_5 = trial(&house, environment, "5%").await;
        house.clock.advance(Span::from_secs(2));
        saw(&house, &trial_5, Sign::Alive, 40);
        house.clock.advance(Span::from_secs(60));
        reaches(&house, "rot_1", "the second step", in_canary(environment, 1)).await;
        house.clock.advance(Span::from_secs(62));
        reaches(&house, "rot_1", "the promotion", |rotation| {
            rotation.promoted.iter().any(|promoted| promoted.environment.as_str() == environment)
        })
        .await;
    }
    house.clock.advance(Span::from_secs(650));
    reaches(&house, "rot_1", "the end", |rotation| !rotation.is_live()).await;
    let stage = ["stage_began", "found_healthy", "canary_step", "promoted"];
    let expected =
        [&["planned", "probe_skipped"][..], &stage, &["advanced"], &stage, &["withdrawn", "deleted", "completed"]];
    assert_eq!(words(&house, "rot_1").await, expected.concat());
    beside.stop().await;
}

#[tokio::test]
async fn a_step_of_a_rotation_that_has_gone_on_changes_nothing() {
    let house = house().await;
    start(&house, "rot_1", &Wish { approval: true, ..hasty() }).await;
    let before = rotation(&house, "rot_1").await;
    let approved = || Event::Approved { reason: "once".to_owned() };
    let mut tx = house.begin().await;
    tx.log_rotation(&mut before.clone(), [approved()], house.clock.now()).await.unwrap();
    house.commit(tx).await;
    reaches(&house, "rot_1", "the canary", in_canary("staging", 0)).await;
    let after = words(&house, "rot_1").await;
    let mut tx = house.begin().await;
    let late = tx.log_rotation(&mut before.clone(), [approved()], house.clock.now()).await;
    assert!(late.is_err());
    drop(tx);
    assert_eq!(words(&house, "rot_1").await, after);
    assert_eq!(after.iter().filter(|word| **word == "approved").count(), 1);
}
