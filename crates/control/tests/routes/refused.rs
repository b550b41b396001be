//! What may not be saved, and who may not save it.

use model::access::Role;
use serde_json::{Value, json};

use crate::{create, get, house, payments, secret};

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_with_its_member() {
    let house = house().await;
    let body = json!({
        "name": "No!",
        "hosts": ["UPPER.example"],
        "tags": [""],
        "base": {
            "upstream": "https://api.stripe.com",
            "timeouts": {"connect": "5 s", "idle": "soon"},
            "rate_limit": {"requests": 1, "per": "minute"},
            "alive": ["9xx"],
            "dead": [401, {"status": 200}],
            "probe": {"method": "TRACE", "path": "v1", "headers": {"X": "{{stripe}}"}},
            "tls": {"ca": "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----"},
            "inject": {"headers": {"Host": "x", "A": "{{strpe}}", "B": "{{"}},
        },
        "environments": {"prod!": {"timeouts": {"response": "1y"}}, "stagin": {}},
    });
    let reply = house.send(Role::Admin, "POST", "/v1/routes", body).await.expect(422);
    let expected = [
        ("/base/alive/0", "rule-invalid"),
        ("/base/dead/1", "rule-invalid"),
        ("/base/inject/headers/A", "secret-not-found"),
        ("/base/inject/headers/B", "template-invalid"),
        ("/base/inject/headers/Host", "header-not-injectable"),
        ("/base/probe/headers/X", "template-invalid"),
        ("/base/probe/method", "method-invalid"),
        ("/base/probe/path", "path-invalid"),
        ("/base/rate_limit/per", "duration-invalid"),
        ("/base/timeouts/connect", "duration-invalid"),
        ("/base/timeouts/idle", "duration-invalid"),
        ("/base/tls/ca", "certificate-invalid"),
        ("/environments/prod!", "name-invalid"),
        ("/environments/prod!/timeouts/response", "duration-invalid"),
        ("/environments/stagin", "environment-not-found"),
        ("/hosts/0", "host-invalid"),
        ("/name", "name-invalid"),
        ("/tags/0", "tag-invalid"),
    ];
    let expected: Vec<_> = expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())).into();
    assert_eq!(reply.errors(), expected);
    let meant = reply.body["errors"].as_array().unwrap().iter().find(|error| error["code"] == "secret-not-found");
    assert_eq!(meant.unwrap()["did_you_mean"], "stripe");
}

#[tokio::test]
async fn limits_of_a_secret_are_held_when_a_route_is_saved() {
    let house = house().await;
    secret(&house, json!({"name": "only_stripe", "value": "sk_live_planted", "allowed_hosts": ["api.stripe.com"]}))
        .await;
    let route = |upstream: &str, header: &str, environment: &str| {
        json!({
            "name": "r", "base": {"upstream": upstream, "inject": {"headers": {"A": header}}},
            "environments": {environment: {}},
        })
    };
    for (body, code) in [
        (route("https://evil.example", "{{only_stripe}}", "staging"), "secret-not-allowed-for-host"),
        (route("https://api.stripe.com", "{{sandbox}}", "production"), "secret-not-allowed-in-environment"),
        (route("https://api.stripe.com", "{{gone}}", "staging"), "secret-not-found"),
    ] {
        let reply = house.send(Role::Admin, "POST", "/v1/routes", body).await;
        assert_eq!(reply.refusal(), (422, code));
        assert_eq!(reply.errors(), [("/base/inject/headers/A".to_owned(), code.to_owned())]);
    }
    create(&house, route("https://api.stripe.com", "{{only_stripe}}{{sandbox}}", "staging")).await;
}

#[tokio::test]
async fn a_deleted_secret_is_not_suggested() {
    let house = house().await;
    secret(&house, json!({"name": "paypal", "value": "planted_paypal"})).await;
    house.send(Role::Admin, "DELETE", "/v1/secrets/paypal", Value::Null).await.expect(204);
    for (name, meant) in [("paypal", Value::Null), ("paypall", Value::Null), ("stripe_v3", json!("stripe_v2"))] {
        let body = json!({"name": "r", "base": {"inject": {"headers": {"A": format!("{{{{{name}}}}}")}}}});
        let reply = house.send(Role::Admin, "POST", "/v1/routes", body).await;
        assert_eq!(reply.refusal(), (422, "secret-not-found"));
        assert_eq!(reply.body["errors"][0].get("did_you_mean").cloned().unwrap_or_default(), meant, "{name}");
    }
}

#[tokio::test]
async fn a_value_that_may_not_stand_there_is_refused_and_not_told() {
    let house = house().await;
    secret(&house, json!({"name": "pem", "kind": "certificate", "value": "planted line\nplanted line two"})).await;
    let route = |inject: Value| {
        let base = json!({"upstream": "https://api.stripe.com", "inject": inject});
        json!({"name": "r", "base": base, "environments": {"staging": {}, "production": {}}})
    };
    let reply = house.send(Role::Admin, "POST", "/v1/routes", route(json!({"headers": {"A": "{{pem}}"}}))).await;
    assert_eq!(reply.refusal(), (422, "value-not-allowed-here"));
    assert_eq!(reply.errors(), [("/base/inject/headers/A".to_owned(), "value-not-allowed-here".to_owned())]);
    assert!(!reply.text.contains("planted"), "{}", reply.text);
    create(&house, route(json!({"body": {"a": "{{pem}}"}, "query": {"a": "{{pem}}"}}))).await;
    // The one who may not use it does not learn that it would not fit either.
    let mut spec = route(json!({"headers": {"A": "{{pem}}"}}));
    spec["name"] = json!("other");
    spec["environments"] = json!({"staging": {}});
    let reply = house.send(Role::Developer, "POST", "/v1/routes", spec).await;
    assert_eq!(reply.refusal(), (403, "permission-denied"));
}

#[tokio::test]
async fn a_host_leads_to_one_route() {
    let house = house().await;
    let mut body = payments();
    body["hosts"] = json!(["pay.example.com"]);
    create(&house, body.clone()).await;
    body["name"] = json!("other");
    let reply = house.send(Role::Admin, "POST", "/v1/routes", body.clone()).await;
    assert_eq!(reply.refusal(), (409, "host-taken"));
    assert!(reply.text.contains("payments"), "{}", reply.text);
    body["hosts"] = json!(["refunds.example.com"]);
    create(&house, body).await;
    let patch = json!({"hosts": ["pay.example.com"]});
    let reply = house.send(Role::Admin, "PATCH", "/v1/routes/other", patch.clone()).await;
    assert_eq!(reply.refusal(), (409, "host-taken"));
    house.send(Role::Admin, "PATCH", "/v1/routes/payments", json!({"hosts": []})).await.expect(200);
    house.send(Role::Admin, "PATCH", "/v1/routes/other", patch).await.expect(200);
}

#[tokio::test]
async fn the_names_of_the_gateway_itself_lead_nowhere_else() {
    let house = house().await;
    let mut body = payments();
    let own = [
        "localhost",
        "api.localhost",
        "localhost.localdomain",
        "ip6-localhost",
        "127.0.0.1",
        "10.0.0.7",
        "127.1",
        "2130706433",
        "0x7f000001",
        "127.0.0.0x1",
        "::1",
        "[::1]",
        "fe80::1",
    ];
    body["hosts"] = json!(own);
    let reply = house.send(Role::Admin, "POST", "/v1/routes", body.clone()).await.expect(422);
    let expected: Vec<_> = (0..own.len()).map(|index| (format!("/hosts/{index}"), "host-invalid".to_owned())).collect();
    let mut told = reply.errors();
    told.sort_by_key(|(pointer, _)| pointer.rsplit('/').next().unwrap().parse::<usize>().unwrap());
    assert_eq!(told, expected, "{}", reply.text);
    body["hosts"] = json!(["localhost.example", "1.example", "pay", "0x7f.example.com", "xn--bcher-kva.example"]);
    create(&house, body).await;
}

#[tokio::test]
async fn hosts_reach_every_environment_and_so_do_the_rights_for_them() {
    let house = house().await;
    let body = |name: &str, hosts: &[&str]| json!({"name": name, "hosts": hosts, "base": {"upstream": "https://api.stripe.com"}, "environments": {"development": {}}});
    let send = |role: Role, method: &'static str, path: &'static str, body: Value| {
        let house = &house;
        async move { house.send(role, method, path, body).await }
    };
    let denied = [
        ("POST", "/v1/routes", body("taker", &["pay.example"])),
        ("PATCH", "/v1/routes/own", json!({"hosts": ["pay.example"]})),
        ("PUT", "/v1/routes/own", {
            let mut body = body("own", &["pay.example"]);
            body["base"]["shield"] = json!(false);
            body
        }),
    ];
    send(Role::Developer, "POST", "/v1/routes", body("own", &[])).await.expect(201);
    for (method, path, body) in denied.clone() {
        let reply = send(Role::Developer, method, path, body.clone()).await;
        assert_eq!(reply.refusal(), (403, "permission-denied"), "{method} {body}");
    }
    for (method, path, mut body) in denied {
        // One host is one route's.
        body["hosts"] = json!([format!("{}.example", method.to_lowercase())]);
        assert!(send(Role::Operator, method, path, body).await.status.is_success(), "{method}");
    }
    // Back to no host, and back to one: both change who is served.
    for revision in [1, 2] {
        let path = "/v1/routes/own/roll-back";
        let reply = send(Role::Developer, "POST", path, json!({"revision": revision})).await;
        assert_eq!(reply.refusal(), (403, "permission-denied"), "{revision}");
        send(Role::Operator, "POST", path, json!({"revision": revision})).await.expect(200);
    }
    // What leaves the hosts alone, and a deletion, take no more than before.
    send(Role::Developer, "PATCH", "/v1/routes/own", json!({"base": {"shield": true}})).await.expect(200);
    send(Role::Developer, "DELETE", "/v1/routes/own", Value::Null).await.expect(204);
    // Where nothing is protected, nobody is to be protected from it.
    send(Role::Admin, "PATCH", "/v1/environments/production", json!({"protected": false})).await.expect(200);
    send(Role::Developer, "POST", "/v1/routes", body("free", &["free.example"])).await.expect(201);
}

#[tokio::test]
async fn a_developer_stays_outside_what_is_protected() {
    let house = house().await;
    let open = |name: &str| {
        json!({
            "name": name,
            "base": {"upstream": "https://api.stripe.com", "inject": {"headers": {"Authorization": "Bearer {{sandbox}}"}}},
            "environments": {"staging": {}, "development": {}},
        })
    };
    house.send(Role::Developer, "POST", "/v1/routes", open("own")).await.expect(201);
    // A secret without environments counts as protected, whatever the route.
    let foreign = json!({"base": {"inject": {"headers": {"Authorization": "Bearer {{stripe}}"}}}});
    let denied = [
        ("PATCH", "/v1/routes/own", foreign.clone()),
        (
            "PATCH",
            "/v1/routes/own",
            json!({"environments": {"production": {"inject": {"headers": {"Authorization": "x"}}}}}),
        ),
        ("POST", "/v1/routes", payments()),
    ];
    for (method, path, body) in &denied {
        let reply = house.send(Role::Developer, method, path, body.clone()).await;
        assert_eq!(reply.refusal(), (403, "permission-denied"), "{method} {body}");
    }
    for (method, path, body) in denied {
        let reply = house.send(Role::Operator, method, path, body).await;
        assert!(reply.status.is_success(), "{}", reply.text);
    }
    for (method, path, body, allowed) in [
        ("PATCH", "/v1/routes/payments", json!({"description": "words"}), true),
        ("PATCH", "/v1/routes/payments", json!({"tags": ["t"]}), true),
        ("PATCH", "/v1/routes/payments", json!({"hosts": ["p.example"]}), false),
        ("PATCH", "/v1/routes/payments", json!({"base": {"shield": false}}), false),
        ("PATCH", "/v1/routes/payments", json!({"environments": {"production": null}}), false),
        // It leads a protected secret elsewhere, though in staging only.
        (
            "PATCH",
            "/v1/routes/payments",
            json!({"environments": {"staging": {"upstream": "https://mine.example"}}}),
            false,
        ),
        ("POST", "/v1/routes/payments/roll-back", json!({"revision": 1}), true),
        ("DELETE", "/v1/routes/payments", Value::Null, false),
    ] {
        let reply = house.send(Role::Developer, method, path, body.clone()).await;
        assert_eq!(reply.status.is_success(), allowed, "{method} {body}: {}", reply.text);
        if !allowed {
            assert_eq!(reply.refusal(), (403, "permission-denied"));
        }
    }
    assert_eq!(get(&house, "payments").await.body["environments"]["production"], json!({}));
    house.send(Role::Operator, "DELETE", "/v1/routes/payments", Value::Null).await.expect(204);
}

#[tokio::test]
async fn one_rule_that_is_broken_twice_keeps_its_code() {
    let house = house().await;
    let secret = json!({"name": "limited", "value": "a-value-of-some-length", "allowed_hosts": ["api.stripe.com"]});
    house.send(Role::Admin, "POST", "/v1/secrets", secret).await.expect(201);
    let route = |upstream: &str, environment: &str| {
        json!({"name": "r", "base": {"upstream": upstream, "inject": {"headers": {"X-A": "{{limited}}"}}},
            "environments": {"staging": {}, environment: {}}})
    };
    let twice = house.send(Role::Admin, "POST", "/v1/routes", route("https://other.example", "production")).await;
    assert_eq!((twice.refusal(), twice.errors().len()), ((422, "secret-not-allowed-for-host"), 2));
    let mixed = house.send(Role::Admin, "POST", "/v1/routes", route("https://other.example", "nowhere")).await;
    assert_eq!(mixed.refusal(), (422, "members-invalid"));
    house.send(Role::Admin, "POST", "/v1/routes", route("https://api.stripe.com", "production")).await.expect(201);
}
