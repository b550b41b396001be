//! How often the rules of a canary err: a dead credential that gets past 5 %, a healthy one that is rolled back. The
//! figures of `docs/decisions/0015-when-a-credential-is-dead.md`.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not take for tests"
)]

#[path = "rotation_sim/dice.rs"]
#[allow(dead_code, reason = "the simulation needs more of it")]
mod dice;

use std::collections::{BTreeMap, BTreeSet};

use dice::Dice;
use model::rotation::{
    Counts, Entry, Event, Evidence, Fleet, Manner, Measured, Place, Plan, Planned, ProbeMeans, Reason, Rotation, Spot,
    Stage, Step, decide,
};
use model::secret::Kind;
use model::time::{Span, Timestamp};

const START: i64 = 1_800_000_000_000;
const UPSTREAM: &str = "https://api.example:443";
/// How long a canary of little traffic is looked at.
const PATIENCE: i64 = 45 * 60;

/// Shares of one.
#[derive(Clone, Copy)]
struct World {
    per_minute: f64,
    /// How often a request is refused whatever the credential.
    garbage: f64,
    /// How often a good credential is refused by accident.
    accident: f64,
    /// How often the incoming credential is refused because it is not good.
    dead: f64,
}

/// How a canary of 5 %, 50 % and 100 % ends, with steps of five minutes.
#[derive(Default)]
struct Ends {
    past_first: u64,
    past_first_in_time: u64,
    rolled_back_at_first: u64,
    rolled_back_in_time: u64,
    rolled_back: u64,
    promoted: u64,
}

fn share(dice: &mut Dice) -> f64 {
    f64::from(u32::try_from(dice.next() >> 32).unwrap()) / f64::from(u32::MAX)
}

/// How many of `count` things happen that each do with this chance: the cumulated distribution, turned round.
fn some_of(dice: &mut Dice, count: u64, chance: f64) -> u64 {
    if count == 0 || chance <= 0.0 {
        return 0;
    }
    if chance > 0.5 {
        return count - some_of(dice, count, 1.0 - chance);
    }
    let all = f64::from(u32::try_from(count).unwrap());
    let odds = chance / (1.0 - chance);
    let mut term = (all * (1.0 - chance).ln()).exp();
    let (mut sum, mut happened, drawn) = (term, 0, share(dice));
    while drawn > sum && happened < count {
        let so_far = f64::from(u32::try_from(happened).unwrap());
        term *= odds * (all - so_far) / (so_far + 1.0);
        sum += term;
        happened += 1;
    }
    happened
}

impl World {
    fn second(&self, dice: &mut Dice, weight: f64) -> Counts {
        let per_second = self.per_minute / 60.0;
        let whole = per_second.floor();
        // At most a few hundred.
        let requests = whole as u64 + u64::from(share(dice) < per_second - whole);
        let with_incoming = some_of(dice, requests, weight);
        let with_outgoing = requests - with_incoming;
        let judged = with_incoming - some_of(dice, with_incoming, self.garbage);
        let refused = some_of(dice, judged, 1.0 - (1.0 - self.accident) * (1.0 - self.dead));
        let outgoing_dead = some_of(dice, with_outgoing, 1.0 - (1.0 - self.garbage) * (1.0 - self.accident));
        Counts {
            alive: judged - refused,
            pairs: refused - some_of(dice, refused, self.accident),
            outgoing_alive: with_outgoing - outgoing_dead,
            outgoing_dead,
            ..Counts::default()
        }
    }

    /// One canary, by the very rules that decide.
    fn run(&self, seed: u64, ends: &mut Ends) {
        let mut dice = Dice::new(seed);
        let (mut rotation, mut evidence) = start();
        let mut step = 0;
        for second in 1..=PATIENCE {
            let weight = rotation.weight().map_or(1.0, |weight| f64::from(weight.basis_points()) / 10_000.0);
            let counts = self.second(&mut dice, weight);
            if counts != Counts::default() {
                evidence.measured[0].spans.push(counts);
            }
            // Five minutes, and what comes after where that was not enough. What is unhealthy stays so, and is found then.
            if second % 60 != 0 || (second < 300 && second % 300 != 0) {
                continue;
            }
            let now = at(second);
            loop {
                match decide(&rotation, &evidence, now) {
                    Step::Record(event) => {
                        if let Event::CanaryStep { step: next, .. } = &event {
                            step = *next;
                            ends.past_first += u64::from(step == 1);
                            ends.past_first_in_time += u64::from(step == 1 && second == 300);
                        }
                        let number = rotation.version + 1;
                        rotation.apply(&Entry { number, at: now, actor: "system".to_owned(), event }).unwrap();
                    }
                    Step::Promote(_) => {
                        ends.promoted += 1;
                        return;
                    }
                    Step::RollBack(_) => {
                        ends.rolled_back += 1;
                        ends.rolled_back_at_first += u64::from(step == 0);
                        ends.rolled_back_in_time += u64::from(second == 300);
                        return;
                    }
                    _ => break,
                }
            }
        }
    }

    fn runs(self, runs: u64) -> Ends {
        let mut ends = Ends::default();
        (0..runs).for_each(|seed| self.run(seed, &mut ends));
        ends
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(START).plus(Span::from_secs(second))
}

/// A rotation that has just entered production, with one route.
fn start() -> (Rotation, Evidence) {
    let spot = Spot { route: "payments".parse().unwrap(), environment: "production".parse().unwrap() };
    let weights: Vec<_> = ["5%", "50%", "100%"].iter().map(|text| text.parse().unwrap()).collect();
    let stage = Stage {
        environment: spot.environment.clone(),
        protected: true,
        canary: weights.clone(),
        canary_step: Span::from_secs(300),
        soak: Span::from_hours(48),
        advance: Manner::Automatic,
    };
    let plan = Plan {
        stages: vec![stage],
        roll_back: Manner::Automatic,
        delete_outgoing: Manner::Manual,
        reason: Reason::Scheduled,
        after: None,
        approval: false,
        notes: Vec::new(),
    };
    let planned = Planned {
        outgoing: "old".parse().unwrap(),
        incoming: "new".parse().unwrap(),
        kind: Kind::ApiKey,
        incoming_is_new: true,
        plan,
        named_at: Vec::new(),
    };
    let began = Event::StageBegan {
        environment: spot.environment.clone(),
        weight: weights[0],
        routes: vec![(spot.route.clone(), UPSTREAM.to_owned())],
        healthy: None,
    };
    let events = [Event::Planned(Box::new(planned)), Event::ProbeSkipped, began];
    let log: Vec<Entry> = (1..)
        .zip(events)
        .map(|(number, event)| Entry { number, at: at(0), actor: "system".to_owned(), event })
        .collect();
    let evidence = Evidence {
        places: vec![Place {
            spot: spot.clone(),
            upstream: UPSTREAM.to_owned(),
            names_outgoing: true,
            has_dead_rules: true,
            has_probe: false,
        }],
        measured: vec![Measured {
            environment: spot.environment,
            upstream: UPSTREAM.to_owned(),
            spans: Vec::new(),
            doubtful_since_probe: 0,
            last_at: None,
        }],
        needed_at: None,
        outgoing_at: Vec::new(),
        outgoing_deleted: false,
        incoming_unusable: None,
        open: 0,
        fleet: Fleet { nodes: Vec::new(), now: at(0), incarnation: String::new() },
        sibling: None,
        rivals: BTreeMap::new(),
        window_opens_at: None,
        gap: None,
        probe_under_way: false,
        probe: ProbeMeans { own: false, routes: BTreeSet::new(), kind_needs_one: false },
        unattested: Vec::new(),
    };
    (Rotation::read("rot_1", &log).unwrap(), evidence)
}

const BACKGROUNDS: [(&str, f64, f64); 5] = [
    ("none", 0.0, 0.0),
    ("1 % of requests are garbage", 0.01, 0.0),
    ("5 % of requests are garbage", 0.05, 0.0),
    ("1 % refused by accident", 0.0, 0.01),
    ("5 % refused by accident", 0.0, 0.05),
];

/// One line of the decision's table.
fn line(per_minute: f64, (name, garbage, accident): (&str, f64, f64), runs: u64) -> String {
    let world = World { per_minute, garbage, accident, dead: 0.0 };
    let healthy = world.runs(runs);
    let dead = World { dead: 1.0, ..world }.runs(runs);
    let mostly = World { dead: 0.9, ..world }.runs(runs);
    let half = World { dead: 0.5, ..world }.runs(runs);
    assert!(
        healthy.rolled_back * 1_000 < runs,
        "{per_minute} {name}: {} healthy ones rolled back",
        healthy.rolled_back
    );
    assert!(dead.past_first * 10_000 < runs, "{per_minute} {name}: {} dead ones past 5 %", dead.past_first);
    assert_eq!(dead.promoted, 0);
    format!(
        "| {per_minute} | {name} | {} | {} | {} | {} | {} | {} | {} |",
        healthy.rolled_back,
        healthy.past_first_in_time,
        dead.past_first,
        dead.rolled_back_in_time,
        dead.rolled_back,
        mostly.past_first,
        half.past_first,
    )
}

#[test]
fn a_good_credential_is_promoted_and_a_dead_one_goes_back() {
    let world = World { per_minute: 600.0, garbage: 0.05, accident: 0.0, dead: 0.0 };
    assert_eq!(world.runs(20).promoted, 20);
    let dead = World { dead: 1.0, ..world }.runs(20);
    assert_eq!((dead.past_first, dead.rolled_back_at_first), (0, 20));
}

/// The table of the decision, and what was reached for. That table is of 40,000 runs (`KEYROLL_ROTATION_RUNS`) in a release
/// build.
#[test]
#[ignore = "soak"]
fn how_often_a_canary_errs() {
    let runs: u64 = std::env::var("KEYROLL_ROTATION_RUNS").map_or(4_000, |text| text.parse().unwrap());
    println!(
        "| requests a minute | background | healthy: rolled back | past 5 % after 5 min | dead: past 5 % \
         | rolled back within 5 min | within 45 min | 9 of 10 refused: past 5 % | every other one: past 5 % |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for per_minute in [10.0, 100.0, 10_000.0] {
        let lines = std::thread::scope(|scope| {
            let threads = BACKGROUNDS.map(|background| scope.spawn(move || line(per_minute, background, runs)));
            threads.map(|thread| thread.join().unwrap())
        });
        lines.iter().for_each(|line| println!("{line}"));
    }
    println!("{runs} runs for each figure");
}
