//! One run, from a seed to its end.

use std::collections::BTreeMap;

use crate::scenario::Temper;
use crate::world::World;

/// How often each word was reached, over all runs.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) counts: BTreeMap<String, u64>,
}

/// Tells the story when a check fails.
struct Told {
    seed: u64,
    world: World,
}

impl Drop for Told {
    fn drop(&mut self) {
        let asked = std::env::var_os("KEYROLL_ROTATION_SEED").is_some();
        if std::thread::panicking() || asked {
            let world = &self.world;
            eprintln!("{:?}", world.scenario);
            for route in &world.routes {
                eprintln!("{}", serde_json::to_string(&route.spec).unwrap());
            }
            eprintln!("{:?}\n{}", world.secrets, world.story.join("\n"));
            eprintln!("KEYROLL_ROTATION_SEED={} ({:?})", self.seed, world.scenario.temper);
        }
    }
}

const MOST_TICKS: usize = 400;

pub(crate) fn run(seed: u64, temper: Temper, seen: &mut Seen) {
    let mut told = Told { seed, world: World::new(seed, temper) };
    let world = &mut told.world;
    world.nodes();
    world.first_start();
    let mut over = 0;
    while world.tick < MOST_TICKS && over < 5 {
        world.tick += 1;
        let length = world.length();
        world.t += length;
        world.nodes();
        world.traffic();
        if temper == Temper::Wild {
            world.operators();
        }
        world.engine();
        let rests = world.runs.iter().all(|run| !run.now.is_live());
        over = if rests { over + 1 } else { 0 };
        if temper == Temper::Calm && world.arrived() {
            break;
        }
    }
    if temper == Temper::Calm {
        world.check_end();
    }
    for (word, count) in &world.words {
        *seen.counts.entry(word.clone()).or_default() += count;
    }
}

impl World {
    /// Short while something moves, long while it is only watched.
    fn length(&self) -> i64 {
        let moves =
            self.runs.iter().any(|run| matches!(run.now.state.word(), "planned" | "probing" | "waiting" | "canary"));
        if moves || self.now_and_then() { 15_000 } else { 120_000 }
    }

    fn now_and_then(&self) -> bool {
        self.tick.is_multiple_of(7)
    }

    /// Whether nothing more can come by itself.
    fn arrived(&self) -> bool {
        self.runs.iter().all(|run| {
            let waits =
                run.now.state.word() == "withdrawn" && run.now.plan.delete_outgoing == model::rotation::Manner::Manual;
            waits || !run.now.is_live()
        })
    }
}
