//! `GET /v1/secrets`, `…/routes` and `…/usage`.

use model::access::Role;
use model::time::Span;
use serde_json::{Value, json};

use crate::common::House;

/// Five active secrets and a deleted one: with a day between them, uses, a route.
async fn furnished() -> House {
    let house = House::new().await;
    let all = [
        (
            "stripe_api_key",
            json!({"class": "critical", "tags": ["pci"], "owner": "Payments", "environments": ["staging"]}),
        ),
        ("stripe_webhook", json!({"kind": "webhook_secret"})),
        ("aws_region", json!({"kind": "other", "value": "eu-central-1", "sensitive": false, "description": "where"})),
        ("aws_test", json!({"environments": ["development", "staging"], "rotate_every": "2d"})),
        ("db", json!({"kind": "oauth_token"})),
        ("gone", json!({})),
    ];
    for (name, members) in all {
        house.secret(name, members).await.expect(201);
        house.advance(Span::from_days(1));
    }
    house.route("payments", "stripe_api_key", &["staging"]).await;
    house.used("stripe_api_key", house.control.now().minus(Span::from_hours(1)), 3).await;
    house.send(Role::Admin, "DELETE", "/v1/secrets/gone", Value::Null).await.expect(204);
    house
}

#[tokio::test]
async fn filters() {
    let house = furnished().await;
    let table = [
        ("", "aws_region aws_test db stripe_api_key stripe_webhook"),
        ("?q=STRIPE", "stripe_api_key stripe_webhook"),
        ("?q=payments", "stripe_api_key"),
        ("?q=pci", "stripe_api_key"),
        ("?q=where", "aws_region"),
        ("?q=%25", ""),
        ("?kind=other", "aws_region"),
        ("?class=critical", "stripe_api_key"),
        ("?environment=staging", "aws_test stripe_api_key"),
        ("?tag=pci", "stripe_api_key"),
        ("?tag=pc", ""),
        ("?state=deleted", "gone"),
        ("?unused_for=3d", "aws_region aws_test"),
        ("?unused_for=1h", "aws_region aws_test db stripe_api_key"),
        ("?unreferenced=false", "stripe_api_key"),
        ("?unreferenced=true&q=stripe", "stripe_webhook"),
        ("?temporary=true", "aws_test"),
        ("?due_within=1d", "aws_test"),
        ("?due_within=25d", "aws_test stripe_api_key"),
        ("?sort=-name&q=aws", "aws_test aws_region"),
        ("?sort=-created_at", "db aws_test aws_region stripe_webhook stripe_api_key"),
        ("?sort=-last_used_at&limit=1", "stripe_api_key"),
        ("?sort=rotation_due_at", "aws_test stripe_api_key stripe_webhook aws_region db"),
    ];
    for (query, names) in table {
        let reply = house.send(Role::Viewer, "GET", &format!("/v1/secrets{query}"), Value::Null).await.expect(200);
        assert_eq!(reply.names().join(" "), names, "{query}");
    }
    let bad = [
        ("?limit=0", "/limit"),
        ("?limit=501", "/limit"),
        ("?unused_for=long", "/unused_for"),
        ("?due_within=5", "/due_within"),
        ("?environment=No", "/environment"),
        ("?cursor=x", "/cursor"),
        ("?colour=red", "/colour"),
        ("?group_by=type&cursor=n..db", "/cursor"),
    ];
    for (query, pointer) in bad {
        let reply = house.send(Role::Viewer, "GET", &format!("/v1/secrets{query}"), Value::Null).await.expect(422);
        assert_eq!(reply.errors()[0].0, pointer, "{query} {}", reply.text);
    }
}

#[tokio::test]
async fn an_item_tells_uses_and_places_and_when_it_is_due() {
    let house = furnished().await;
    house.advance(Span::from_days(24));
    let item = house.send(Role::Viewer, "GET", "/v1/secrets?q=api_key", Value::Null).await.body["items"][0].clone();
    assert_eq!(item["routes"], json!([{"route": "payments", "environment": "staging"}]));
    assert_eq!((&item["use_count"], &item["last_used_at"]), (&json!(4), &json!("2025-11-30T15:00:00.000Z")));
    assert_eq!((&item["rotation_due_at"], &item["overdue"]), (&json!("2025-12-24T16:00:00.000Z"), &json!(true)));
    let gone = house.send(Role::Viewer, "GET", "/v1/secrets/gone", Value::Null).await.expect(200).body;
    assert_eq!((&gone["state"], &gone["rotation_due_at"]), (&json!("deleted"), &Value::Null));
    assert_eq!(gone["deleted_at"], "2025-11-30T16:00:00.000Z");
}

#[tokio::test]
async fn groups() {
    let house = furnished().await;
    let table = [
        ("service", "", "aws:aws_region aws:aws_test db:db stripe:stripe_api_key stripe:stripe_webhook"),
        (
            "service",
            "&sort=-created_at",
            "aws:aws_test aws:aws_region db:db stripe:stripe_webhook stripe:stripe_api_key",
        ),
        (
            "environment",
            "",
            "*:aws_region *:db *:stripe_webhook development:aws_test staging:aws_test staging:stripe_api_key",
        ),
        ("type", "&q=stripe", "api_key:stripe_api_key webhook_secret:stripe_webhook"),
    ];
    for (by, more, expected) in table {
        for limit in [1, 2, 50] {
            let mut found = Vec::new();
            let mut cursor = String::new();
            loop {
                let path = format!("/v1/secrets?group_by={by}{more}&limit={limit}{cursor}");
                let reply = house.send(Role::Viewer, "GET", &path, Value::Null).await.expect(200);
                let items = reply.body["items"].as_array().unwrap();
                assert!(items.len() <= limit);
                found.extend(
                    items
                        .iter()
                        .map(|item| format!("{}:{}", item["group"].as_str().unwrap(), item["name"].as_str().unwrap())),
                );
                let Some(next) = reply.body["next"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(found.join(" "), expected, "{by} {more} {limit}");
        }
    }
}

#[tokio::test]
async fn pages_go_through_all_of_it() {
    let house = furnished().await;
    let mut found = Vec::new();
    let mut path = "/v1/secrets?limit=2&sort=created_at".to_owned();
    loop {
        let reply = house.send(Role::Viewer, "GET", &path, Value::Null).await.expect(200);
        found.extend(reply.names().into_iter().map(str::to_owned));
        let Some(next) = reply.body["next"].as_str() else { break };
        path = format!("/v1/secrets?limit=2&sort=created_at&cursor={next}");
    }
    assert_eq!(found.join(" "), "stripe_api_key stripe_webhook aws_region aws_test db");
}

#[tokio::test]
async fn routes_that_name_it() {
    let house = furnished().await;
    let reply = house.send(Role::Viewer, "GET", "/v1/secrets/stripe_api_key/routes", Value::Null).await.expect(200);
    let item = json!({"route": "payments", "environment": "staging", "field": "inject.headers.Authorization",
        "enabled": true, "last_used_at": "2025-11-30T15:00:00.000Z"});
    assert_eq!(reply.body, json!({"items": [item], "next": null}));
    let reply = house.send(Role::Viewer, "GET", "/v1/secrets/db/routes", Value::Null).await.expect(200);
    assert_eq!(reply.body, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn uses_by_step() {
    let house = furnished().await;
    house.used("stripe_api_key", house.control.now(), 2).await;
    let path = "/v1/secrets/stripe_api_key/usage";
    let bucket = |at: &str, outcome: &str, count: u64| json!({"at": at, "route": "payments", "environment": "staging", "outcome": outcome, "count": count});
    let reply = house.send(Role::Viewer, "GET", path, Value::Null).await.expect(200);
    let (hour_ago, now) = ("2025-11-30T15:00:00.000Z", "2025-11-30T16:00:00.000Z");
    let all = [
        bucket(hour_ago, "accepted", 3),
        bucket(hour_ago, "rejected", 1),
        bucket(now, "accepted", 2),
        bucket(now, "rejected", 1),
    ];
    assert_eq!(reply.body, json!({"buckets": all, "total": 7}));
    let day = house.send(Role::Viewer, "GET", &format!("{path}?step=1d"), Value::Null).await.expect(200).body;
    assert_eq!(
        day["buckets"],
        json!([bucket("2025-11-30T00:00:00.000Z", "accepted", 5), bucket("2025-11-30T00:00:00.000Z", "rejected", 2)])
    );
    let query = "?from=2025-11-30T15:00:59Z&to=2025-11-30T16:00:00Z&step=1m";
    let one = house.send(Role::Viewer, "GET", &format!("{path}{query}"), Value::Null).await.expect(200).body;
    assert_eq!(one["total"], 4);
    for (query, pointer) in [
        ("?from=x", "/from"),
        ("?from=2026-01-01T00:00:00Z&to=2025-01-01T00:00:00Z", "/from"),
        ("?step=30s", "/step"),
        ("?step=0m", "/step"),
        ("?from=2000-01-01T00:00:00Z&step=1m", "/step"),
        ("?until=x", "/until"),
    ] {
        let reply = house.send(Role::Viewer, "GET", &format!("{path}{query}"), Value::Null).await.expect(422);
        assert_eq!(reply.errors()[0].0, pointer, "{query}");
    }
}
