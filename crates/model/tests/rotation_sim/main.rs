//! Rotations against a simulated world, run after run, each from a seed: operators, faults, garbage and a clock that jumps.
//! What must hold is asked after every step.
//!
//! A run that fails says its seed. `KEYROLL_ROTATION_SEED=… cargo nextest run -p model --test rotation_sim` repeats that
//! run alone, and tells its story; `KEYROLL_ROTATION_RUNS` sets how many there are, and
//! `KEYROLL_ROTATION_FROM` with which seed they begin.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not take for tests"
)]

mod checks;
mod dice;
mod engine;
mod evidence;
mod gateway;
mod operators;
mod routes;
mod run;
mod scenario;
mod setting;
mod tables;
mod truth;
mod wishes;
mod world;

use model::rotation::{EVENTS, STATES, STEPS};

use run::Seen;
use scenario::Temper;

/// So many take about twenty seconds, unoptimised.
const WILD: u64 = 1_700;
const CALM: u64 = 800;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs the seeds of one temper, or the one that is asked for.
fn runs(temper: Temper) -> Seen {
    let mut seen = Seen::default();
    if let Some(seed) = number("KEYROLL_ROTATION_SEED") {
        run::run(seed, temper, &mut seen);
        return seen;
    }
    let usual = if temper == Temper::Wild { WILD } else { CALM };
    let from = number("KEYROLL_ROTATION_FROM").unwrap_or(0);
    for seed in from..from + number("KEYROLL_ROTATION_RUNS").unwrap_or(usual) {
        run::run(seed, temper, &mut seen);
    }
    seen
}

/// The words that no run has reached.
fn misses(seen: &Seen) -> Vec<String> {
    let words = [("step", &STEPS[..]), ("event", &EVENTS[..]), ("state", &STATES[..])];
    let words = words.into_iter().flat_map(|(kind, all)| all.iter().map(move |word| format!("{kind} {word}")));
    words.filter(|key| !seen.counts.contains_key(key)).collect()
}

/// Nobody interferes: with a good credential and traffic a rotation arrives, with a dead one it goes back.
#[test]
fn left_alone_it_arrives_or_goes_back() {
    let seen = runs(Temper::Calm);
    if number("KEYROLL_ROTATION_SEED").is_none() {
        for word in ["state completed", "state withdrawn", "state rolled_back", "step delete"] {
            assert!(seen.counts.contains_key(word), "no run came to {word}");
        }
    }
}

/// Operators, faults and attackers, all at once.
#[test]
fn whatever_happens_what_must_hold_does() {
    let seen = runs(Temper::Wild);
    if number("KEYROLL_ROTATION_SEED").is_none() {
        assert_eq!(misses(&seen), Vec::<String>::new(), "never reached: the simulation has become blind");
    }
    for (word, count) in &seen.counts {
        println!("{count:>8} {word}");
    }
}
