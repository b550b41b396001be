//! The seeds of the simulated rotations against real processes: the shipped binary, killed and halted in the middle; a
//! provider that knows what every value is worth at every moment; traffic of the seed's mix; operators by the admin API.
//! What must hold is asked from outside.
//!
//! A seed that fails says its number and tells its story. `KEYROLL_ROTATION_SEED=… cargo nextest run -p keyroll --test
//! rotations -E 'test(the_first)'` repeats that seed alone, or one of another test of this file; `KEYROLL_ROTATION_FROM`
//! adds to the numbers of all seeds, for others than the usual ones.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "the story of a seed is shown where it fails")]

mod checks;
mod hall;
mod logs;
mod operators;
mod provider;
mod requests;
mod run;
mod traffic;

#[path = "../../../model/tests/rotation_sim/dice.rs"]
mod dice;
#[allow(dead_code, reason = "some of it is trouble of simulated processes, which real ones are given otherwise")]
#[path = "../../../model/tests/rotation_sim/scenario.rs"]
mod scenario;
#[allow(dead_code, reason = "how many nodes there are is decided for all seeds that share them")]
#[path = "../../../model/tests/rotation_sim/setting.rs"]
mod setting;
#[path = "../../../model/tests/rotation_sim/truth.rs"]
mod truth;
#[path = "../../../model/tests/rotation_sim/wishes.rs"]
mod wishes;

use std::ops::Range;

use hall::{Engine, Hall};
use scenario::Temper;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What the usual seeds of each test reach; where one does not, it has become blind.
const CALM: [&str; 5] =
    ["event promoted by itself", "event rolled_back by itself", "event withdrawn by itself", "state completed", SAVED];
const WILD: [&str; 8] = [
    "event promoted by itself",
    "event rolled_back by itself",
    "event rolled_back by operators",
    "event held by operators",
    "event found_healthy by itself",
    "process halted",
    "process killed",
    SAVED,
];
const SAVED: &str = "request saved by the shield";

/// Plays these seeds at the same time, or the one that is asked for.
fn play(engine: Engine, temper: Temper, seeds: Range<u64>) {
    let from = number("KEYROLL_ROTATION_FROM").unwrap_or(0);
    let seeds: Vec<u64> = match number("KEYROLL_ROTATION_SEED") {
        Some(one) => vec![one],
        None => seeds.map(|seed| from + seed).collect(),
    };
    let hall = Hall::open(engine, temper, seeds[0]);
    let failed = hall.play(&seeds, |seed| run::run(&hall, seed, temper));
    hall.verify();
    let seen = hall.seen();
    for (word, times) in &seen {
        println!("{times:>8} {word}");
    }
    assert!(failed.is_empty(), "failed, each with its story above: {failed:?} ({temper:?})");
    let words = if temper == Temper::Wild { &WILD[..] } else { &CALM[..] };
    let usual = from == 0 && seeds.len() > 1;
    let missed: Vec<&&str> = words.iter().filter(|word| usual && !seen.contains_key(**word)).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}

/// Nobody interferes: with a good value and traffic a rotation arrives, with a wrong one it goes back.
#[test]
fn left_alone_they_arrive_or_go_back() {
    play(Engine::Sqlite, Temper::Calm, 0..12);
}

#[test]
fn whatever_happens_to_the_first() {
    play(Engine::Sqlite, Temper::Wild, 0..12);
}

#[test]
fn whatever_happens_to_the_second() {
    play(Engine::Sqlite, Temper::Wild, 12..24);
}

#[test]
fn whatever_happens_to_the_third() {
    play(Engine::Sqlite, Temper::Wild, 24..36);
}

#[test]
fn whatever_happens_on_two_nodes() {
    play(Engine::Postgres, Temper::Wild, 36..48);
}

#[test]
fn left_alone_on_two_nodes() {
    play(Engine::Postgres, Temper::Calm, 12..18);
}
