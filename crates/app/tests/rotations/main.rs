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

use dice::Dice;
use hall::{Engine, Hall};
use scenario::{Scenario, Temper};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What the usual seeds of a test reach; where they do not, it has become blind.
const CALM: [&str; 4] = ["event promoted by itself", "event rolled_back by itself", "event withdrawn by itself", SAVED];
const BUSY: [&str; 4] = ["event promoted by itself", "event rolled_back by operators", "process killed", SAVED];
const SAVED: &str = "request saved by the shield";

fn from() -> u64 {
    number("KEYROLL_ROTATION_FROM").unwrap_or(0)
}

fn all(seeds: Range<u64>) -> Vec<u64> {
    seeds.map(|seed| from() + seed).collect()
}

/// The first of these seeds whose upstreams are asked often and mostly say what they think.
fn busy(seeds: Range<u64>) -> Vec<u64> {
    let is_busy = |seed: &u64| {
        let scenario = Scenario::draw(Temper::Wild, &mut Dice::new(*seed));
        scenario.rate >= 3 && scenario.unclear <= 20 && scenario.garbage <= 500
    };
    seeds.map(|seed| from() + seed).filter(is_busy).take(12).collect()
}

/// Plays these seeds at the same time, or the one that is asked for.
fn play(engine: Engine, temper: Temper, seeds: &[u64], reach: &[&str]) {
    let seeds = number("KEYROLL_ROTATION_SEED").map_or_else(|| seeds.to_vec(), |one| vec![one]);
    let hall = Hall::open(engine, temper, seeds[0]);
    let failed = hall.play(&seeds, |seed| run::run(&hall, seed, temper));
    hall.verify();
    let seen = hall.seen();
    for (word, times) in &seen {
        println!("{times:>8} {word}");
    }
    assert!(failed.is_empty(), "failed, each with its story above: {failed:?} ({temper:?})");
    let usual = from() == 0 && seeds.len() > 1;
    let missed: Vec<&&str> = reach.iter().filter(|word| usual && !seen.contains_key(**word)).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}

/// Nobody interferes: with a good value and traffic a rotation arrives, with a wrong one it goes back.
#[test]
fn left_alone_they_arrive_or_go_back() {
    play(Engine::Sqlite, Temper::Calm, &all(0..12), &CALM);
}

#[test]
fn left_alone_on_two_nodes() {
    play(Engine::Postgres, Temper::Calm, &all(12..20), &[]);
}

/// As they come: upstreams that are never asked or never answer are among them.
#[test]
fn whatever_happens_to_the_first() {
    play(Engine::Sqlite, Temper::Wild, &all(0..12), &[]);
}

#[test]
fn whatever_happens_under_traffic() {
    play(Engine::Sqlite, Temper::Wild, &busy(100..300), &BUSY);
}

#[test]
fn whatever_happens_under_more_traffic() {
    play(Engine::Sqlite, Temper::Wild, &busy(300..500), &BUSY);
}

#[test]
fn whatever_happens_on_two_nodes() {
    play(Engine::Postgres, Temper::Wild, &busy(500..700), &BUSY);
}
