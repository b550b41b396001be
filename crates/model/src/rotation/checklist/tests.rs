//! Ticked and open: each entry with what shows it and without.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::rotation::event::{Event, Mention};
use crate::rotation::evidence::Evidence;
use crate::rotation::evidence::{Measured, Sibling};
use crate::rotation::facts::{CountRow, Facts, House, Summary};
use crate::rotation::proof::Fleet;
use crate::rotation::traffic::Traffic;
use crate::rotation::verdict::Counts;
use crate::secret::{Kind, State as SecretState};
use crate::snapshot::{SIGNS, Sign, TrialDrained};
use crate::time::{Span, Timestamp};

/// So many minutes into the rotation.
pub(in crate::rotation) fn minute(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
    start.plus(Span::from_secs(60 * minutes))
}

fn entry(number: i64, at: i64, actor: &str, event: Value) -> Entry {
    serde_json::from_value(json!({ "number": number, "at": minute(at), "actor": actor, "event": event })).unwrap()
}

fn change(environment: &str, before: &str, after: &str) -> Value {
    json!({ "route": "payments", "environment": environment, "field": "inject.headers.Authorization",
            "before": format!("Bearer {{{{{before}}}}}"), "after": format!("Bearer {{{{{after}}}}}") })
}

const TWO_DAYS: i64 = 48 * 60;

/// A rotation that went through staging and production to its end.
pub(in crate::rotation) fn whole(kind: Kind) -> Vec<Entry> {
    let stage = |name: &str, protected: bool, canary: Value, soak: &str| {
        json!({ "environment": name, "protected": protected, "canary": canary, "canary_step": "5m", "soak": soak,
                "advance": if protected { "manual" } else { "automatic" } })
    };
    let routes = json!([["payments", "https://api.stripe.com:443"]]);
    let soak = json!({ "promoted_at": minute(25), "needed_at": minute(21), "elapsed_at": minute(25 + TWO_DAYS) });
    let converged = |revision: i64| json!({ "revision": revision, "nodes": ["one", "two"] });
    let healthy = json!({ "basis": "traffic", "judged": 40 });
    let events = [
        (
            0,
            "token:ops",
            json!({ "event": "planned", "outgoing": "stripe", "incoming": "stripe_v2", "kind": kind,
            "incoming_is_new": true, "named_at": [
                { "route": "payments", "environment": "staging", "field": "inject.headers.Authorization" },
                { "route": "payments", "environment": "production", "field": "inject.headers.Authorization" }],
            "plan": { "stages": [stage("staging", false, json!(["100%"]), "0s"),
                                 stage("production", true, json!(["5%", "50%", "100%"]), "48h")],
                      "roll_back": "automatic", "delete_outgoing": "automatic", "reason": "scheduled", "after": null,
                      "approval": true, "notes": [] } }),
        ),
        (1, "token:lead", json!({ "event": "approved", "reason": "change 4711" })),
        (2, "system:rotate", json!({ "event": "probe_began" })),
        (
            3,
            "system:rotate",
            json!({ "event": "probed", "reading": "alive", "outgoing": null, "tried": [
            { "place": "db1/prod", "status_class": "2xx", "reading": "alive", "detail": "took it" },
            { "place": "db2/prod", "status_class": null, "reading": "alive", "detail": "took it" }] }),
        ),
        (
            4,
            "system:rotate",
            json!({ "event": "stage_began", "environment": "staging", "weight": "100%", "routes": routes }),
        ),
        (5, "system:rotate", json!({ "event": "found_healthy", "environment": "staging", "healthy": healthy })),
        (
            10,
            "system:rotate",
            json!({ "event": "promoted", "environment": "staging", "healthy": healthy, "revision": 7,
            "changes": [change("staging", "stripe", "stripe_v2")] }),
        ),
        (11, "system:rotate", json!({ "event": "advanced" })),
        (12, "token:ops", json!({ "event": "advanced" })),
        (
            13,
            "system:rotate",
            json!({ "event": "stage_began", "environment": "production", "weight": "5%", "routes": routes }),
        ),
        (
            18,
            "system:rotate",
            json!({ "event": "canary_step", "environment": "production", "step": 1, "weight": "50%" }),
        ),
        (
            23,
            "system:rotate",
            json!({ "event": "canary_step", "environment": "production", "step": 2, "weight": "100%" }),
        ),
        (
            25,
            "system:rotate",
            json!({ "event": "promoted", "environment": "production", "healthy": healthy, "revision": 8,
            "changes": [change("production", "stripe", "stripe_v2")] }),
        ),
        (
            26 + TWO_DAYS,
            "system:rotate",
            json!({ "event": "withdrawn", "soak": soak, "converged": converged(8),
            "remains_at": [], "revision": 9 }),
        ),
        (
            27 + TWO_DAYS,
            "system:rotate",
            json!({ "event": "deleted",
            "unused": { "converged": converged(9), "soak": soak } }),
        ),
        (28 + TWO_DAYS, "system:rotate", json!({ "event": "completed" })),
    ];
    let numbered = events.into_iter().zip(1..);
    numbered.map(|((at, actor, event), number)| entry(number, at, actor, event)).collect()
}

/// The number of an event of [`whole`], by its word and how many of it come before.
const APPROVED: usize = 2;
const STAGING_PROMOTED: usize = 7;
const PRODUCTION_PROMOTED: usize = 13;
const WITHDRAWN: usize = 14;

pub(in crate::rotation) fn mention(environment: &str) -> Mention {
    let field = "inject.headers.Authorization".to_owned();
    Mention { route: "payments".parse().unwrap(), environment: Some(environment.parse().unwrap()), field }
}

/// What stands when all is done.
pub(in crate::rotation) fn present() -> Present {
    let secret = |fingerprint: &str, state| SecretNow {
        state,
        created_at: minute(0),
        created_by: "token:ops".to_owned(),
        deleted_at: None,
        due_at: Some(minute(30 * 24 * 60)),
        fingerprint: fingerprint.to_owned(),
    };
    Present {
        incoming: Some(secret("kf_2", SecretState::Active)),
        outgoing: Some(secret("kf_1", SecretState::Deleted)),
        incoming_at: vec![mention("staging"), mention("production")],
        protected: BTreeSet::from(["production".parse().unwrap()]),
        measured: vec![measured(Counts { alive: 40, outgoing_alive: 700, ..Counts::default() })],
        needed_at: Some(minute(21)),
        connections: vec!["db1/prod".to_owned(), "db2/prod".to_owned()],
        ..Present::default()
    }
}

fn measured(counts: Counts) -> Measured {
    Measured {
        environment: "production".parse().unwrap(),
        upstream: "https://api.stripe.com:443".to_owned(),
        spans: vec![counts],
        doubtful_since_probe: 0,
        last_at: Some(minute(30)),
    }
}

/// Puts another event at the end.
pub(in crate::rotation) fn then(log: &mut Vec<Entry>, at: i64, actor: &str, event: Value) {
    let number = i64::try_from(log.len()).unwrap() + 1;
    log.push(entry(number, at, actor, event));
}

pub(in crate::rotation) fn attest(log: &mut Vec<Entry>, at: i64, step: &str, link: Option<&str>, waived: bool) {
    let event = json!({ "event": "attested", "step": step, "note": "seen it", "link": link, "not_applicable": waived });
    then(log, at, "token:ann", event);
}

fn vouch(log: &mut Vec<Entry>, step: &str) {
    attest(log, 5_000, step, None, false);
}

fn rolled_back(log: &mut Vec<Entry>, present: &mut Present) {
    log.truncate(PRODUCTION_PROMOTED);
    then(
        log,
        40,
        "token:ops",
        json!({ "event": "rolled_back", "why": { "why": "operator", "note": "" }, "changes": [] }),
    );
    std::mem::swap(&mut present.outgoing_at, &mut present.incoming_at);
}

fn refusing(counts: &mut Present) {
    counts.measured = vec![measured(Counts { alive: 40, pairs: 40, outgoing_alive: 700, ..Counts::default() })];
}

/// The plan has one environment alone, whose promotion is the last.
fn only(log: &mut [Entry], environment: &str) {
    let Event::Planned(planned) = &mut log[0].event else { panic!("the first event") };
    planned.plan.stages.retain(|stage| stage.environment.as_str() == environment);
}

type Case = (Duty, &'static str, fn(&mut Vec<Entry>, &mut Present), ItemState, &'static str);

/// Each entry of the list ticked and open, and what its record or its note holds.
fn cases() -> Vec<Case> {
    use Duty::*;
    use ItemState::{Attested, Evidence, NotApplicable, Open};
    vec![
        (DocumentRoutes, "all are noted", |_, _| (), Evidence, "event/1"),
        (
            DocumentRoutes,
            "one came to it later",
            |_, present| present.outgoing_at = vec![mention("development")],
            Open,
            "is not among",
        ),
        (GenerateCredential, "attested", |log, _| vouch(log, "generate_credential"), Attested, "event/17"),
        (GenerateCredential, "nobody says so", |_, _| (), Open, "at the provider"),
        (
            GenerateCredential,
            "removed",
            |log, _| {
                vouch(log, "generate_credential");
                then(log, 5_001, "token:ann", json!({ "event": "attestation_removed", "step": "generate_credential" }));
            },
            Open,
            "at the provider",
        ),
        (
            GenerateCredential,
            "both hold one value",
            |log, present| {
                vouch(log, "generate_credential");
                present.incoming.as_mut().unwrap().fingerprint = "kf_1".to_owned();
            },
            Open,
            "token:ann attested it, but stripe_v2 and stripe hold the same value",
        ),
        (CreateSecret, "it has a value", |_, _| (), Evidence, "secret/stripe_v2"),
        (
            CreateSecret,
            "deleted",
            |_, present| present.incoming.as_mut().unwrap().state = SecretState::Deleted,
            Open,
            "was deleted",
        ),
        (
            CreateSecret,
            "deleted, whatever is attested",
            |log, present| {
                vouch(log, "create_secret");
                present.incoming = None;
            },
            Open,
            "does not exist",
        ),
        (
            CreateSecret,
            "deleted after its own rotation",
            |_, present| {
                present.incoming.as_mut().unwrap().state = SecretState::Deleted;
                present.replaced_by = Some("rot_2".to_owned());
            },
            Evidence,
            "after rot_2",
        ),
        (UpdateStaging, "promoted", |_, _| (), Evidence, "event/7"),
        (UpdateStaging, "not yet", |log, _| log.truncate(STAGING_PROMOTED - 1), Open, "staging is not promoted yet"),
        (UpdateStaging, "rolled back", rolled_back, Open, "payments names stripe in staging"),
        (
            UpdateStaging,
            "edited by hand",
            |_, present| present.incoming_at.retain(|one| *one != mention("staging")),
            Open,
            "no longer",
        ),
        (
            UpdateStaging,
            "edited by hand, and attested",
            |log, present| {
                present.incoming_at.clear();
                vouch(log, "update_staging");
            },
            Attested,
            "seen it",
        ),
        (
            UpdateStaging,
            "put back, whatever is attested",
            |log, present| {
                present.outgoing_at = vec![mention("staging")];
                vouch(log, "update_staging");
            },
            Open,
            "but payments names stripe in staging",
        ),
        (
            UpdateStaging,
            "replaced in turn",
            |_, present| {
                present.incoming_at.clear();
                present.replaced_by = Some("rot_2".to_owned());
            },
            Evidence,
            "until rot_2",
        ),
        (
            UpdateStaging,
            "left out, and named",
            |log, present| {
                only(log, "production");
                log.truncate(APPROVED);
                present.outgoing_at = vec![mention("staging")];
            },
            Open,
            "the plan leaves out staging",
        ),
        (
            UpdateStaging,
            "left out, and waived",
            |log, present| {
                only(log, "production");
                log.truncate(APPROVED);
                present.outgoing_at = vec![mention("staging")];
                attest(log, 2, "update_staging", None, true);
            },
            NotApplicable,
            "although the plan leaves out staging",
        ),
        (
            UpdateStaging,
            "there is none",
            |log, _| {
                only(log, "production");
                log.truncate(APPROVED);
            },
            NotApplicable,
            "no environment that is not protected",
        ),
        (TestStaging, "by traffic", |_, _| (), Evidence, "40 answers judged"),
        (TestStaging, "before its promotion", |log, _| log.truncate(STAGING_PROMOTED - 1), Evidence, "event/6"),
        (TestStaging, "nothing shows it", |log, _| log.truncate(STAGING_PROMOTED - 2), Open, "nothing shows yet"),
        (
            TestStaging,
            "vouched for",
            |log, _| {
                log.truncate(STAGING_PROMOTED - 2);
                vouch(log, WORKS);
            },
            Attested,
            "seen it",
        ),
        (
            TestStaging,
            "another upstream since",
            |log, _| {
                log.truncate(STAGING_PROMOTED - 1);
                then(
                    log,
                    8,
                    "system:rotate",
                    json!({ "event": "upstream_changed", "upstream": "https://two",
                "spot": { "route": "payments", "environment": "staging" } }),
                );
            },
            Open,
            "nothing shows yet",
        ),
        (TestStaging, "rolled back", rolled_back, Open, "was rolled back"),
        (
            TestStaging,
            "found refused since",
            |log, _| {
                log.truncate(STAGING_PROMOTED);
                vouch(log, "test_staging");
                then(log, 6_000, "system:rotate", json!({ "event": "probe_began" }));
                then(
                    log,
                    6_001,
                    "system:rotate",
                    json!({ "event": "probed", "reading": "dead", "outgoing": "alive", "tried": [] }),
                );
            },
            Open,
            "token:ann attested it, but a probe",
        ),
        (
            TestStaging,
            "found refused before somebody looked",
            |log, _| {
                log.truncate(STAGING_PROMOTED);
                then(log, 20, "system:rotate", json!({ "event": "probe_began" }));
                then(
                    log,
                    21,
                    "system:rotate",
                    json!({ "event": "probed", "reading": "dead", "outgoing": "alive", "tried": [] }),
                );
                vouch(log, "test_staging");
            },
            Attested,
            "although a probe",
        ),
        (
            TestStaging,
            "by the one that goes first",
            |log, present| {
                only(log, "production");
                log.truncate(APPROVED);
                let Event::Planned(planned) = &mut log[0].event else { panic!("the first event") };
                planned.plan.after = Some("rot_0".to_owned());
                present.sibling = Some(Sibling::There);
            },
            NotApplicable,
            "rotation/rot_0",
        ),
        (
            TestStaging,
            "the one that goes first is not there",
            |log, present| {
                only(log, "production");
                log.truncate(APPROVED);
                let Event::Planned(planned) = &mut log[0].event else { panic!("the first event") };
                planned.plan.after = Some("rot_0".to_owned());
                present.sibling = Some(Sibling::Under);
            },
            Open,
            "rot_0 goes first",
        ),
        (UpdateProduction, "promoted", |_, _| (), Evidence, "event/13"),
        (
            UpdateProduction,
            "not yet",
            |log, present| {
                log.truncate(PRODUCTION_PROMOTED - 1);
                present.outgoing_at = vec![mention("production")];
            },
            Open,
            "payments names stripe in production",
        ),
        (UpdateProduction, "rolled back", rolled_back, Open, "payments names stripe in production"),
        (Monitor, "withdrawn", |_, _| (), Evidence, "event/14"),
        (Monitor, "the soak lasts", |log, _| log.truncate(WITHDRAWN - 1), Open, "the soak of 48h lasts until"),
        (
            Monitor,
            "the soak lasts, whatever is attested",
            |log, _| {
                log.truncate(WITHDRAWN - 1);
                vouch(log, "monitor");
            },
            Open,
            "token:ann attested it, but the soak",
        ),
        (
            Monitor,
            "needed after all",
            |_, present| present.needed_at = Some(minute(4_000)),
            Open,
            "after its withdrawal",
        ),
        (VerifyNoErrors, "none", |_, _| (), Evidence, "no request had to be saved"),
        (
            VerifyNoErrors,
            "before the withdrawal",
            |log, _| log.truncate(WITHDRAWN - 1),
            Open,
            "when the outgoing secret is withdrawn",
        ),
        (VerifyNoErrors, "pairs", |_, present| present.pairs_since_cut_over = 3, Open, "3 requests were saved"),
        (
            VerifyNoErrors,
            "pairs, and somebody looked",
            |log, present| {
                present.pairs_since_cut_over = 3;
                vouch(log, "verify_no_errors");
            },
            Attested,
            "although 3 requests were saved",
        ),
        (
            VerifyNoErrors,
            "pairs after somebody looked",
            |log, present| {
                vouch(log, "verify_no_errors");
                (present.pairs_since_cut_over, present.needed_at) = (3, Some(minute(5_001)));
            },
            Open,
            "token:ann attested it, but 3 requests",
        ),
        (VerifyNoErrors, "refused", |_, present| refusing(present), Open, "where it takes the outgoing one"),
        (
            VerifyNoErrors,
            "too little traffic",
            |_, present| present.measured = vec![measured(Counts::default())],
            Open,
            "too few answers",
        ),
        (VerifyNoErrors, "no traffic", |_, present| present.measured.clear(), Open, "neither traffic nor a probe"),
        (
            VerifyNoErrors,
            "no traffic but a probe",
            |log, present| {
                present.measured.clear();
                let tail = log.split_off(WITHDRAWN - 1);
                then(log, 30, "system:rotate", json!({ "event": "probe_began" }));
                then(
                    log,
                    31,
                    "system:rotate",
                    json!({ "event": "probed", "reading": "alive", "outgoing": null, "tried": [] }),
                );
                log.extend(tail.into_iter().zip(16..).map(|(entry, number)| Entry { number, ..entry }));
            },
            Evidence,
            "a probe at",
        ),
        (DeleteOutgoing, "deleted", |_, _| (), Evidence, "event/15"),
        (
            DeleteOutgoing,
            "there again, as from a backup",
            |log, present| {
                vouch(log, "delete_outgoing");
                present.outgoing.as_mut().unwrap().state = SecretState::Active;
            },
            Open,
            "but stripe still has a value",
        ),
        (
            UpdateDocumentation,
            "with a link",
            |log, _| {
                attest(log, 5_000, "update_documentation", Some("https://wiki/stripe"), false);
            },
            Attested,
            "https://wiki/stripe",
        ),
        (UpdateDocumentation, "without a link", |log, _| vouch(log, "update_documentation"), Open, "without a link"),
        (UpdateDocumentation, "nobody says so", |_, _| (), Open, "with a link"),
        (
            UpdateDocumentation,
            "there is none",
            |log, _| attest(log, 5_000, "update_documentation", None, true),
            NotApplicable,
            "seen it",
        ),
        (ScheduleNext, "it is due one day", |_, _| (), Evidence, "secret/stripe_v2"),
        (
            ScheduleNext,
            "the interval is gone",
            |_, present| present.incoming.as_mut().unwrap().due_at = None,
            Open,
            "nothing says when",
        ),
        (
            ScheduleNext,
            "replaced in turn",
            |_, present| present.replaced_by = Some("rot_2".to_owned()),
            Evidence,
            "rotation/rot_2",
        ),
    ]
}

#[test]
fn each_entry_is_ticked_by_what_shows_it_and_open_without() {
    for (duty, name, change, state, holds) in cases() {
        let (mut log, mut present) = (whole(Kind::ApiKey), present());
        change(&mut log, &mut present);
        let rotation = Rotation::read("rot_1", &log).unwrap();
        let item = duty.item(&rotation, &log, &present);
        let told = [item.record.as_deref(), item.link.as_deref(), Some(item.note.as_str())];
        let told: Vec<&str> = told.into_iter().flatten().collect();
        let told = told.join(" ");
        assert_eq!((item.state, told.contains(holds)), (state, true), "{duty:?}, {name}: {item:?}");
        assert_eq!(item.record.is_some(), state != ItemState::Open, "{duty:?}, {name}: {item:?}");
    }
}

#[test]
fn every_entry_has_a_case_that_ticks_it_and_one_that_does_not() {
    for duty in CHECKLIST {
        let has = |open: bool| cases().iter().any(|case| case.0 == duty && (case.3 == ItemState::Open) == open);
        assert!(has(true) && has(false), "{duty:?}");
    }
}

#[test]
fn the_list_has_all_entries_in_their_order() {
    let log = whole(Kind::ApiKey);
    let items = checklist(&Rotation::read("rot_1", &log).unwrap(), &log, &present());
    let words: Vec<&str> = items.iter().map(|item| item.step.as_str()).collect();
    assert_eq!(words, CHECKLIST.map(Duty::word));
    assert_eq!(CHECKLIST.iter().collect::<BTreeSet<_>>().len(), CHECKLIST.len());
    let first = serde_json::to_value(items.first().unwrap()).unwrap();
    let expected = json!({ "step": "document_routes", "state": "evidence", "record": "event/1", "by": "token:ops",
                           "at": "2026-11-02T09:00:00.000Z", "note": "2 places are noted", "link": null });
    assert_eq!(first, expected);
}

#[test]
fn a_token_without_an_interval_is_due_when_its_upstream_says_so() {
    let (log, mut present) = (whole(Kind::OauthToken), present());
    present.incoming.as_mut().unwrap().due_at = None;
    let item = Duty::ScheduleNext.item(&Rotation::read("rot_1", &log).unwrap(), &log, &present);
    assert_eq!(item.state, ItemState::NotApplicable, "{item:?}");
}

fn row(at: i64, sign: Sign, count: u64) -> CountRow {
    let mut counted = TrialDrained { counts: [0; SIGNS.len()], needed_at: None };
    counted.counts[sign as usize] = count;
    CountRow {
        environment: "production".parse().unwrap(),
        upstream: "https://api.stripe.com:443".to_owned(),
        route: "payments".parse().unwrap(),
        at: minute(at),
        counted,
    }
}

fn later(id: &str, state: &str, cut_over_at: Option<Timestamp>) -> Summary {
    Summary {
        id: id.to_owned(),
        outgoing: "stripe_v2".parse().unwrap(),
        incoming: "stripe_v3".parse().unwrap(),
        salt: 0,
        started_at: minute(9_000),
        state: state.to_owned(),
        environment: None,
        state_since: minute(9_000),
        cut_over_at,
        live: false,
        traffic: Traffic::default(),
        version: 1,
    }
}

fn gathered(counts: Vec<CountRow>, needed: Option<i64>, later: &[Summary]) -> Present {
    let log = whole(Kind::ApiKey);
    let rotation = Rotation::read("rot_1", &log).unwrap();
    let mut facts = Facts {
        outgoing: None,
        incoming: None,
        specs: Vec::new(),
        counts,
        outgoing_used: Vec::new(),
        open: Vec::new(),
        sibling: None,
        others: Vec::new(),
    };
    if let (Some(last), Some(needed)) = (facts.counts.last_mut(), needed) {
        last.counted.needed_at = Some(minute(needed));
    }
    let fleet = Fleet { nodes: Vec::new(), now: minute(9_000), incarnation: String::new() };
    let house = House { fleet, window_opens_at: None, gap: Span::default(), allow_private: Vec::new() };
    let evidence = Evidence::gather(&rotation, &facts, &house, false, minute(9_000));
    Present::gather(&rotation, &facts, &evidence, &[], later)
}

#[test]
fn pairs_are_told_that_were_made_since_the_last_promotion() {
    // Production is promoted in minute 25: when pairs were counted, when the outgoing credential was needed last, and how
    // many pairs that says.
    for (at, needed, pairs) in [(20, 20, 0), (20, 30, 0), (25, 24, 0), (25, 26, 2), (30, 30, 2)] {
        let found = gathered(vec![row(at, Sign::Pair, 2)], Some(needed), &[]);
        assert_eq!(found.pairs_since_cut_over, pairs, "counted at {at}, needed at {needed}");
    }
}

#[test]
fn counts_stay_where_no_route_leads_there_any_more() {
    let found = gathered(vec![row(12, Sign::Alive, 9), row(14, Sign::Alive, 40)], None, &[]);
    // What was counted before production was entered is another matter.
    assert_eq!(found.measured.iter().map(|one| one.total().alive).collect::<Vec<_>>(), [40]);
}

#[test]
fn a_later_rotation_has_taken_over_once_it_promoted_and_stayed() {
    let promoted = Some(minute(9_000));
    for (state, cut_over_at, expected) in [
        ("completed", promoted, Some("rot_2".to_owned())),
        ("watching", promoted, Some("rot_2".to_owned())),
        ("canary", None, None),
        ("abandoned", None, None),
        ("rolled_back", promoted, None),
    ] {
        assert_eq!(gathered(Vec::new(), None, &[later("rot_2", state, cut_over_at)]).replaced_by, expected, "{state}");
    }
}
