//! Tables, one line per case: which events follow in which state, what operators may do there, and what is decided.

use std::collections::{BTreeMap, BTreeSet};

use model::name::SecretName;
use model::rotation::{
    Action, Answer, Counts, EVENTS, Entry, Event, Evidence, Fleet, Measured, Place, ProbeMeans, Rotation, STATES,
    Sibling, Spot, Step, act, decide, possible,
};
use model::time::{Span, Timestamp};
use serde_json::{Value, json};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus(Span::from_secs(60 * minute))
}

fn plan() -> Value {
    let stage = |name: &str| {
        json!({"environment": name, "protected": false, "canary": ["5%", "100%"], "canary_step": "5m", "soak": "1h",
               "advance": "automatic"})
    };
    json!({"stages": [stage("staging"), stage("production")], "roll_back": "automatic", "delete_outgoing": "automatic",
           "reason": "scheduled", "after": null, "approval": false, "notes": []})
}

/// An event of each word, as it is written.
fn event(word: &str) -> Value {
    let healthy = json!({"basis": "probe", "at": at(0)});
    let soak = json!({"promoted_at": at(0), "needed_at": null, "elapsed_at": at(0)});
    let converged = json!({"revision": 1, "nodes": []});
    let spot = json!({"route": "r", "environment": "staging"});
    let mut event = match word {
        "planned" => json!({"outgoing": "old", "incoming": "new", "kind": "api_key", "incoming_is_new": true,
                            "plan": plan(), "named_at": []}),
        "approved" => json!({"reason": "fine"}),
        "waiting" => json!({"for": "operator"}),
        "probed" => json!({"reading": "alive", "outgoing": null, "tried": []}),
        "stage_began" => json!({"environment": "staging", "weight": "5%", "routes": [["r", UPSTREAM]]}),
        "canary_step" => json!({"environment": "staging", "step": 1, "weight": "100%"}),
        "found_healthy" => json!({"environment": "staging", "healthy": healthy}),
        "upstream_changed" => json!({"spot": spot, "upstream": "https://other:443"}),
        "route_left" => json!({"spot": spot}),
        "promoted" => json!({"environment": "staging", "healthy": healthy, "changes": [], "revision": 1}),
        "withdrawn" => json!({"soak": soak, "converged": converged, "remains_at": [], "revision": 2}),
        "deleted" => json!({"unused": null}),
        "rolled_back" => json!({"why": {"why": "both_dead"}, "changes": []}),
        "abandoned" | "held" => json!({"note": ""}),
        "needs_operator" => json!({"why": {"why": "both_dead"}}),
        "attested" => json!({"step": "s", "note": "", "link": null, "not_applicable": false}),
        "attestation_removed" => json!({"step": "s"}),
        _ => json!({}),
    };
    event["event"] = word.into();
    event
}

const UPSTREAM: &str = "https://api:443";

/// The way into each state.
const WAYS: [(&str, &str); 13] = [
    ("planned", "planned"),
    ("awaiting_approval", "planned+approval"),
    ("probing", "planned probe_began"),
    ("waiting", "planned probe_skipped"),
    ("canary", "planned probe_skipped stage_began"),
    ("soaking", "planned probe_skipped stage_began promoted"),
    ("watching", "planned probe_skipped promoted advanced promoted"),
    ("withdrawn", "planned probe_skipped promoted advanced promoted withdrawn"),
    ("completed", "planned probe_skipped promoted advanced promoted withdrawn completed"),
    ("rolled_back", "planned probe_skipped stage_began rolled_back"),
    ("abandoned", "planned abandoned"),
    ("held", "planned probe_skipped stage_began held"),
    ("needs_operator", "planned probe_skipped stage_began needs_operator"),
];

fn entry(number: i64, event: Value) -> Entry {
    let event: Event = serde_json::from_value(event).unwrap();
    Entry { number, at: at(0), actor: "token:ops".to_owned(), event }
}

/// The rotation to which these events lead; `+` changes the plan.
fn rotation(way: &str) -> Rotation {
    let mut log = Vec::new();
    for (number, word) in (1..).zip(way.split(' ')) {
        let (word, wish) = word.split_once('+').unwrap_or((word, ""));
        let mut event = event(word);
        match wish {
            "approval" => event["plan"]["approval"] = true.into(),
            "after" => event["plan"]["after"] = "rot_0".into(),
            "manual" => event["plan"]["stages"][0]["advance"] = "manual".into(),
            "no_way_back" => event["plan"]["roll_back"] = "manual".into(),
            "keep" => event["plan"]["delete_outgoing"] = "manual".into(),
            _ => {}
        }
        log.push(entry(number, event));
    }
    Rotation::read("rot_1", &log).unwrap()
}

fn way(state: &str) -> Rotation {
    rotation(WAYS.iter().find(|(word, _)| *word == state).unwrap().1)
}

#[test]
fn there_is_a_way_into_each_state() {
    assert_eq!(WAYS.map(|(state, _)| state).into_iter().collect::<BTreeSet<_>>(), STATES.into_iter().collect());
    for (state, _) in WAYS {
        assert_eq!(way(state).word(), state);
    }
}

#[test]
fn events_follow_in_these_states_alone() {
    let always = "attested attestation_removed";
    let live = "probe_began probed upstream_changed route_left rolled_back held resumed needs_operator";
    for (state, own) in [
        ("planned", "probe_skipped waiting abandoned"),
        ("awaiting_approval", "approved abandoned"),
        ("probing", "probe_skipped advanced abandoned"),
        ("waiting", "waiting stage_began promoted advanced abandoned"),
        ("canary", "canary_step found_healthy promoted"),
        ("soaking", "advanced"),
        ("watching", "withdrawn"),
        ("withdrawn", "deleted completed -rolled_back"),
        ("completed", "-live"),
        ("rolled_back", "-live"),
        ("abandoned", "-live"),
        ("held", "canary_step found_healthy promoted"),
        ("needs_operator", "canary_step found_healthy promoted"),
    ] {
        let without = |word: &&str| !own.contains(&format!("-{word}")) && !own.contains("-live");
        let mut expected: BTreeSet<&str> = live.split(' ').filter(without).collect();
        expected.extend(own.split(' ').filter(|word| !word.starts_with('-')));
        expected.extend(always.split(' '));
        let follows = |word: &&str| {
            let mut rotation = way(state);
            let (before, next) = (rotation.clone(), entry(rotation.version + 1, event(word)));
            let follows = rotation.apply(&next).is_ok();
            assert!(follows || rotation == before, "{state} {word}: refused, and changed all the same");
            follows
        };
        let found: BTreeSet<&str> = EVENTS.into_iter().filter(follows).collect();
        assert_eq!(found, expected, "{state}");
        assert!(way(state).apply(&entry(99, event("attested"))).is_err(), "{state}: a gap in the log");
    }
}

fn evidence() -> Evidence {
    let spot = |environment: &str| Spot { route: "r".parse().unwrap(), environment: environment.parse().unwrap() };
    let place = |environment: &str| Place {
        spot: spot(environment),
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
        fleet: Fleet { nodes: Vec::new(), now: at(0), incarnation: String::new() },
        sibling: None,
        rivals: BTreeMap::new(),
        window_opens_at: None,
        gap: None,
        probe_under_way: false,
        probe: ProbeMeans::default(),
        unattested: Vec::new(),
    }
}

fn counted(counts: Counts, doubtful: u64) -> Vec<Measured> {
    let spans = vec![counts];
    let environment = "staging".parse().unwrap();
    vec![Measured { environment, upstream: UPSTREAM.to_owned(), spans, doubtful_since_probe: doubtful, last_at: None }]
}

/// The words of what may be asked, in the order of the table.
fn actions() -> Vec<Action> {
    let note = String::new;
    vec![
        Action::Approve { reason: note() },
        Action::Advance,
        Action::Promote,
        Action::Hold { note: note() },
        Action::Resume,
        Action::RollBack { note: note() },
        Action::Abandon { note: note() },
    ]
}

#[test]
fn operators_may_do_this() {
    // What changes something; what was done before and changes nothing is in brackets.
    for (state, expected) in [
        ("planned", "hold (resume) roll-back abandon"),
        ("awaiting_approval", "approve hold (resume) roll-back abandon"),
        ("probing", "hold (resume) roll-back abandon"),
        ("waiting", "advance hold (resume) roll-back abandon"),
        ("canary", "advance hold (resume) roll-back"),
        ("soaking", "advance (promote) hold (resume) roll-back"),
        ("watching", "(promote) hold (resume) roll-back"),
        ("withdrawn", "(resume)"),
        ("completed", ""),
        ("rolled_back", "(roll-back)"),
        ("abandoned", "(abandon)"),
        ("held", "(hold) resume roll-back"),
        ("needs_operator", "advance hold resume roll-back"),
    ] {
        let rotation = way(state);
        let mut found = Vec::new();
        for action in actions() {
            match act(&rotation, &action, "token:other", None, &evidence(), at(1)) {
                Err(refused) => assert_eq!(refused.possible, possible(&rotation), "{state}"),
                Ok(Answer::Already) => found.push(format!("({})", action.word())),
                Ok(Answer::Do(_)) => {
                    assert!(possible(&rotation).contains(&action.word()), "{state} {}", action.word());
                    found.push(action.word().to_owned());
                }
            }
        }
        assert_eq!(found.join(" "), expected, "{state}");
    }
    let own = act(&way("awaiting_approval"), &actions()[0], "token:ops", None, &evidence(), at(1));
    assert!(own.is_err(), "nobody approves what they started");
}

#[test]
fn a_promotion_asks_for_evidence_or_for_a_word() {
    let with = |change: &dyn Fn(&mut Evidence)| {
        let mut evidence = evidence();
        change(&mut evidence);
        evidence
    };
    let alive = |alive| Counts { alive, ..Counts::default() };
    let blind = |evidence: &mut Evidence| evidence.places.iter_mut().for_each(|place| place.has_dead_rules = false);
    for (way, evidence, expected) in [
        ("planned probe_skipped stage_began", with(&|_| {}), false),
        ("planned probe_skipped stage_began", with(&|it| it.measured = counted(alive(2), 0)), false),
        ("planned probe_skipped stage_began", with(&|it| it.measured = counted(alive(3), 0)), true),
        ("planned probe_skipped stage_began found_healthy", with(&|_| {}), true),
        ("planned probe_skipped stage_began", with(&blind), true),
        ("planned probe_skipped", with(&|it| it.places.clear()), true),
        (
            "planned probe_skipped",
            with(&|it| it.rivals = [("staging".parse().unwrap(), "rot_2".to_owned())].into()),
            false,
        ),
        (
            "planned probe_skipped stage_began found_healthy",
            with(&|it| it.incoming_unusable = Some("so".to_owned())),
            false,
        ),
    ] {
        let answer = act(&rotation(way), &Action::Promote, "token:ops", None, &evidence, at(1));
        assert_eq!(matches!(answer, Ok(Answer::Do(Step::Promote(_)))), expected, "{way} {answer:?}");
    }
}

#[test]
fn decisions() {
    let alive = |alive| counted(Counts { alive, ..Counts::default() }, 0);
    let pairs = |pairs| counted(Counts { pairs, outgoing_alive: 100, ..Counts::default() }, 0);
    let old: SecretName = "old".parse().unwrap();
    let mention =
        || model::rotation::Mention { route: "r".parse().unwrap(), environment: None, field: old.to_string() };
    type Change<'a> = &'a dyn Fn(&mut Evidence);
    let as_is: Change<'_> = &|_| {};
    let probe: Change<'_> = &|it| it.probe.own = true;
    let canary = "planned probe_skipped stage_began";
    let watching = "planned probe_skipped promoted advanced promoted";
    let withdrawn = "planned probe_skipped promoted advanced promoted withdrawn";
    let cases: &[(&str, i64, Change<'_>, &str)] = &[
        ("planned", 0, as_is, "record probe_skipped"),
        ("planned", 0, probe, "probe"),
        ("planned+after", 0, &|it| it.sibling = Some(Sibling::Under), "record probe_skipped"),
        ("planned+after probe_skipped", 0, &|it| it.sibling = Some(Sibling::Under), "record waiting"),
        ("planned+after probe_skipped", 0, &|it| it.sibling = Some(Sibling::There), "record stage_began"),
        ("planned+after probe_skipped", 0, &|it| it.sibling = Some(Sibling::Ended), "record needs_operator"),
        ("planned+after probe_skipped", 0, as_is, "record needs_operator"),
        ("planned+after probe_skipped advanced", 0, &|it| it.sibling = Some(Sibling::Ended), "record stage_began"),
        ("planned+approval", 0, as_is, "rest"),
        ("planned probe_began", 0, probe, "probe"),
        ("planned probe_began", 0, as_is, "record probe_skipped"),
        ("planned probe_skipped", 0, as_is, "record stage_began"),
        ("planned+manual probe_skipped", 0, as_is, "rest"),
        ("planned+manual probe_skipped advanced", 0, as_is, "record stage_began"),
        ("planned probe_skipped", 0, &|it| it.window_opens_at = Some(at(9)), "record stage_began"),
        ("planned probe_skipped", 0, &|it| it.gap = Some(("rot_2".to_owned(), at(9))), "record waiting"),
        ("planned probe_skipped", 9, &|it| it.gap = Some(("rot_2".to_owned(), at(9))), "record stage_began"),
        ("planned probe_skipped", 0, &|it| it.places[0].has_dead_rules = false, "record waiting"),
        ("planned probe_skipped", 0, &|it| it.incoming_unusable = Some("so".to_owned()), "record needs_operator"),
        (canary, 1, &|it| it.measured = alive(29), "rest"),
        (canary, 1, &|it| it.measured = alive(30), "record found_healthy"),
        (canary, 5, &|it| it.measured = alive(2), "rest"),
        (canary, 5, &|it| it.measured = alive(3), "record canary_step"),
        (canary, 5, &|it| it.places[0].has_dead_rules = false, "rest"),
        (canary, 5, probe, "probe"),
        (canary, 1, &|it| it.measured = pairs(6), "roll_back"),
        ("planned+no_way_back probe_skipped stage_began", 1, &|it| it.measured = pairs(6), "record needs_operator"),
        ("planned probe_skipped stage_began held", 1, &|it| it.measured = pairs(6), "roll_back"),
        (canary, 1, &|it| it.incoming_unusable = Some("so".to_owned()), "roll_back"),
        (canary, 1, &|it| it.places[0].upstream = "https://b:443".to_owned(), "record upstream_changed"),
        (canary, 1, &|it| it.places.clear(), "record route_left"),
        (canary, 1, &|it| (it.probe.own, it.measured) = (true, counted(Counts::default(), 1)), "probe"),
        (canary, 1, &|it| it.probe_under_way = true, "rest"),
        ("planned probe_skipped stage_began canary_step", 5, &|it| it.measured = alive(30), "record found_healthy"),
        ("planned probe_skipped stage_began canary_step found_healthy", 5, &|it| it.measured = alive(30), "promote"),
        ("planned probe_skipped stage_began promoted", 59, as_is, "rest"),
        ("planned probe_skipped stage_began promoted", 60, as_is, "record advanced"),
        (watching, 59, as_is, "rest"),
        (watching, 60, as_is, "withdraw"),
        (watching, 60, &|it| it.measured = pairs(2), "rest"),
        (watching, 60, &|it| it.measured = counted(Counts { alive: 9, pairs: 2, ..Counts::default() }, 0), "withdraw"),
        ("planned probe_skipped stage_began needs_operator canary_step", 1, as_is, "rest"),
        (watching, 60, &|it| it.needed_at = Some(at(1)), "rest"),
        (watching, 60, &|it| it.open = 1, "rest"),
        (watching, 120, &|it| it.open = 1, "withdraw"),
        (withdrawn, 60, as_is, "delete"),
        (withdrawn, 60, &|it| it.open = 1, "rest"),
        (withdrawn, 60, &|it| it.outgoing_at = vec![mention()], "rest"),
        (withdrawn, 60, &|it| it.needed_at = Some(at(30)), "rest"),
        (withdrawn, 60, &|it| it.unattested = vec!["revoked".to_owned()], "rest"),
        (withdrawn, 60, &|it| it.outgoing_deleted = true, "record deleted"),
        ("planned+keep probe_skipped promoted advanced promoted withdrawn", 60, as_is, "rest"),
        ("planned probe_skipped promoted advanced promoted withdrawn deleted", 60, as_is, "record completed"),
        ("planned abandoned", 60, as_is, "rest"),
    ];
    for (line, (way, minute, change, expected)) in cases.iter().enumerate() {
        let mut evidence = evidence();
        change(&mut evidence);
        let found = match decide(&rotation(way), &evidence, at(*minute)) {
            Step::Record(event) => format!("record {}", event.word()),
            step => step.word().to_owned(),
        };
        assert_eq!(&found, expected, "case {line}: {way}, after {minute} minutes");
    }
}

#[test]
fn a_clock_that_is_set_back_takes_nothing_back() {
    let mut rotation = way("canary");
    let mut late = entry(rotation.version + 1, event("canary_step"));
    late.at = at(-60);
    rotation.apply(&late).unwrap();
    assert_eq!((rotation.last_at, rotation.version), (at(0), late.number));
    let mut evidence = evidence();
    evidence.measured = counted(Counts { alive: 9, ..Counts::default() }, 0);
    assert_eq!(decide(&rotation, &evidence, at(-60)), decide(&rotation, &evidence, at(0)));
}
