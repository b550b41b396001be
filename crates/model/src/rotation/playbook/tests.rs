//! The next step of each playbook follows from the log.

use serde_json::json;

use super::*;
use crate::rotation::checklist::tests::{attest, present, then, whole};
use crate::secret::KINDS;

fn steps(log: &[Entry], present: &Present) -> Vec<PlayStep> {
    playbook(&Rotation::read("rot_1", log).unwrap(), log, present)
}

fn next(log: &[Entry], present: &Present) -> Option<String> {
    let mut next = steps(log, present).into_iter().filter(|step| step.next).map(|step| step.item.step);
    let found = next.next();
    assert_eq!(next.next(), None, "one step is the next one");
    found
}

fn state(log: &[Entry], present: &Present, word: &str) -> ItemState {
    steps(log, present).into_iter().find(|step| step.item.step == word).unwrap().item.state
}

#[test]
fn each_kind_has_its_steps_in_order() {
    for kind in KINDS {
        let log = whole(kind);
        let words: Vec<String> = steps(&log, &present()).into_iter().map(|step| step.item.step).collect();
        let middle: &[&str] = match kind {
            Kind::DatabasePassword | Kind::DatabaseUrl => &["remove_password"],
            Kind::OauthToken => &["revoke_token"],
            _ => &[],
        };
        let before = ["generate_credential", "create_secret", "update_routes", "credential_works", "monitor"];
        let expected = [&before[..], middle, &["delete_outgoing"]].concat();
        assert_eq!(words, expected, "{kind:?}");
        for step in steps(&log, &present()) {
            assert!(!step.title.is_empty() && !step.what.is_empty(), "{}", step.item.step);
            // What is done outside is attested, so its word can be.
            assert!(!step.outside || attestable(kind).contains(&step.item.step.as_str()), "{}", step.item.step);
        }
        assert!(CHECKLIST.iter().all(|duty| attestable(kind).contains(&duty.word())));
    }
}

#[test]
fn the_next_step_follows_from_the_log_alone() {
    // How many events there are, what is attested, and what comes next.
    for (kind, events, attested, expected) in [
        (Kind::ApiKey, 2, None, Some("generate_credential")),
        (Kind::ApiKey, 2, Some("generate_credential"), Some("update_routes")),
        (Kind::ApiKey, 13, Some("generate_credential"), Some("monitor")),
        (Kind::ApiKey, 14, Some("generate_credential"), None),
        (Kind::DatabasePassword, 13, Some("generate_credential"), Some("monitor")),
        (Kind::DatabasePassword, 14, Some("generate_credential"), Some("remove_password")),
        (Kind::OauthToken, 13, Some("generate_credential"), Some("monitor")),
        (Kind::OauthToken, 14, Some("generate_credential"), Some("revoke_token")),
    ] {
        let mut log = whole(kind);
        log.truncate(events);
        if let Some(step) = attested {
            attest(&mut log, 5_000, step, None, false);
        }
        assert_eq!(next(&log, &present()).as_deref(), expected, "{kind:?} after {events} events, {attested:?}");
    }
}

#[test]
fn nothing_comes_next_once_it_is_given_up() {
    let mut log = whole(Kind::ApiKey);
    log.truncate(2);
    assert!(next(&log, &present()).is_some());
    then(&mut log, 5, "token:ops", json!({ "event": "abandoned", "note": "" }));
    assert_eq!(next(&log, &present()), None);
}

#[test]
fn all_connections_are_tested() {
    let (log, mut present) = (whole(Kind::DatabaseUrl), present());
    assert_eq!(state(&log, &present, WORKS), ItemState::Evidence);
    present.connections.push("db3/prod".to_owned());
    assert_eq!(state(&log, &present, WORKS), ItemState::Open, "a place was added since");
    let nothing = Present { connections: Vec::new(), ..present.clone() };
    assert_eq!(state(&log, &nothing, WORKS), ItemState::Open, "nothing says where to log in");
    let mut log = whole(Kind::DatabaseUrl);
    attest(&mut log, 5_000, WORKS, None, false);
    assert_eq!(state(&log, &present, WORKS), ItemState::Attested);
}

#[test]
fn routes_are_updated_when_no_environment_is_left() {
    let (log, mut present) = (whole(Kind::ApiKey), present());
    assert_eq!(state(&log, &present, "update_routes"), ItemState::Evidence);
    present.incoming_at.pop();
    assert_eq!(state(&log, &present, "update_routes"), ItemState::Open);
}

#[test]
fn what_has_to_be_attested_before_a_deletion() {
    for kind in KINDS {
        let log = whole(kind);
        let missing = unattested(&Rotation::read("rot_1", &log).unwrap());
        let word = match kind {
            Kind::DatabasePassword | Kind::DatabaseUrl => "remove_password",
            Kind::OauthToken => "revoke_token",
            _ => {
                assert!(missing.is_empty(), "{kind:?}: {missing:?}");
                continue;
            }
        };
        assert_eq!(missing, [word], "{kind:?}");
        for waived in [false, true] {
            let mut log = whole(kind);
            attest(&mut log, 5_000, word, None, waived);
            assert!(unattested(&Rotation::read("rot_1", &log).unwrap()).is_empty(), "{kind:?}, waived {waived}");
        }
    }
}

#[test]
fn a_probe_that_finds_the_outgoing_credential_taken_voids_an_earlier_word() {
    // Before the attestation, and after it.
    for (probed_at, attested_at, missing) in [(20, 30, 0), (30, 20, 1)] {
        let mut log = whole(Kind::OauthToken);
        log.truncate(13);
        let mut both: Vec<(i64, bool)> = vec![(probed_at, true), (attested_at, false)];
        both.sort_unstable();
        for (at, is_probe) in both {
            if is_probe {
                then(&mut log, at, "system:rotate", json!({ "event": "probe_began" }));
                let event = json!({ "event": "probed", "reading": "alive", "outgoing": "alive", "tried": [] });
                then(&mut log, at, "system:rotate", event);
            } else {
                attest(&mut log, at, "revoke_token", None, false);
            }
        }
        let found = unattested(&Rotation::read("rot_1", &log).unwrap());
        assert_eq!(found.len(), missing, "probed at {probed_at}, attested at {attested_at}");
    }
}
