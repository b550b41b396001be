//! Single steps of rotations, each beside the case in which it is not taken.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "functions that only tests call")]

use std::collections::{BTreeMap, BTreeSet};

use model::name::EnvironmentName;
use model::probe::Reading;
use model::rotation::{
    Counts, Entry, Event, Evidence, Fleet, Manner, Measured, Place, Plan, Planned, ProbeMeans, Reason, Rotation,
    Sibling, Spot, Stage, State, Step, Trouble, WaitFor, Weight, decide,
};
use model::time::{Span, Timestamp};

const UPSTREAM: &str = "https://api.example:443";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn environment(name: &str) -> EnvironmentName {
    name.parse().unwrap()
}

fn planned(after: Option<&str>) -> Event {
    let stage = |name: &str| Stage {
        environment: environment(name),
        protected: false,
        canary: vec![Weight::ALL],
        canary_step: Span::from_secs(60),
        soak: Span::from_secs(600),
        advance: Manner::Automatic,
    };
    Event::Planned(Box::new(Planned {
        outgoing: "key".parse().unwrap(),
        incoming: "key_v2".parse().unwrap(),
        kind: "api_key".parse().unwrap(),
        incoming_is_new: true,
        plan: Plan {
            stages: vec![stage("staging"), stage("production")],
            roll_back: Manner::Automatic,
            delete_outgoing: Manner::Manual,
            reason: Reason::Scheduled,
            after: after.map(str::to_owned),
            approval: false,
            notes: Vec::new(),
        },
        named_at: Vec::new(),
    }))
}

/// A rotation with one event each second.
fn rotation(events: impl IntoIterator<Item = Event>) -> Rotation {
    let line = |(number, event)| Entry { number, at: at(number), actor: "system:rotate".to_owned(), event };
    let log: Vec<Entry> = (1..).zip(events).map(line).collect();
    Rotation::read("rot_2", &log).unwrap()
}

fn probed() -> Event {
    Event::Probed { reading: Reading::Alive, outgoing: None, tried: Vec::new() }
}

fn evidence() -> Evidence {
    let place = |name: &str| Place {
        spot: Spot { route: "r".parse().unwrap(), environment: environment(name) },
        upstream: UPSTREAM.to_owned(),
        names_outgoing: true,
        has_dead_rules: true,
        has_probe: false,
    };
    Evidence {
        places: vec![place("staging"), place("production")],
        measured: Vec::new(),
        needed_at: None,
        outgoing_at: Vec::new(),
        outgoing_deleted: false,
        incoming_unusable: None,
        open: 0,
        fleet: Fleet { nodes: Vec::new(), now: at(10), incarnation: "inc_1".to_owned() },
        sibling: None,
        rivals: BTreeMap::new(),
        window_opens_at: None,
        gap: None,
        probe_under_way: false,
        probe: ProbeMeans::default(),
        unattested: Vec::new(),
    }
}

/// In the canary of staging.
fn in_canary() -> Rotation {
    let began = Event::StageBegan {
        environment: environment("staging"),
        weight: Weight::ALL,
        routes: vec![("r".parse().unwrap(), UPSTREAM.to_owned())],
        healthy: None,
    };
    rotation([planned(None), Event::ProbeSkipped, began])
}

#[test]
fn what_a_probe_finds_in_one_environment_says_nothing_of_another() {
    let before = rotation([planned(None), Event::ProbeBegan, probed()]);
    for (reached, expected) in [("staging", true), ("production", false)] {
        let mut evidence = evidence();
        evidence.probe.routes = BTreeSet::from([environment(reached)]);
        let Step::Record(event) = decide(&before, &evidence, at(10)) else { panic!("it does not enter staging") };
        let mut entered = before.clone();
        entered.apply(&Entry { number: 4, at: at(10), actor: "system:rotate".to_owned(), event }).unwrap();
        let State::Canary(canary) = entered.state else { panic!("it is no canary") };
        assert_eq!(canary.healthy.is_some(), expected, "probed in {reached}");
    }
}

#[test]
fn the_way_back_does_not_wait_for_a_probe_that_is_under_way() {
    let before = in_canary();
    let counted = |pairs: u64, doubtful: u64| {
        let spans = vec![Counts { pairs, alive: 10 - pairs, outgoing_alive: 100, ..Counts::default() }];
        let (environment, upstream) = (environment("staging"), UPSTREAM.to_owned());
        let measured = Measured { environment, upstream, spans, doubtful_since_probe: doubtful, last_at: None };
        let mut evidence = evidence();
        evidence.measured.push(measured);
        evidence.probe.own = true;
        evidence
    };
    for (pairs, doubtful, under_way, expected) in [
        (10, 0, true, "roll_back"),
        (10, 0, false, "roll_back"),
        (0, 5, false, "probe"),
        (0, 5, true, "rest"),
        (0, 0, true, "rest"),
    ] {
        let evidence = Evidence { probe_under_way: under_way, ..counted(pairs, doubtful) };
        let step = decide(&before, &evidence, at(10));
        assert_eq!(step.word(), expected, "{pairs} pairs, {doubtful} doubtful, under way: {under_way}");
    }
}

#[test]
fn the_rotation_that_goes_first_is_asked_about_until_the_last_moment() {
    let before = rotation([planned(Some("rot_1")), Event::ProbeSkipped]);
    let released = rotation([planned(Some("rot_1")), Event::ProbeSkipped, Event::Advanced]);
    let step = |rotation: &Rotation, sibling: Sibling| {
        let evidence = Evidence { sibling: Some(sibling), ..evidence() };
        match decide(rotation, &evidence, at(10)) {
            Step::Record(event) => event,
            other => panic!("{other:?}"),
        }
    };
    let first = || "rot_1".to_owned();
    assert_eq!(step(&before, Sibling::There).word(), "stage_began");
    assert_eq!(step(&before, Sibling::Under), Event::Waiting(WaitFor::Sibling { rotation: first() }));
    let ended = Event::NeedsOperator { why: Trouble::SiblingEnded { rotation: first() } };
    assert_eq!(step(&before, Sibling::Ended), ended);
    assert_eq!(step(&released, Sibling::Ended).word(), "stage_began", "an operator insists");
}

#[test]
fn a_clock_that_runs_ahead_is_not_gone_by() {
    let fleet = evidence().fleet;
    assert_eq!(fleet.moment(at(9)), at(9));
    assert_eq!(fleet.moment(at(30)), at(30), "clocks differ a little");
    assert_eq!(fleet.moment(at(200_000)), at(70));
}
