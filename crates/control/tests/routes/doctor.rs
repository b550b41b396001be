//! `GET` and `POST /v1/routes/{name}/doctor`.

use model::access::{ROLES, Role};
use model::node::NodeRole;
use model::time::{Span, Timestamp};
use model::usage::{Drained, OUTCOMES, Outcome, TallyKey};
use serde_json::{Value, json};
use store::{Heartbeat, Telemetry};
use testkit::upstream::{Answer, Upstream};

use crate::common::{House, NOW, Reply};
use crate::{create, events, house, payments, secret};

async fn look(house: &House, query: &str) -> Reply {
    house.send(Role::Viewer, "GET", &format!("/v1/routes/payments/doctor{query}"), Value::Null).await.expect(200)
}

/// What is found of one question, as `severity code environment secret`.
fn found(reply: &Reply, question: &str) -> Vec<String> {
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap_or("-").to_owned();
    let all = reply.body["findings"].as_array().unwrap().iter().filter(|finding| finding["question"] == question);
    all.map(|finding| ["severity", "code", "environment", "secret"].map(|member| text(finding, member)).join(" "))
        .collect()
}

fn finding<'a>(reply: &'a Reply, code: &str) -> &'a Value {
    let all = reply.body["findings"].as_array().unwrap();
    all.iter().find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("no {code} in {}", reply.text))
}

/// A node that is live, and serves what the database has now, or what it had before its latest change.
async fn node(house: &House, name: &str, behind: i64) {
    let position = house.control.store.read().await.unwrap().position().clone();
    let heartbeat = Heartbeat {
        id: format!("node_{name}"),
        name: name.to_owned(),
        role: NodeRole::Gateway,
        version: "0.1.0".to_owned(),
        run: "run_1".to_owned(),
        serves: Some((position.incarnation, position.revision - behind)),
        max_staleness: Span::from_hours(24),
        open: Vec::new(),
    };
    house.control.store.record(Telemetry::Heartbeat(heartbeat)).await.unwrap();
}

/// Answers that were counted `ago` before now.
async fn answered(house: &House, secret: &str, environment: &str, ago: Span, outcome: Outcome, count: u64) {
    let at: Timestamp = house.control.now().minus(ago);
    let counts = OUTCOMES.map(|one| if one == outcome { count } else { 0 });
    let key = TallyKey {
        secret: secret.parse().unwrap(),
        route: "payments".parse().unwrap(),
        environment: environment.parse().unwrap(),
    };
    let rows = vec![(key, Drained { counts, last_used: Some(at) })];
    house.control.store.record(Telemetry::Tallies { at, rows }).await.unwrap();
}

const MINUTE: Span = Span::from_secs(60);

#[tokio::test]
async fn a_route_that_works_is_told_to() {
    let house = house().await;
    create(&house, payments()).await;
    node(&house, "one", 0).await;
    answered(&house, "stripe", "production", MINUTE, Outcome::Accepted, 4).await;
    let reply = look(&house, "?environment=production").await;
    assert_eq!(found(&reply, "fails-after-rotation"), ["ok nodes-current - -"]);
    assert_eq!(found(&reply, "secret-not-found"), ["ok secrets-usable production -"]);
    assert_eq!(
        found(&reply, "upstream-401"),
        ["note no-probe production stripe", "ok credential-accepted production stripe"]
    );
    assert_eq!((&reply.body["revision"], &reply.body["environments"]), (&json!(1), &json!(["production"])));
    assert_eq!(reply.body["nodes"][0]["name"], "one");
    let binding = &reply.body["bindings"][0];
    assert_eq!((&binding["secret"], &binding["state"]), (&json!("stripe"), &json!("active")));
    assert_eq!(
        (&binding["counts"], &binding["named_at"]),
        (&json!({"accepted": 4}), &json!(["inject.headers.Authorization"]))
    );
    assert!(binding["fingerprint"].as_str().unwrap().starts_with("kf_") && binding["last_used_at"].is_string());
    // All environments, in the order of their ranks.
    let reply = look(&house, "").await;
    assert_eq!(reply.body["environments"], json!(["development", "staging", "production"]));
    assert_eq!(reply.body["bindings"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn after_a_replacement_it_tells_who_was_left_behind_and_the_way_back() {
    let house = house().await;
    create(&house, payments()).await;
    create(&house, json!({"name": "refunds", "base": payments()["base"], "environments": {"production": {}}})).await;
    secret(&house, json!({"name": "stripe_v3", "value": "sk_live_planted_3", "successor_of": "stripe"})).await;
    let body = json!({"from": "stripe", "to": "stripe_v3", "environments": ["production"]});
    answered(&house, "stripe", "production", Span::from_secs(0), Outcome::Accepted, 9).await;
    house.send(Role::Admin, "POST", "/v1/routes/replace-secret", body).await.expect(200);
    node(&house, "current", 0).await;
    node(&house, "lagging", 1).await;
    let body = json!({"name": "refunds", "base": payments()["base"], "environments": {"production": {}}});
    house.send(Role::Admin, "PUT", "/v1/routes/refunds", body).await.expect(200);
    house.advance(MINUTE);
    answered(&house, "stripe_v3", "production", Span::from_secs(0), Outcome::Rejected, 7).await;

    let reply = look(&house, "?environment=production").await;
    let all = found(&reply, "fails-after-rotation");
    for expected in [
        "warning predecessor-still-named - stripe_v3",
        "warning compare-value - stripe_v3",
        "note roll-back production stripe_v3",
        "note roll-back - -",
    ] {
        assert!(all.iter().any(|one| one == expected), "{expected} is not in {all:?}");
    }
    let left = finding(&reply, "predecessor-still-named")["detail"].as_str().unwrap();
    assert!(left.contains("by payments in staging") && left.contains("by refunds in production"), "{left}");
    assert!(left.contains("by payments in development"), "{left}");
    let old = finding(&reply, "node-serves-old");
    assert!(old["detail"].as_str().unwrap().contains("node lagging (node_lagging)"), "{old}");
    assert_eq!(
        found(&reply, "upstream-401"),
        [
            "error rejected-since-change production stripe_v3",
            "note predecessor-answers production stripe_v3",
            "note no-probe production stripe_v3"
        ]
    );
    let since = finding(&reply, "rejected-since-change");
    assert!(since["detail"].as_str().unwrap().contains("revision 2 of the route"), "{since}");
    assert!(since["advice"].as_str().unwrap().contains("keyroll route replace-secret stripe_v3 stripe"), "{since}");
    assert_eq!(reply.body["bindings"][0]["counts_since_change"], json!({"rejected": 7}));
    // Where the old one still is, the successor is what is missing.
    let staging = look(&house, "?environment=staging").await;
    assert!(found(&staging, "fails-after-rotation").contains(&"warning successor-not-named staging stripe".to_owned()));

    // A mention that takes no effect is a mention all the same.
    let body = json!({"from": "stripe", "to": "stripe_v3"});
    house.send(Role::Admin, "POST", "/v1/routes/replace-secret", body).await.expect(200);
    let off = json!({"base": {"inject": {"headers": {"X-Old": "{{stripe}}"}}}, "environments": {
        "production": {"inject": {"headers": {"X-Old": false}}},
        "staging": {"inject": {"headers": {"X-Old": false}}},
        "development": {"inject": {"headers": {"X-Old": false}}}}});
    house.send(Role::Admin, "PATCH", "/v1/routes/payments", off).await.expect(200);
    let reply = look(&house, "").await;
    let left = finding(&reply, "predecessor-still-named");
    assert_eq!(left["severity"], "note");
    assert!(left["detail"].as_str().unwrap().contains("in the base of payments (inject.headers.X-Old)"), "{left}");
}

#[tokio::test]
async fn environments_and_limits_are_looked_at() {
    let house = house().await;
    let mut body = payments();
    body["environments"] = json!({"staging": {}});
    create(&house, body).await;
    let reply = look(&house, "?environment=production").await;
    assert_eq!(found(&reply, "secret-not-found"), ["error environment-not-listed production -"]);
    let reply = look(&house, "?environment=Staging").await;
    assert_eq!(found(&reply, "secret-not-found"), ["error environment-not-found Staging -"]);
    assert!(finding(&reply, "environment-not-found")["advice"].as_str().unwrap().contains("did you mean staging"));

    house
        .send(
            Role::Admin,
            "PATCH",
            "/v1/secrets/stripe",
            json!({"expires_at": "2025-11-24T16:30:00Z", "strict_expiry": true}),
        )
        .await
        .expect(200);
    assert!(
        found(&look(&house, "").await, "upstream-401")
            .contains(&"warning secret-expires-soon staging stripe".to_owned())
    );
    house.advance(Span::from_hours(1));
    assert!(found(&look(&house, "").await, "upstream-401").contains(&"error secret-expired staging stripe".to_owned()));
    assert!(house.control.now() > Timestamp::from_millis(NOW));

    let reply = house.send(Role::Viewer, "GET", "/v1/routes/paymnets/doctor", Value::Null).await;
    assert_eq!((reply.refusal(), &reply.body["did_you_mean"]), ((404, "route-not-found"), &json!("payments")));
    let reply = house.send(Role::Viewer, "GET", "/v1/routes/payments/doctor?probe=true", Value::Null).await;
    assert_eq!(reply.refusal(), (422, "query-invalid"));
}

#[tokio::test]
async fn a_key_that_is_missing_is_told() {
    let house = house().await;
    create(&house, payments()).await;
    // The same bytes as at the first start, so that the key of fingerprints, on which the rows' seals hang, is the same.
    let entropy = crate::common::Scrambled::default();
    drop(envelope::generate(&entropy, Timestamp::from_millis(NOW)));
    let fingerprints = envelope::FingerprintKey::generate(&entropy);
    let other = envelope::Keyring::parse(&envelope::generate(&entropy, Timestamp::from_millis(NOW + 1))).unwrap();
    let house = house.restarted(other, fingerprints);
    let reply = look(&house, "?environment=staging").await;
    assert_eq!(found(&reply, "secret-not-found"), ["error secret-unreadable staging stripe"]);
    assert!(finding(&reply, "secret-unreadable")["detail"].as_str().unwrap().contains("not in the KEK file"));
    assert_eq!(reply.body["bindings"][0]["state"], "unreadable");
}

/// A provider that takes one key.
fn provider() -> Upstream {
    Upstream::start(|request| {
        let good = request.header("authorization").is_some_and(|sent| sent == "Bearer sk_live_planted_1");
        Answer::text(if good { 200 } else { 401 }, "x")
    })
}

async fn probe(house: &House, body: Value) -> Reply {
    house.send(Role::Operator, "POST", "/v1/routes/payments/doctor", body).await
}

#[tokio::test]
async fn only_where_it_is_asked_for_something_is_sent() {
    let (house, upstream) = (house().await, provider());
    let mut body = payments();
    body["base"]["upstream"] = json!(upstream.url());
    body["base"]["probe"] = json!({"path": "/v1/balance"});
    body["environments"]["staging"] = json!({"inject": {"headers": {"Authorization": "Bearer {{stripe_v2}}"}}});
    create(&house, body).await;
    look(&house, "").await;
    assert_eq!(upstream.count(), 0, "to look is not to send");

    let reply = probe(&house, json!({})).await.expect(200);
    assert_eq!(upstream.count(), 3);
    let readings: Vec<String> =
        found(&reply, "upstream-401").into_iter().filter(|one| one.contains("probe-reading")).collect();
    assert_eq!(
        readings,
        [
            "error probe-reading staging stripe_v2",
            "ok probe-reading development stripe",
            "ok probe-reading production stripe"
        ]
    );
    assert!(!reply.text.contains("planted"), "{}", reply.text);
    let told = events(&house, 2).await;
    for (event, outcome) in told.iter().zip(["done", "begun"]) {
        assert_eq!((&event["action"], &event["outcome"]), (&json!("route.doctor"), &json!(outcome)));
        assert!(!event.to_string().contains("planted"));
    }
    for role in ROLES {
        let status = if matches!(role, Role::Operator | Role::Admin) { 200 } else { 403 };
        let body = json!({"environment": "staging"});
        house.send(role, "POST", "/v1/routes/payments/doctor", body).await.expect(status);
    }
    for _ in 0..7 {
        probe(&house, json!({"environment": "staging"})).await.expect(200);
    }
    let before = upstream.count();
    assert_eq!(probe(&house, json!({"environment": "staging"})).await.refusal(), (429, "rate-limited"));
    assert_eq!(upstream.count(), before);
}

#[tokio::test]
async fn a_secret_s_own_probe_is_used_where_the_route_has_none() {
    let (house, upstream) = (House::new().await, provider());
    let own = |name: &str| json!({"http": {"url": upstream.url(), "headers": {"Authorization": format!("Bearer {{{{{name}}}}}")}}});
    secret(&house, json!({"name": "stripe", "value": "sk_live_planted_1", "probe": own("stripe")})).await;
    secret(&house, json!({"name": "partner", "value": "sk_live_planted_2", "probe": own("partner")})).await;
    let mut body = payments();
    body["base"]["upstream"] = json!(upstream.url());
    body["base"]["inject"]["headers"]["X-Partner"] = json!("{{partner}}");
    create(&house, body).await;
    let reply = probe(&house, json!({})).await.expect(200);
    assert_eq!(upstream.count(), 2, "once for each secret, wherever it is used");
    let all = found(&reply, "upstream-401");
    assert!(all.contains(&"ok probe-reading development stripe".to_owned()), "{all:?}");
    assert!(all.contains(&"error probe-reading development partner".to_owned()), "{all:?}");
    assert!(!all.iter().any(|one| one.contains("no-probe")), "{all:?}");

    // Without any probe nothing is sent, and that is told.
    let house = crate::house().await;
    create(&house, payments()).await;
    let reply = probe(&house, json!({"environment": "staging"})).await.expect(200);
    assert!(found(&reply, "upstream-401").contains(&"note no-probe staging stripe".to_owned()));
}
