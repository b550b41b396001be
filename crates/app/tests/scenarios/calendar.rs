//! The calendar of due dates, read by a calendar library that others wrote.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use testkit::{Answer, TestNode, Upstream};

use crate::house::{client, eventually, route};

/// Debian's own interpreter, since Debian's packages are for that one.
const PYTHON: &str = "/usr/bin/python3";

/// Prints what the library understood; fails where there is anything that it does not take.
const READER: &str = r#"
import json, sys, datetime
from icalendar import Calendar
raw = sys.stdin.buffer.read()
calendar = Calendar.from_ical(raw)
events = []
for part in calendar.walk():
    assert not part.errors, part.errors
    if part.name == "VEVENT":
        for name in ("UID", "DTSTAMP", "DTSTART", "SUMMARY", "DESCRIPTION", "CATEGORIES"):
            assert name in part, name
        start = part.decoded("DTSTART")
        assert type(start) is datetime.date, start
        assert part.decoded("DTSTAMP").tzinfo is not None
        events.append({
            "uid": str(part["UID"]), "start": start.isoformat(), "summary": str(part["SUMMARY"]),
            "description": str(part["DESCRIPTION"]), "secret": str(part["X-KEYROLL-SECRET"]),
            "categories": [str(one) for one in part["CATEGORIES"].cats],
            "reminders": [int(alarm.decoded("TRIGGER").total_seconds()) // 86400 for alarm in part.subcomponents],
        })
json.dump({"version": str(calendar["VERSION"]), "parts": len(calendar.subcomponents), "events": events}, sys.stdout)
"#;

fn read(calendar: &str) -> Result<Value, String> {
    let mut python = Command::new(PYTHON)
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(calendar.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn printed(node: &TestNode, more: &[&str]) -> String {
    node.cli(&[&["rotation", "calendar"], more].concat(), "").expect(0).stdout
}

#[test]
fn a_calendar_library_reads_what_the_command_prints() {
    let mut node = super::start();
    let empty = read(&printed(&node, &[])).unwrap();
    assert_eq!((&empty["events"], &empty["parts"]), (&json!([]), &json!(1)), "one without events is a calendar too");

    let owner = "Zahlungen; Köln, \\ 支払い 🔑 ".repeat(12);
    let critical =
        json!({"name": "stripe_api_key", "value": "sk_of_the_calendar", "class": "critical", "owner": owner.trim()});
    let made = node.api("POST", "/v1/secrets", Some(&critical)).expect(201).json();
    let token = json!({"name": "crm_token", "value": "token_of_the_calendar", "kind": "oauth_token"});
    let born = node.api("POST", "/v1/secrets", Some(&token)).expect(201).json();
    assert_eq!(born["rotation_due_at"], Value::Null);

    let due = made["rotation_due_at"].as_str().unwrap();
    let told = read(&printed(&node, &[])).unwrap();
    let event = &told["events"][0];
    assert_eq!((&told["version"], told["events"].as_array().unwrap().len()), (&json!("2.0"), 1), "{told}");
    assert_eq!(event["start"], due[..10]);
    assert_eq!(event["summary"], "Rotate stripe_api_key");
    assert_eq!((&event["categories"], &event["reminders"]), (&json!(["critical"]), &json!([-14, -7, -1])));
    let description = event["description"].as_str().unwrap();
    assert!(description.contains(&format!("\nOwner: {}.\n", owner.trim())), "{description}");
    assert!(description.ends_with("keyroll rotation start stripe_api_key"), "{description}");

    // Its upstream calls the token dead: it is due since then, also after a restart, and again with another answer.
    let upstream = Upstream::start(|request| {
        let status = request.target.rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or(200);
        Answer::text(status, "x")
    });
    route(&node, "crm", &upstream.url(), &json!({"Authorization": "Bearer {{crm_token}}"}));
    let key = client(&node, "shop", "staging");
    let get =
        |node: &TestNode, status: u16| node.gateway_get(&format!("/crm/{status}"), &[("Keyroll-Key", &key)]).status;
    eventually("the gateway serves the route", || get(&node, 200) == 200);
    let shown = |node: &TestNode| node.api("GET", "/v1/secrets/crm_token", None).expect(200).json();
    eventually("the uses are counted", || shown(&node)["use_count"].as_u64() > Some(0));
    assert_eq!(shown(&node)["rotation_due_at"], Value::Null, "an accepted token is not due");
    assert_eq!(get(&node, 401), 401);
    eventually("the token is due", || shown(&node)["overdue"] == json!(true));
    let since = shown(&node)["rotation_due_at"].clone();
    node.stop();
    node.restart();
    eventually("the gateway serves the route again", || get(&node, 200) == 200);
    assert_eq!(get(&node, 401), 401);
    let rejected = |node: &TestNode| {
        let usage = node.api("GET", "/v1/secrets/crm_token/usage", None).expect(200).json();
        let buckets = usage["buckets"].as_array().unwrap().clone();
        buckets.iter().filter(|one| one["outcome"] == "rejected").filter_map(|one| one["count"].as_u64()).sum::<u64>()
    };
    eventually("the second rejection is counted", || rejected(&node) == 2);
    assert_eq!(shown(&node)["rotation_due_at"], since);

    let told = read(&printed(&node, &[])).unwrap();
    let token = &told["events"][0];
    assert_eq!((&token["secret"], &token["summary"]), (&json!("crm_token"), &json!("Overdue: rotate crm_token")));
    assert_eq!(told["events"][1]["uid"], event["uid"], "the same event as before the restart");
    assert_eq!(printed(&node, &["--days", "1", "-o", "name"]), "crm_token\n");

    // The reader is one that refuses: without this, all of the above would hold for any text.
    let good = printed(&node, &[]);
    for (part, broken) in [
        ("END:VEVENT\r\n", ""),
        ("TRIGGER:-P7D", "TRIGGER:soon"),
        ("DTSTART;VALUE=DATE:20", "DTSTART;VALUE=DATE:"),
        ("\r\n ", "\r\n"),
        ("SUMMARY:", "SUMMARY "),
    ] {
        assert!(good.contains(part) && read(&good.replace(part, broken)).is_err(), "{part}");
    }
}
