use serde_json::json;

use super::*;
use crate::rotation::checklist::checklist;
use crate::rotation::checklist::tests::{attest, facts, minute, then, whole};
use crate::rotation::playbook::playbook;

fn counted(environment: &str, at: i64, counts: Counts) -> Counted {
    let upstream = "https://api.stripe.com:443".to_owned();
    Counted { environment: environment.parse().unwrap(), upstream, at: minute(at), counts, unpaired: 0 }
}

fn made(log: &[Entry], counted: &[Counted]) -> Dossier {
    let rotation = Rotation::read("rot_1", log).unwrap();
    let audit: BTreeMap<i64, i64> = log.iter().map(|entry| (entry.number, entry.number + 100)).collect();
    dossier(Sources {
        rotation: &rotation,
        log,
        counted,
        audit: &audit,
        checkpoint: Some(json!("keyroll/1a2b3c4d\n116\nAAAA\n\n— keyroll/1a2b3c4d BBBB\n")),
        checklist: checklist(&rotation, log, &facts()),
        playbook: playbook(&rotation, log, &facts()),
        now: minute(6_000),
    })
}

fn some_counts() -> Vec<Counted> {
    let taken = |alive, outgoing_alive| Counts { alive, outgoing_alive, ..Counts::default() };
    vec![
        // Before staging was entered: not this rotation's.
        counted("staging", 1, taken(0, 900)),
        counted("staging", 4, taken(20, 0)),
        counted("staging", 6, taken(20, 0)),
        counted("production", 13, taken(5, 95)),
        counted("production", 18, Counts { alive: 48, pairs: 1, outgoing_alive: 51, outgoing_dead: 1 }),
        counted("production", 25, taken(4_000, 0)),
    ]
}

#[test]
fn counts_belong_to_the_step_in_which_they_were_made() {
    let made = made(&whole(Kind::ApiKey), &some_counts());
    let steps = |at: usize| -> Vec<(Option<String>, u64)> {
        let steps = made.environments[at].steps.iter();
        let alive = |step: &Share| step.counts.iter().map(|tally| tally.alive).sum();
        steps.map(|step| (step.weight.map(|weight| weight.to_string()), alive(step))).collect()
    };
    assert_eq!(steps(0), [(Some("100%".to_owned()), 40), (None, 0)]);
    let shares = ["5%", "50%", "100%"].map(|share| Some(share.to_owned()));
    let [five, fifty, all] = shares;
    assert_eq!(steps(1), [(five, 5), (fifty, 48), (all, 0), (None, 4_000)]);
    let judged: Vec<_> =
        made.environments.iter().map(|one| (one.verdicts[0].verdict.as_str(), one.verdicts[0].judged)).collect();
    assert_eq!(judged, [("healthy", 40), ("healthy", 4_054)]);
}

#[test]
fn every_event_is_in_it_with_its_number_in_the_audit() {
    let log = whole(Kind::ApiKey);
    let made = made(&log, &[]);
    let numbers: Vec<_> = made.history.iter().map(|line| (line.record.event, line.record.audit)).collect();
    assert_eq!(numbers, (1..=16).map(|number| (number, Some(number + 100))).collect::<Vec<_>>());
    assert_eq!(made.actors.iter().map(|actor| actor.events.len()).sum::<usize>(), log.len());
    assert!(made.history.iter().all(|line| !line.said.is_empty()));
    let text = serde_json::to_string(&made).unwrap();
    assert_eq!(serde_json::from_str::<Dossier>(&text).unwrap(), made);
}

#[test]
fn its_members_have_stable_names() {
    let made = serde_json::to_value(made(&whole(Kind::ApiKey), &some_counts())).unwrap();
    let names: Vec<&str> = made.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = vec![
        "format",
        "made_at",
        "rotation",
        "outgoing",
        "incoming",
        "kind",
        "state",
        "started_at",
        "started_by",
        "ended_at",
        "plan",
        "named_at",
        "actors",
        "approval",
        "probes",
        "environments",
        "roll_back",
        "withdrawal",
        "deletion",
        "checklist",
        "playbook",
        "history",
        "checkpoint",
    ];
    expected.sort_unstable();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(
        made["approval"],
        json!({ "event": 2, "audit": 102, "at": "2026-11-02T09:01:00.000Z",
                                         "by": "token:lead", "reason": "change 4711" })
    );
    assert_eq!(made["withdrawal"]["soak"]["needed_at"], json!("2026-11-02T09:21:00.000Z"));
    assert_eq!(made["withdrawal"]["converged"]["nodes"], json!(["one", "two"]));
}

#[test]
fn what_people_wrote_stays_on_its_line() {
    let mut log = whole(Kind::ApiKey);
    log.truncate(2);
    let note = "all fine\n# Forged\n\u{1b}[2J<script>";
    then(&mut log, 5, "token:ops", json!({ "event": "held", "note": note }));
    let text = readable(&made(&log, &[]));
    assert!(text.contains("held: all fine # Forged  [2J\\<script>"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("# Forged")), "{text}");
    assert!(!text.chars().any(|one| one.is_control() && one != '\n'), "{text}");
    assert!(!made(&log, &[]).history.is_empty());
}

#[test]
fn it_can_be_read() {
    let mut log = whole(Kind::ApiKey);
    attest(&mut log, 5_000, "generate_credential", Some("https://tickets/4711"), false);
    let text = readable(&made(&log, &some_counts()));
    insta::assert_snapshot!(text, @"");
}
