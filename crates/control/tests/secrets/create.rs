//! `POST /v1/secrets` and `GET /v1/secrets/{name}`.

use model::access::{ROLES, Role};
use serde_json::{Value, json};

use crate::PLANTED;
use crate::common::House;

#[tokio::test]
async fn a_secret_is_made_and_shown_without_its_value() {
    let house = House::new().await;
    let body = json!({"description": "live", "owner": "payments", "tags": ["pci"], "class": "critical",
        "environments": ["staging", "production"], "allowed_hosts": ["API.stripe.com"], "expires_at": "2026-01-01T00:00:00Z",
        "probe": {"http": {"url": "https://api.stripe.com/v1/balance?x=1", "headers": {"Authorization": "Bearer {{stripe}}"},
            "alive": ["2xx"], "dead": [401, {"status": 403, "body_contains": "dead"}]}}});
    let made = house.secret("stripe", body).await.expect(201);
    assert_eq!(made.header("location"), "/v1/secrets/stripe");
    assert_eq!(made.header("etag"), "\"1\"");
    let item = &made.body;
    assert_eq!(
        (&item["kind"], &item["class"], &item["state"]),
        (&json!("api_key"), &json!("critical"), &json!("active"))
    );
    assert_eq!(
        (&item["created_by"], &item["created_at"]),
        (&json!("token:operator"), &json!("2025-11-24T16:00:00.000Z"))
    );
    assert_eq!(item["allowed_hosts"], json!(["api.stripe.com"]));
    assert_eq!(item["environments"], json!(["production", "staging"]));
    assert_eq!((&item["rotation_due_at"], &item["overdue"]), (&json!("2025-12-24T16:00:00.000Z"), &json!(false)));
    assert_eq!((&item["last_used_at"], &item["use_count"], &item["routes"]), (&Value::Null, &json!(0), &json!([])));
    assert!(item["fingerprint"].as_str().unwrap().starts_with("kf_"));
    assert_eq!(item["warnings"], Value::Null);
    assert_eq!(house.opened("stripe").await.unwrap(), PLANTED);

    for role in ROLES {
        let shown = house.send(role, "GET", "/v1/secrets/stripe", Value::Null).await.expect(200);
        assert_eq!((&shown.body, shown.header("etag")), (&made.body, "\"1\""));
    }
    let events = house.records(1).await;
    assert_eq!((&events[0]["action"], &events[0]["subject"]), (&json!("secret.create"), &json!("secret/stripe")));
    assert!(![made.text, serde_json::to_string(&events).unwrap()].join("").contains(PLANTED));
}

#[tokio::test]
async fn every_broken_member_is_told_at_once_and_nothing_of_the_value() {
    let house = House::new().await;
    let body = json!({"name": "1x", "value": "planted\n", "kind": "api_key", "tags": ["ok", ""], "successor_of": "nobody",
        "environments": ["prodution"], "allowed_hosts": ["https://x"], "expires_at": "tomorrow", "rotate_every": "0s"});
    let reply = house.send(Role::Admin, "POST", "/v1/secrets", body).await.expect(422);
    let found: Vec<_> = reply.errors().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
    let expected = [
        "/allowed_hosts/0 host-invalid",
        "/environments/0 environment-not-found",
        "/expires_at time-invalid",
        "/name name-invalid",
        "/rotate_every duration-invalid",
        "/successor_of secret-not-found",
        "/value value-has-line-break",
    ];
    assert_eq!(found, expected);
    assert!(reply.text.contains("production"), "the nearest environment is told");
    assert!(!reply.text.contains("planted"));
    assert_eq!(house.send(Role::Admin, "GET", "/v1/secrets", Value::Null).await.names(), Vec::<&str>::new());
}

#[tokio::test]
async fn members_by_rule() {
    let house = House::new().await;
    let long = "x".repeat(65_537);
    let probe = |probe: Value| json!({"allowed_hosts": ["a.example"], "probe": probe});
    let table = [
        (json!({"value": ""}), "/value", "value-empty"),
        (json!({"value": long}), "/value", "value-too-long"),
        (json!({"value": "a\u{0}b", "kind": "other"}), "/value", "value-has-nul"),
        (json!({"name": "secret"}), "/name", "name-invalid"),
        (json!({"kind": "password"}), "/kind", "member-invalid"),
        (json!({"colour": "red"}), "/colour", "member-unknown"),
        (json!({"environments": []}), "/environments", "environments-empty"),
        (json!({"allowed_hosts": []}), "/allowed_hosts", "allowed-hosts-empty"),
        (json!({"tags": ["x".repeat(65)]}), "/tags/0", "tag-invalid"),
        (json!({"owner": "x".repeat(4_097)}), "/owner", "text-too-long"),
        (json!({"rotate_every": "5w"}), "/rotate_every", "duration-invalid"),
        (probe(json!({"http": {"url": "https://b.example/x"}})), "/probe/http/url", "secret-not-allowed-for-host"),
        (probe(json!({"http": {"url": "http://a.example/x"}})), "/probe/http/url", "upstream-invalid"),
        (probe(json!({"http": {"url": "/x"}})), "/probe/http/url", "upstream-invalid"),
        (probe(json!({"http": {"url": "https://u:p@a.example"}})), "/probe/http/url", "upstream-invalid"),
        (
            probe(json!({"http": {"url": "https://a.example", "headers": {"A": "{{other}}"}}})),
            "/probe/http/headers/A",
            "template-invalid",
        ),
        (
            probe(json!({"http": {"url": "https://a.example", "headers": {"Host": "x"}}})),
            "/probe/http/headers/Host",
            "header-not-injectable",
        ),
        (probe(json!({"http": {"url": "https://a.example", "dead": [99]}})), "/probe/http/dead/0", "judgement-invalid"),
        (
            probe(json!({"postgres": {"connections": ["postgres://app:planted@a.example/x"]}})),
            "/probe/postgres/connections/0",
            "connection-invalid",
        ),
    ];
    for (members, pointer, code) in table {
        let reply = house.secret("fine", members.clone()).await.expect(422);
        assert_eq!((reply.errors(), reply.code()), (vec![(pointer.to_owned(), code.to_owned())], code), "{members}");
        assert!(!reply.text.contains("planted"), "{}", reply.text);
    }
    let fitting = json!({"value": "x".repeat(65_536), "kind": "other", "owner": "x".repeat(4_096), "allowed_hosts": ["a.example"],
        "probe": {"postgres": {"connections": ["postgres://app@a.example/x"]}}});
    house.secret("fine", fitting).await.expect(201);
    let for_ever = house.secret("for_ever", json!({"expires_at": "9999-12-31T23:59:59Z"})).await.expect(201);
    assert_eq!(for_ever.body["expires_at"], "9999-12-31T23:59:59.000Z");
}

#[tokio::test]
async fn a_name_is_taken_for_ever() {
    let house = House::new().await;
    house.secret("stripe", json!({})).await.expect(201);
    house.secret("stripe_v2", json!({})).await.expect(201);
    let reply = house.secret("stripe", json!({})).await;
    assert_eq!(reply.refusal(), (409, "secret-name-taken"));
    assert!(reply.text.contains("stripe_v3 is free"), "{}", reply.text);
    house.send(Role::Admin, "DELETE", "/v1/secrets/stripe", Value::Null).await.expect(204);
    let reply = house.secret("stripe", json!({})).await;
    assert_eq!(reply.refusal(), (409, "secret-name-taken"));
    house.secret("Stripe", json!({})).await.expect(201);
}

#[tokio::test]
async fn warnings() {
    let house = House::new().await;
    let table = [
        ("short", json!({"value": "1234567"}), json!(["value-short"])),
        ("open", json!({"value": "1234567", "sensitive": false}), Value::Null),
        ("long_enough", json!({"value": "12345678"}), Value::Null),
        ("padded", json!({"value": " 12345678"}), json!(["surrounding-white-space"])),
        ("no_pem", json!({"value": "chain_planted", "kind": "certificate"}), json!(["certificate-unusable"])),
        ("both", json!({"value": "a ", "kind": "other"}), json!(["value-short", "surrounding-white-space"])),
    ];
    for (name, members, expected) in table {
        let reply = house.secret(name, members).await.expect(201);
        let codes = reply.body["warnings"]
            .as_array()
            .map(|all| all.iter().map(|warning| warning["code"].clone()).collect::<Value>())
            .unwrap_or_default();
        assert_eq!(codes, expected, "{name}");
        let shown = house.send(Role::Viewer, "GET", &format!("/v1/secrets/{name}"), Value::Null).await;
        assert_eq!(shown.body["warnings"], Value::Null, "told once, on creation");
    }
    assert_eq!(house.opened("padded").await.unwrap(), " 12345678", "taken as it is");
}

#[tokio::test]
async fn a_successor_takes_over_what_the_body_leaves_out() {
    let house = House::new().await;
    let first = json!({"class": "critical", "owner": "payments", "tags": ["pci"], "description": "the first",
        "environments": ["staging", "development"], "allowed_hosts": ["*.stripe.com"], "rotate_every": "7d",
        "probe": {"http": {"url": "https://api.stripe.com", "headers": {"Authorization": "Bearer {{stripe}}"}}}});
    house.secret("stripe", first).await.expect(201);
    let body = json!({"name": "stripe_v2", "value": "12345678", "successor_of": "stripe", "owner": "billing"});
    let next = house.send(Role::Developer, "POST", "/v1/secrets", body).await.expect(201).body;
    assert_eq!((&next["kind"], &next["class"]), (&json!("api_key"), &json!("critical")));
    assert_eq!((&next["owner"], &next["tags"], &next["description"]), (&json!("billing"), &json!(["pci"]), &json!("")));
    assert_eq!(next["environments"], json!(["development", "staging"]));
    assert_eq!(next["allowed_hosts"], json!(["*.stripe.com"]));
    assert_eq!(next["probe"]["http"]["headers"]["Authorization"], "Bearer {{stripe_v2}}");
    assert_eq!((&next["rotate_every"], &next["successor_of"]), (&Value::Null, &json!("stripe")));
    let before = house.send(Role::Viewer, "GET", "/v1/secrets/stripe", Value::Null).await.body;
    assert_eq!((&before["superseded_by"], &before["successor_of"]), (&json!("stripe_v2"), &Value::Null));

    // Narrower limits are anybody's who may change it; wider ones are an operator's.
    let narrow = json!({"name": "a1", "value": "12345678", "successor_of": "stripe", "environments": ["staging"],
        "allowed_hosts": ["api.stripe.com"]});
    house.send(Role::Developer, "POST", "/v1/secrets", narrow).await.expect(201);
    let wide = json!({"name": "a2", "value": "12345678", "successor_of": "stripe", "allowed_hosts": ["*.stripe.com", "stripe.com"]});
    let reply = house.send(Role::Developer, "POST", "/v1/secrets", wide.clone()).await;
    assert_eq!(reply.refusal(), (403, "permission-denied"));
    house.send(Role::Operator, "POST", "/v1/secrets", wide).await.expect(201);
    let lost = json!({"successor_of": "strip"});
    let reply = house.secret("a3", lost).await;
    assert_eq!((reply.refusal(), &reply.body["did_you_mean"]), ((422, "secret-not-found"), &json!("stripe")));
}

#[tokio::test]
async fn the_place_of_a_protected_secret_is_not_for_everybody() {
    let house = House::new().await;
    for (name, environments) in [
        ("live", json!(["production"])),
        ("both", json!(["staging", "production"])),
        ("any", Value::Null),
        ("test", json!(["staging"])),
    ] {
        house.secret(name, json!({"environments": environments})).await.expect(201);
        let next = json!({"name": format!("{name}_v2"), "value": "12345678", "successor_of": name, "environments": ["staging"]});
        if name != "test" {
            let reply = house.send(Role::Developer, "POST", "/v1/secrets", next.clone()).await;
            assert_eq!(reply.refusal(), (403, "permission-denied"), "{name}");
        }
        let role = if name == "test" { Role::Developer } else { Role::Operator };
        // `live` may not be used in staging: that takes an operator for one reason more.
        house.send(role, "POST", "/v1/secrets", next).await.expect(201);
    }
}

#[tokio::test]
async fn who_may_make_what() {
    let house = House::new().await;
    let table = [
        (Role::Viewer, Some("staging"), 403),
        (Role::Auditor, Some("staging"), 403),
        (Role::Developer, Some("staging"), 201),
        (Role::Developer, Some("production"), 403),
        (Role::Developer, None, 403),
        (Role::Operator, Some("production"), 201),
        (Role::Operator, None, 201),
        (Role::Admin, None, 201),
    ];
    for (number, (role, environment, status)) in table.into_iter().enumerate() {
        let body =
            json!({"name": format!("s{number}"), "value": PLANTED, "environments": environment.map(|name| vec![name])});
        let reply = house.send(role, "POST", "/v1/secrets", body).await;
        assert_eq!(reply.status.as_u16(), status, "{role} {environment:?} {}", reply.text);
    }
}

#[tokio::test]
async fn a_repeated_creation_answers_as_before() {
    let house = House::new().await;
    let body = json!({"name": "stripe", "value": PLANTED});
    let key = [("idempotency-key", "k1")];
    let first = house.send_with(Role::Operator, "POST", "/v1/secrets", &key, body.clone()).await.expect(201);
    assert_eq!(first.body["kind"], "api_key");
    let again = house.send_with(Role::Operator, "POST", "/v1/secrets", &key, body.clone()).await.expect(201);
    assert_eq!((first.body, again.header("idempotency-replayed")), (again.body.clone(), "true"));
    let reply = house.send(Role::Operator, "POST", "/v1/secrets", body).await;
    assert_eq!(reply.refusal(), (409, "secret-name-taken"));
}

#[tokio::test]
async fn an_unknown_secret_is_404_with_the_nearest_name() {
    let house = House::new().await;
    house.secret("stripe_api_key", json!({})).await.expect(201);
    let calls = [
        ("GET", "", Value::Null),
        ("PATCH", "", json!({})),
        ("DELETE", "", Value::Null),
        ("GET", "/routes", Value::Null),
        ("GET", "/usage", Value::Null),
        ("POST", "/compare", json!({"value": "x"})),
    ];
    for (method, part, body) in calls {
        let reply = house.send(Role::Admin, method, &format!("/v1/secrets/Stripe_API_key{part}"), body.clone()).await;
        assert_eq!(reply.refusal(), (404, "secret-not-found"), "{method} {part}");
        assert_eq!(reply.body["did_you_mean"], "stripe_api_key");
        let reply = house.send(Role::Admin, method, &format!("/v1/secrets/no-name{part}"), body).await;
        assert_eq!((reply.refusal(), &reply.body["did_you_mean"]), ((404, "secret-not-found"), &Value::Null));
    }
}
