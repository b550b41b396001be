//! A process that dies at every step of a rotation: whoever comes after it goes on from what is stored, and the end is the
//! same as if nobody had died.

mod crowd;
mod operators;
mod rest;
mod scene;
mod story;
mod tales;

use std::collections::BTreeSet;

use engine::Label;
use model::rotation::EVENTS;

pub(crate) use rest::Inspect;

#[test]
fn a_credential_that_works() {
    story::tell(&tales::GOOD);
}

#[test]
fn a_credential_that_is_tried_out_and_routes_that_are_edited_by_hand() {
    story::tell(&tales::TRIED);
}

#[test]
fn a_credential_that_is_refused_after_a_promotion() {
    story::tell(&tales::REFUSED);
}

#[test]
fn a_credential_that_is_refused_and_a_rotation_that_had_to_go_first() {
    story::tell(&tales::STUCK);
}

#[test]
fn a_credential_of_which_nothing_can_tell() {
    story::tell(&tales::BLIND);
}

#[test]
fn two_rotations_in_one_route() {
    story::tell(&tales::RIVALS);
}

#[test]
fn what_operators_ask_for() {
    operators::every_request_is_cut_off_repeated_and_survived();
}

#[test]
fn no_step_is_left_out() {
    let told: BTreeSet<String> = tales::ALL.iter().flat_map(|story| story.labels()).collect();
    let asked: BTreeSet<&str> = operators::ALONE.into_iter().collect();
    assert!(asked.iter().all(|word| EVENTS.contains(word) && operators::words().contains(word)), "{asked:?}");
    let expected: BTreeSet<String> = Label::all()
        .filter(|label| match label {
            Label::Before(word) | Label::After(word) => !asked.contains(word),
            Label::ProbeSent => true,
        })
        .map(|label| label.to_string())
        .collect();
    assert_eq!(told, expected, "each label of the engine is in a story, and no word of operators alone");
}
