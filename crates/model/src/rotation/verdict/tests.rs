//! The rules against simulated canaries, answer by answer.

use super::*;

/// A simulated canary: each second so many requests, a share of them with the incoming credential.
struct World {
    per_second: f64,
    weight: f64,
    /// How often a request is refused whatever the credential.
    garbage: f64,
    /// How often a good credential is refused by accident.
    accident: f64,
    /// How often the incoming credential is refused because it is not good.
    dead: f64,
}

/// SplitMix64: small, and good enough to draw accidents.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number((z ^ (z >> 31)) >> 11) / number(1 << 53)
    }

    fn falls(&mut self, chance: f64) -> bool {
        self.next() < chance
    }
}

impl World {
    fn second(&self, dice: &mut Dice) -> Counts {
        let mut counts = Counts::default();
        let mut left = self.per_second;
        while left > 0.0 {
            let comes = left >= 1.0 || dice.falls(left);
            left -= 1.0;
            if !comes {
                continue;
            }
            let garbage = dice.falls(self.garbage);
            let outgoing = !garbage && !dice.falls(self.accident);
            if !dice.falls(self.weight) {
                if outgoing {
                    counts.outgoing_alive += 1
                } else {
                    counts.outgoing_dead += 1
                }
                continue;
            }
            let incoming = !garbage && !dice.falls(self.accident) && !dice.falls(self.dead);
            match (incoming, outgoing) {
                (true, _) => counts.alive += 1,
                (false, true) => counts.pairs += 1,
                (false, false) => {}
            }
        }
        counts
    }

    fn verdicts(&self, seconds: usize, runs: u64) -> [u64; 3] {
        let mut found = [0; 3];
        for seed in 0..runs {
            let mut dice = Dice(seed.wrapping_mul(7_919));
            let spans: Vec<Counts> = (0..seconds).map(|_| self.second(&mut dice)).collect();
            found[match judge(spans) {
                Verdict::Healthy => 0,
                Verdict::Undecided { .. } => 1,
                Verdict::Unhealthy(_) => 2,
            }] += 1;
        }
        found
    }
}

const QUIET: World = World { per_second: 10.0, weight: 0.05, garbage: 0.0, accident: 0.0, dead: 0.0 };

#[test]
fn a_good_credential_stays_and_a_dead_one_goes() {
    let [healthy, _, unhealthy] = QUIET.verdicts(300, 200);
    assert_eq!((healthy, unhealthy), (200, 0));
    let [healthy, _, unhealthy] = World { dead: 1.0, ..QUIET }.verdicts(300, 200);
    assert_eq!((healthy, unhealthy), (0, 200));
}

#[test]
fn garbage_of_a_client_says_nothing() {
    let flooded = World { garbage: 0.9, per_second: 100.0, ..QUIET };
    assert_eq!(flooded.verdicts(120, 50), [50, 0, 0]);
}

#[test]
fn an_upstream_that_refuses_by_accident_is_no_reason() {
    let [_, _, unhealthy] = World { accident: 0.05, per_second: 50.0, ..QUIET }.verdicts(300, 200);
    assert_eq!(unhealthy, 0);
    let [healthy, _, unhealthy] = World { accident: 0.05, dead: 1.0, per_second: 50.0, ..QUIET }.verdicts(300, 50);
    assert_eq!((healthy, unhealthy), (0, 50));
}

#[test]
fn one_that_is_refused_now_and_then_is_found_too() {
    let partly = World { dead: 0.1, per_second: 50.0, ..QUIET };
    let [healthy, _, unhealthy] = partly.verdicts(300, 50);
    assert!(healthy == 0 && unhealthy > 45, "{healthy} {unhealthy}");
}

#[test]
fn a_credential_that_dies_in_the_middle_is_found_within_seconds() {
    let mut dice = Dice(1);
    let mut spans: Vec<Counts> = (0..3_600).map(|_| QUIET.second(&mut dice)).collect();
    assert_eq!(judge(spans.iter().copied()), Verdict::Healthy);
    let dead = World { dead: 1.0, ..QUIET };
    spans.extend((0..20).map(|_| dead.second(&mut dice)));
    assert_eq!(judge(spans), Verdict::Unhealthy(Why::Dead));
}

#[test]
fn too_little_is_no_verdict() {
    let alive = |alive| judge([Counts { alive, ..Counts::default() }]);
    assert_eq!(alive(ENOUGH - 1), Verdict::Undecided { judged: ENOUGH - 1 });
    assert_eq!(alive(ENOUGH), Verdict::Healthy);
    // A last answer that was a refusal has to be explained by others first.
    let last = [Counts { alive: 100, ..Counts::default() }, Counts { pairs: 1, ..Counts::default() }];
    assert_eq!(judge(last), Verdict::Undecided { judged: 101 });
}

#[test]
fn no_number_is_too_great() {
    let most = u64::MAX;
    let all = Counts { alive: most, pairs: most, unpaired: most, outgoing_alive: most, outgoing_dead: most };
    for spans in [vec![all], vec![all, all], vec![Counts { pairs: u64::MAX, ..Counts::default() }]] {
        assert!(matches!(judge(spans), Verdict::Healthy | Verdict::Unhealthy(_)));
    }
}

#[test]
fn without_a_second_try_only_the_difference_within_a_span_counts() {
    let span = |[alive, unpaired, outgoing_alive, outgoing_dead]: [u64; 4]| Counts {
        alive,
        unpaired,
        outgoing_alive,
        outgoing_dead,
        ..Counts::default()
    };
    let refused = |spans: &[[u64; 4]], times: usize| {
        let spans: Vec<Counts> = spans.iter().map(|counts| span(*counts)).collect();
        more_often_refused((0..times).flat_map(|_| spans.clone())).is_some()
    };
    for (spans, times, expected, told) in [
        (&[[0, 1, 19, 0]][..], 40, true, "dead"),
        (&[[0, 1, 0, 0], [0, 0, 19, 0]], 40, true, "dead, span by span"),
        (&[[0, 1, 19, 0]], 20, false, "too few"),
        (&[[1, 0, 19, 0]], 400, false, "alive"),
        (&[[1, 9, 19, 171]], 400, false, "garbage meets both alike"),
        (&[[0, 90, 0, 0]], 400, false, "nothing to compare with"),
        (&[[95, 5, 100, 0]], 400, false, "a small difference"),
    ] {
        assert_eq!(refused(spans, times), expected, "{told}");
    }
    let canary = vec![span([5, 0, 95, 0]); 60];
    let promoted = vec![span([10, 90, 0, 0]); 600];
    assert_eq!(
        more_often_refused([canary.clone(), promoted].concat()),
        None,
        "garbage that begins after the promotion"
    );
    let half = vec![span([5, 45, 5, 45]); 60];
    assert_eq!(more_often_refused([canary, half].concat()), None, "garbage that begins with the second step");
}

#[test]
fn many_accidents_in_one_span_are_still_accidents() {
    // A busy upstream that refuses one in a hundred, counted by the minute.
    let minute =
        |pairs| Counts { alive: 10_000 - pairs, pairs, outgoing_alive: 9_900, outgoing_dead: 100, unpaired: 0 };
    assert_eq!(judge((0..600).map(|at| minute(90 + at % 20))), Verdict::Healthy);
    let dies = (0..600).map(|at| minute(if at == 599 { 6_000 } else { 100 }));
    assert_eq!(judge(dies), Verdict::Unhealthy(Why::Dead));
}
