//! The calendar of due dates: what is in it, and that a dead answer is there as it is in the list of secrets.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use common::{House, Reply};
use model::access::Role;
use model::time::Span;
use model::usage::{Drained, TallyKey};
use serde_json::{Value, json};
use store::Telemetry;

/// Secrets of several intervals; the first one is overdue a month later.
async fn furnished() -> House {
    let house = House::new().await;
    let all = [
        ("stripe_api_key", json!({"class": "critical", "owner": "Payments, Berlin", "environments": ["staging"]})),
        ("pg_password", json!({"kind": "database_password", "class": "critical"})),
        ("yearly_key", json!({"rotate_every": "365d"})),
        ("seldom_key", json!({"rotate_every": "800d"})),
        ("crm_token", json!({"kind": "oauth_token"})),
        ("gone_key", json!({})),
    ];
    for (name, members) in all {
        let mut body = json!({"name": name, "value": "a-value-of-some-length", "kind": "api_key"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        house.send(Role::Admin, "POST", "/v1/secrets", body).await.expect(201);
    }
    house.send(Role::Admin, "DELETE", "/v1/secrets/gone_key", Value::Null).await.expect(204);
    house.advance(Span::from_days(31));
    house
}

async fn calendar(house: &House, query: &str) -> Reply {
    let reply = house.send(Role::Viewer, "GET", &format!("/v1/rotations/calendar.ics{query}"), Value::Null).await;
    let reply = reply.expect(200);
    assert_eq!(reply.header("content-type"), "text/calendar; charset=utf-8");
    assert!(reply.text.starts_with("BEGIN:VCALENDAR\r\n") && reply.text.ends_with("END:VCALENDAR\r\n"));
    reply
}

/// The secrets of the events, in their order.
fn secrets(reply: &Reply) -> String {
    let unfolded = reply.text.replace("\r\n ", "");
    unfolded.lines().filter_map(|line| line.strip_prefix("X-KEYROLL-SECRET:")).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn an_event_for_each_active_secret_that_is_due() {
    let house = furnished().await;
    for (query, names) in [
        ("", "stripe_api_key pg_password yearly_key"),
        ("?days=1", "stripe_api_key"),
        ("?days=59", "stripe_api_key pg_password"),
        ("?days=3650", "stripe_api_key pg_password yearly_key seldom_key"),
        ("?environment=staging", "stripe_api_key"),
        ("?environment=production", ""),
    ] {
        assert_eq!(secrets(&calendar(&house, query).await), names, "{query}");
    }
    let text = calendar(&house, "?days=1").await.text.replace("\r\n ", "");
    for line in [
        "DTSTART;VALUE=DATE:20251224",
        "SUMMARY:Overdue: rotate stripe_api_key",
        "CATEGORIES:critical",
        "Owner: Payments\\, Berlin.\\nStart: keyroll rotation start stripe_api_key",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    for (query, pointer, code) in [
        ("?days=0", "/days", "days-invalid"),
        ("?days=3651", "/days", "days-invalid"),
        ("?environment=No", "/environment", "name-invalid"),
    ] {
        let address = format!("/v1/rotations/calendar.ics{query}");
        let reply = house.send(Role::Viewer, "GET", &address, Value::Null).await.expect(422);
        assert_eq!(reply.errors(), [(pointer.to_owned(), code.to_owned())], "{query}");
    }
}

#[tokio::test]
async fn a_token_that_its_upstream_calls_dead_is_due_at_once_wherever_it_is_told() {
    let house = furnished().await;
    let reads = async |address: &str| house.send(Role::Viewer, "GET", address, Value::Null).await.expect(200);
    let shown = async || reads("/v1/secrets/crm_token").await.body;
    let overdue = async || reads("/v1/lint?rule=overdue").await.body["items"].to_string();
    let due = "/v1/secrets?due_within=0s&sort=rotation_due_at";
    assert_eq!((&shown().await["rotation_due_at"], &shown().await["overdue"]), (&Value::Null, &json!(false)));
    assert_eq!(reads(due).await.names(), ["stripe_api_key"]);
    assert!(!overdue().await.contains("crm_token") && overdue().await.contains("stripe_api_key"));

    let at = house.control.now();
    for secret in ["crm_token", "yearly_key"] {
        let key = TallyKey {
            secret: secret.parse().unwrap(),
            route: "crm".parse().unwrap(),
            environment: "staging".parse().unwrap(),
        };
        let rows = vec![(key, Drained { counts: [0, 1, 0, 0, 0, 0], last_used: Some(at) })];
        house.control.store.record(Telemetry::Tallies { at, rows }).await.unwrap();
    }
    house.advance(Span::from_days(1));
    let item = shown().await;
    assert_eq!((&item["rotation_due_at"], &item["overdue"]), (&json!(at.to_string()), &json!(true)));
    assert_eq!(reads(due).await.names(), ["stripe_api_key", "crm_token"]);
    assert_eq!(reads("/v1/secrets?sort=-rotation_due_at&limit=1").await.names(), ["seldom_key"]);
    let groups = reads("/v1/secrets?due_within=0s&sort=rotation_due_at&group_by=environment").await;
    assert_eq!(groups.names(), ["crm_token", "stripe_api_key"], "those without a limit first");
    assert!(overdue().await.contains("crm_token"));
    let told = calendar(&house, "").await;
    assert_eq!(secrets(&told), "stripe_api_key crm_token pg_password yearly_key");
    assert!(told.text.replace("\r\n ", "").contains("its upstream called it dead"), "{}", told.text);
}
