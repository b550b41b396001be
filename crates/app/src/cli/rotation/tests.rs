//! Commands about rotations against a server that answers what it is told to.

use serde_json::{Value, json};

use super::super::flow_tests::{problem, run};
use super::sample;

/// The sample in another state, with one more line of history.
fn then(state: &str, detail: &str) -> Value {
    let mut item = sample::document();
    item["state"] = json!(state);
    let line =
        json!({"number": 3, "at": "2026-11-26T12:20:00Z", "actor": "system:rotate", "event": state, "detail": detail});
    item["history"].as_array_mut().unwrap().push(line);
    item
}

fn impact(severity: &str) -> Value {
    let item = sample::document();
    json!({
        "outgoing": "stripe_api_key", "incoming": "stripe_api_key_v2", "plan": item["plan"],
        "routes": [{"route": "payments", "environment": "staging", "field": "inject.headers.Authorization",
                    "before": "Bearer {{stripe_api_key}}", "after": "Bearer {{stripe_api_key_v2}}", "requests_24h": 48}],
        "findings": [{"code": "low-traffic", "severity": severity, "detail": "a probe would help",
                      "environment": "staging", "route": "payments"}],
        "diff": [{"route": "payments", "environment": "staging", "field": "inject.headers.Authorization",
                  "before": "Bearer {{stripe_api_key}}", "after": "Bearer {{stripe_api_key_v2}}"}],
    })
}

#[tokio::test]
async fn a_start_sends_what_the_flags_say_and_the_value_nowhere_else() {
    let line = ["rotation", "start", "stripe_api_key", "--value-stdin", "--canary", "production=5%,100%", "-o", "name"];
    let seen = run(&line, "planted\n", false, &[(201, sample::document())]).await;
    assert_eq!((seen.code, seen.stdout.as_str()), (0, "rot_1\n"), "{}", seen.stderr);
    assert_eq!(seen.asked[0].0, "POST /v1/rotations");
    let body: Value = serde_json::from_str(&seen.asked[0].1).unwrap();
    assert_eq!(
        body,
        json!({"outgoing": "stripe_api_key", "incoming": {"value": "planted"},
               "plan": {"canary": {"production": ["5%", "100%"]}}})
    );
    assert!(seen.stderr.contains("get rot_1 --watch") && !seen.stderr.contains("planted"), "{}", seen.stderr);
    let line = ["rotation", "start", "stripe_api_key", "--incoming", "stripe_api_key_v2"];
    let seen = run(&line, "", false, &[(201, sample::document())]).await;
    let body: Value = serde_json::from_str(&seen.asked[0].1).unwrap();
    assert_eq!(body["incoming"], json!({"name": "stripe_api_key_v2"}), "without a value it is one that exists");
    let seen = run(&["rotation", "start", "stripe_api_key"], "", false, &[]).await;
    assert!(seen.code == 1 && seen.stderr.contains("--value-stdin") && seen.stderr.contains("--incoming"));
    let refused = [(409, problem(409, "rotation-in-progress"))];
    let line = ["rotation", "start", "stripe_api_key", "--value-stdin"];
    assert_eq!(run(&line, "planted", false, &refused).await.code, 5);
}

#[tokio::test]
async fn a_dry_run_starts_nothing_and_fails_where_a_start_would() {
    let line = ["rotation", "start", "stripe_api_key", "--incoming", "stripe_api_key_v2", "--dry-run"];
    let seen = run(&line, "", false, &[(200, impact("warning"))]).await;
    assert_eq!((seen.code, seen.asked[0].0.as_str()), (0, "POST /v1/rotations?dry_run=true"), "{}", seen.stderr);
    insta::assert_snapshot!(seen.stdout, @r"
    stripe_api_key is replaced by stripe_api_key_v2

    Used by:
      ROUTE     ENVIRONMENT  FIELD                         REQUESTS IN 24 H
      payments  staging      inject.headers.Authorization  48

    Changes:
      ROUTE     ENVIRONMENT  BEFORE                     AFTER
      payments  staging      Bearer {{stripe_api_key}}  Bearer {{stripe_api_key_v2}}

    Plan:
      ENVIRONMENT  CANARY         STEP  SOAK  ENTERED
      staging      100%           5m    0s    by itself
      production   5%, 50%, 100%  5m    48h   on advance
      a bad credential is rolled back by itself; the outgoing secret is deleted by an operator
      development is left out

    Findings:
      warning  low-traffic  payments@staging  a probe would help
    ");
    let seen = run(&[&line[..], &["-o", "json"]].concat(), "", false, &[(200, impact("error"))]).await;
    assert_eq!((seen.code, serde_json::from_str::<Value>(&seen.stdout).unwrap()), (2, impact("error")));
}

#[tokio::test]
async fn a_person_sees_what_it_would_do_and_is_asked() {
    let line = ["rotation", "start", "stripe_api_key", "--incoming", "stripe_api_key_v2"];
    let known = (200, json!({"name": "stripe_api_key_v2"}));
    let answers = [known.clone(), (200, impact("info")), (201, sample::document())];
    let seen = run(&line, "y\n", true, &answers).await;
    assert_eq!((seen.code, seen.asked.len()), (0, 3), "{}", seen.stderr);
    assert!(
        seen.stderr.contains("low-traffic") && seen.stderr.contains("Replace stripe_api_key by stripe_api_key_v2?")
    );
    let seen = run(&line, "n\n", true, &answers).await;
    assert_eq!((seen.code, seen.asked.len()), (1, 2));
    let seen = run(&line, "y\n", true, &[known, (200, impact("error"))]).await;
    assert_eq!((seen.code, seen.asked.len()), (2, 2), "what would be refused is not asked about");
}

#[tokio::test]
async fn waiting_tells_what_happens_and_ends_as_the_rotation_does() {
    let line = ["rotation", "start", "stripe_api_key", "--incoming", "stripe_api_key_v2", "--wait"];
    for (state, code) in [("completed", 0), ("withdrawn", 0), ("rolled_back", 2), ("needs_operator", 2)] {
        let answers = [
            (201, sample::document()),
            (503, problem(503, "database-unavailable")),
            (200, then(state, "as it had to be")),
        ];
        let seen = run(&line, "", false, &answers).await;
        assert_eq!((seen.code, seen.asked.len()), (code, 3), "{state}: {}", seen.stderr);
        assert_eq!(seen.asked[2].0, "GET /v1/rotations/rot_1");
        let told = format!("2026-11-26T12:20:00Z  {state}  as it had to be (system:rotate)");
        assert_eq!(seen.stderr.matches(&told).count(), 1, "{}", seen.stderr);
        assert!(seen.stdout.starts_with("Rotation:   rot_1\n"), "{}", seen.stdout);
    }
    let seen =
        run(&[&line[..], &["--wait-timeout", "0", "-o", "name"]].concat(), "", false, &[(201, sample::document())])
            .await;
    assert_eq!((seen.code, seen.stdout.as_str()), (6, "rot_1\n"));
    assert!(seen.stderr.contains("rot_1 is still canary"), "{}", seen.stderr);
    let watch = ["rotation", "get", "rot_1", "--watch", "--until", "promoted"];
    let seen = run(&watch, "", false, &[(200, then("watching", "all of it"))]).await;
    assert!(seen.code == 0 && seen.stderr.contains("stripe_api_key_v2 is promoted in staging"), "{}", seen.stderr);
}

#[tokio::test]
async fn a_secret_stands_for_its_rotation() {
    let summary = |id: &str, outgoing: &str| {
        json!({"id": id, "state": "canary", "live": true, "environment": null, "weight": null, "outgoing": outgoing,
               "incoming": "k", "started_at": "", "state_since": "", "cut_over_at": null})
    };
    let page = |items: Vec<Value>| (200, json!({"items": items, "next": null}));
    let found = page(vec![summary("rot_2", "other"), summary("rot_1", "stripe_api_key")]);
    let seen = run(
        &["rotation", "hold", "stripe_api_key", "--note", "a while"],
        "",
        false,
        &[found, (200, sample::document())],
    )
    .await;
    assert_eq!(seen.code, 0, "{}", seen.stderr);
    assert_eq!(seen.asked[0].0, "GET /v1/rotations?limit=50&live=true&secret=stripe_api_key");
    assert_eq!(seen.asked[1], ("POST /v1/rotations/rot_1/hold".to_owned(), r#"{"note":"a while"}"#.to_owned()));
    let seen = run(&["rotation", "hold", "idle"], "", false, &[page(vec![])]).await;
    assert!(seen.code == 3 && seen.stderr.contains("no rotation of it is under way"), "{}", seen.stderr);
    // One that is over can be looked at.
    let over = [page(vec![]), page(vec![summary("rot_1", "stripe_api_key")]), (200, then("completed", "over"))];
    let seen = run(&["rotation", "get", "stripe_api_key", "-o", "name"], "", false, &over).await;
    assert_eq!((seen.code, seen.stdout.as_str(), seen.asked.len()), (0, "rot_1\n", 3), "{}", seen.stderr);
}

#[tokio::test]
async fn what_cannot_be_undone_is_asked_about() {
    let item = || (200, sample::document());
    let seen = run(&["rotation", "roll-back", "rot_1"], "n\n", true, &[item()]).await;
    assert_eq!((seen.code, seen.asked.len()), (1, 1));
    let seen = run(&["rotation", "promote", "rot_1"], "y\n", true, &[item(), item()]).await;
    assert_eq!((seen.code, seen.asked[1].1.as_str()), (0, r#"{"environment":"production"}"#), "{}", seen.stderr);
    let seen = run(&["rotation", "promote", "rot_1", "--yes"], "", true, &[item()]).await;
    assert_eq!((seen.code, seen.asked[0].1.as_str()), (0, "{}"));
    let mut refused = problem(409, "action-not-possible");
    refused["possible"] = json!(["attest"]);
    let seen = run(&["rotation", "roll-back", "rot_1"], "", false, &[(409, refused)]).await;
    assert!(seen.code == 5 && seen.stderr.contains("possible now: attest"), "{}", seen.stderr);
}

#[tokio::test]
async fn steps_are_vouched_for_and_taken_back() {
    let line = ["rotation", "attest", "rot_1", "update_documentation", "--note", "page 12", "--not-applicable"];
    let seen = run(&line, "", false, &[(200, sample::document())]).await;
    assert_eq!(seen.asked[0].0, "POST /v1/rotations/rot_1/attest");
    assert_eq!(seen.asked[0].1, r#"{"step":"update_documentation","note":"page 12","not_applicable":true}"#);
    assert!(seen.stderr.contains("update_documentation is open"), "{}", seen.stderr);
    let seen =
        run(&["rotation", "attest", "rot_1", "notify", "--remove"], "", false, &[(200, sample::document())]).await;
    assert_eq!((seen.code, seen.asked[0].0.as_str()), (0, "DELETE /v1/rotations/rot_1/attest/notify"));
    assert!(seen.stdout.starts_with("STEP "), "{}", seen.stdout);
}

#[tokio::test]
async fn a_checklist_ends_with_what_comes_next() {
    let item = sample::document()["checklist"].clone();
    let mut step = item[1].clone();
    let more = json!({"what": "Name the new secret where the old one was named.", "outside": true, "next": true,
                      "command": "keyroll rotation attest rot_1 update_documentation --note TEXT"});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let document = json!({"items": item, "playbook": [step], "attestable": ["update_documentation"]});
    let told = || [(200, document.clone())];
    let seen = run(&["rotation", "checklist", "rot_1", "-o", "name"], "", false, &told()).await;
    assert_eq!((seen.code, seen.stdout.as_str()), (0, "update_documentation\n"));
    let seen = run(&["rotation", "checklist", "rot_1", "-o", "json"], "", false, &told()).await;
    assert_eq!(serde_json::from_str::<Value>(&seen.stdout).unwrap(), document);
    let seen = run(&["rotation", "checklist", "rot_1"], "", false, &told()).await;
    assert!(seen.stderr.contains("1 of 2 open"), "{}", seen.stderr);
    insta::assert_snapshot!(seen.stdout, @r"
    STEP                  STATE     BY         AT                    DETAIL
    create_incoming       evidence  token:ops  2026-11-26T12:00:00Z  secret/stripe_api_key_v2
    update_documentation  open      -          -                     Update the documentation

    PLAYBOOK              STATE
    update_documentation  open   Update the documentation  next

    Next: Name the new secret where the old one was named.
      keyroll rotation attest rot_1 update_documentation --note TEXT
    ");
}

#[tokio::test]
async fn a_rotation_is_a_page() {
    let seen = run(&["rotation", "get", "rot_1", "-o", "json"], "", false, &[(200, sample::document())]).await;
    assert_eq!(serde_json::from_str::<Value>(&seen.stdout).unwrap(), sample::document());
    insta::assert_snapshot!(super::page::whole(&sample::in_canary(), sample::now()), @r"
    Rotation:   rot_1
    State:      canary, for 1m 12s
    Outgoing:   stripe_api_key
    Incoming:   stripe_api_key_v2
    Stage:      2 of 2: production
    Canary:     5% of production, step 1 of 3, for 1m 12s, careful: what cannot be sent again keeps the outgoing one
    Promoted:   staging
    Next:       give the incoming secret 50% of the traffic of production, in 3m 48s (2026-11-26T12:13:48Z)
    Waits for:  answers that show that the incoming credential works
    Verdict:    undecided: 12 answers say something, of 30
    Started:    2026-11-26T12:00:00Z by token:ops
    Possible:   advance, promote, hold, roll-back, attest

    Answers:
      ENVIRONMENT  CREDENTIAL         ACCEPTED  REJECTED  FORBIDDEN  OTHER
      staging      stripe_api_key     0         0         -          3
      staging      stripe_api_key_v2  40        0         2          1
      production   stripe_api_key     240       0         -          3
      production   stripe_api_key_v2  12        1         2          1

    Plan:
      ENVIRONMENT  CANARY         STEP  SOAK  ENTERED
      staging      100%           5m    0s    by itself
      production   5%, 50%, 100%  5m    48h   on advance

    Templates:
      ROUTE     ENVIRONMENT  FIELD                         AFTER
      payments  staging      inject.headers.Authorization  Bearer {{stripe_api_key_v2}}  done
      payments  production   inject.headers.Authorization  Bearer {{stripe_api_key_v2}}  to come

    Checklist:
      STEP                  STATE     BY         AT                    DETAIL
      create_incoming       evidence  token:ops  2026-11-26T12:00:00Z  secret/stripe_api_key_v2
      update_documentation  open      -          -                     Update the documentation

    History:
      AT                    EVENT        BY             DETAIL
      2026-11-26T12:00:00Z  planned      token:ops      stripe_api_key to be replaced
      2026-11-26T12:08:48Z  stage_began  system:rotate  5% of the traffic of production

    Note: development is left out
    ");
}
