//! The document of a rotation, as JSON and as text.

use serde_json::json;

use super::*;
use crate::rotation::checklist::checklist;
use crate::rotation::checklist::tests::{attest, minute, present, then, whole};
use crate::rotation::playbook::playbook;
use crate::rotation::verdict::Counts;

fn counted(environment: &str, at: i64, counts: Counts) -> Counted {
    let upstream = "https://api.stripe.com:443".to_owned();
    Counted { environment: environment.parse().unwrap(), upstream, at: minute(at), counts }
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
        checklist: checklist(&rotation, log, &present()),
        playbook: playbook(&rotation, log, &present()),
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
        counted("production", 18, Counts { alive: 48, pairs: 1, outgoing_alive: 51, outgoing_dead: 1, unpaired: 0 }),
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
    insta::assert_snapshot!(text, @r#"
    # Rotation rot_1: stripe is replaced by stripe_v2

    - completed, ended at 2026-11-04T09:28:00.000Z; both are api_key
    - started at 2026-11-02T09:00:00.000Z by token:ops
    - approved by token:lead: change 4711 (event 2, audit 102, 2026-11-02T09:01:00.000Z by token:lead)
    - token:ops: events 1, 9
    - token:lead: events 2
    - system:rotate: events 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16
    - token:ann: events 17
    - this document was made at 2026-11-06T13:00:00.000Z (keyroll-rotation-evidence/1)

    ## Plan

    - reason: scheduled
    - staging: 100% for 5m each, then a soak of 0s; entered by itself
    - production (protected): 5%, 50%, 100% for 5m each, then a soak of 48h; entered when an operator advances it
    - named at the start: payments in staging, inject.headers.Authorization
    - named at the start: payments in production, inject.headers.Authorization

    ## staging

    - payments took part, to https://api.stripe.com:443
    - verdict on https://api.stripe.com:443: healthy, by 40 answers

    | share     | from                     | upstream                   | alive | pairs | unpaired | out alive | out dead |
    | --------- | ------------------------ | -------------------------- | ----- | ----- | -------- | --------- | -------- |
    | 100%      | 2026-11-02T09:04:00.000Z | https://api.stripe.com:443 | 40    | 0     | 0        | 0         | 0        |
    | templates | 2026-11-02T09:10:00.000Z | -                          | -     | -     | -        | -         | -        |

    Promoted in revision 7 (event 7, audit 107, 2026-11-02T09:10:00.000Z by system:rotate): 40 answers judged, no worse than with the outgoing credential.

        payments staging inject.headers.Authorization
        - Bearer {{stripe}}
        + Bearer {{stripe_v2}}

    ## production (protected)

    - payments took part, to https://api.stripe.com:443
    - verdict on https://api.stripe.com:443: healthy, by 4054 answers

    | share     | from                     | upstream                   | alive | pairs | unpaired | out alive | out dead |
    | --------- | ------------------------ | -------------------------- | ----- | ----- | -------- | --------- | -------- |
    | 5%        | 2026-11-02T09:13:00.000Z | https://api.stripe.com:443 | 5     | 0     | 0        | 95        | 0        |
    | 50%       | 2026-11-02T09:18:00.000Z | https://api.stripe.com:443 | 48    | 1     | 0        | 51        | 1        |
    | 100%      | 2026-11-02T09:23:00.000Z | -                          | -     | -     | -        | -         | -        |
    | templates | 2026-11-02T09:25:00.000Z | https://api.stripe.com:443 | 4000  | 0     | 0        | 0         | 0        |

    Promoted in revision 8 (event 13, audit 113, 2026-11-02T09:25:00.000Z by system:rotate): 40 answers judged, no worse than with the outgoing credential.

        payments production inject.headers.Authorization
        - Bearer {{stripe}}
        + Bearer {{stripe_v2}}

    ## Probes

    - incoming taken (event 4, audit 104, 2026-11-02T09:03:00.000Z by system:rotate)
      - db1/prod: 2xx took it
      - db2/prod: took it

    ## The end of the outgoing secret

    - zero-use window: last needed at 2026-11-02T09:21:00.000Z, the last promotion at 2026-11-02T09:25:00.000Z; from the later of both until 2026-11-04T09:25:00.000Z nothing needed it
    - converged: one, two at or past revision 8
    - withdrawn in revision 9 (event 14, audit 114, 2026-11-04T09:26:00.000Z by system:rotate)
    - deleted, proven unused (event 15, audit 115, 2026-11-04T09:27:00.000Z by system:rotate)

    ## Checklist

    - [x] document_routes: evidence by token:ops at 2026-11-02T09:00:00.000Z, event/1: 2 places are noted
    - [x] generate_credential: attested by token:ann at 2026-11-05T20:20:00.000Z, event/17: seen it (https://tickets/4711)
    - [x] create_secret: evidence by token:ops at 2026-11-02T09:00:00.000Z, secret/stripe_v2: it has a value
    - [x] update_staging: evidence by system:rotate at 2026-11-02T09:10:00.000Z, event/7: the routes name stripe_v2 in staging
    - [x] test_staging: evidence by system:rotate at 2026-11-02T09:10:00.000Z, event/7: staging: 40 answers judged, no worse than with the outgoing credential
    - [x] update_production: evidence by system:rotate at 2026-11-02T09:25:00.000Z, event/13: the routes name stripe_v2 in production
    - [x] monitor: evidence by system:rotate at 2026-11-04T09:26:00.000Z, event/14: 48h without any need of the outgoing credential
    - [x] verify_no_errors: evidence by system:rotate at 2026-11-04T09:26:00.000Z, event/14: no request had to be saved; 40 answers judged in all
    - [x] delete_outgoing: evidence by system:rotate at 2026-11-04T09:27:00.000Z, event/15: its value is destroyed
    - [ ] update_documentation: open: attest it with a link to what was changed, or say why there is nothing to change
    - [x] schedule_next: evidence, secret/stripe_v2: due at 2026-12-02T09:00:00.000Z

    ## Playbook

    - [x] update_routes: evidence by system:rotate at 2026-11-02T09:25:00.000Z, event/13: the routes name stripe_v2 in staging; the routes name stripe_v2 in production
    - [x] credential_works: evidence by system:rotate at 2026-11-02T09:25:00.000Z, event/13: staging: 40 answers judged, no worse than with the outgoing credential; production: 40 answers judged, no worse than with the outgoing credential

    ## Everything that happened

    1. 2026-11-02T09:00:00.000Z token:ops: stripe is to be replaced by stripe_v2 in staging, production (scheduled), audit 101
    2. 2026-11-02T09:01:00.000Z token:lead: approved: change 4711, audit 102
    3. 2026-11-02T09:02:00.000Z system:rotate: a probe began, audit 103
    4. 2026-11-02T09:03:00.000Z system:rotate: the incoming credential was taken in 2 places, audit 104
    5. 2026-11-02T09:04:00.000Z system:rotate: 100% of the traffic of 1 route in staging gets the incoming credential, audit 105
    6. 2026-11-02T09:05:00.000Z system:rotate: found healthy in staging: 40 answers judged, no worse than with the outgoing credential, audit 106
    7. 2026-11-02T09:10:00.000Z system:rotate: 1 template changed in staging to name the incoming secret, in revision 7: 40 answers judged, no worse than with the outgoing credential, audit 107
    8. 2026-11-02T09:11:00.000Z system:rotate: the next step was taken, audit 108
    9. 2026-11-02T09:12:00.000Z token:ops: the next step was taken, audit 109
    10. 2026-11-02T09:13:00.000Z system:rotate: 5% of the traffic of 1 route in production gets the incoming credential, audit 110
    11. 2026-11-02T09:18:00.000Z system:rotate: 50% of the traffic in production gets the incoming credential, audit 111
    12. 2026-11-02T09:23:00.000Z system:rotate: 100% of the traffic in production gets the incoming credential, audit 112
    13. 2026-11-02T09:25:00.000Z system:rotate: 1 template changed in production to name the incoming secret, in revision 8: 40 answers judged, no worse than with the outgoing credential, audit 113
    14. 2026-11-04T09:26:00.000Z system:rotate: the outgoing secret is in no snapshot from revision 9 on, audit 114
    15. 2026-11-04T09:27:00.000Z system:rotate: the outgoing secret's value was destroyed, proven unused, audit 115
    16. 2026-11-04T09:28:00.000Z system:rotate: completed, audit 116
    17. 2026-11-05T20:20:00.000Z token:ann: generate_credential attested: seen it (https://tickets/4711), audit 117

    ## Anchor

    The audit's last checkpoint. It covers the audit events up to the number that it states:

        keyroll/1a2b3c4d
        116
        AAAA

        — keyroll/1a2b3c4d BBBB
    "#);
}

#[test]
fn a_rotation_that_went_back_says_why_and_what_it_changed() {
    let mut log = whole(Kind::ApiKey);
    log.truncate(11);
    let why = json!({ "why": "rejected", "environment": "production", "upstream": "https://api.stripe.com:443",
                      "pairs": 6, "alive": 0 });
    let change = json!({ "route": "payments", "environment": "staging", "field": "inject.headers.Authorization",
                         "before": "Bearer {{stripe_v2}}", "after": "Bearer {{stripe}}" });
    then(&mut log, 20, "system:rotate", json!({ "event": "rolled_back", "why": why, "changes": [change] }));
    let made = made(&log, &[]);
    assert_eq!((made.state.as_str(), made.ended_at), ("rolled_back", Some(minute(20))));
    let text = readable(&made);
    let (_, back) = text.split_once("## Roll back\n\n").unwrap();
    assert!(
        back.starts_with("Rolled back (event 12, audit 112, 2026-11-02T09:20:00.000Z by system:rotate): "),
        "{back}"
    );
    assert!(back.contains("6 times, against 0 answers") && back.contains("    + Bearer {{stripe}}\n"), "{back}");
    assert!(text.contains("It is not withdrawn.") && !text.contains("zero-use window"), "{text}");
}
