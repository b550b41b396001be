//! Trying a route: what is sent, what is shown, and what is never shown.

use std::time::Duration;

use model::access::Role;
use serde_json::{Value, json};
use testkit::upstream::{Answer, Upstream};

use crate::common::{House, Reply};
use crate::{create, events, house, secret};

const VALUE: &str = "sk_test_planted";

/// A route in staging and production that puts `sandbox` wherever a value can stand; `stripe` in production.
async fn route(house: &House, upstream: &str) {
    create(
        house,
        json!({
            "name": "echo",
            "base": {
                "upstream": format!("{upstream}/base"),
                "inject": {
                    "headers": {"Authorization": "Bearer {{sandbox}}", "X-Basic": {"basic": {"username": "u", "password": "{{sandbox}}"}}},
                    "query": {"key": "{{sandbox}}"},
                    "body": {"token": "{{sandbox}}"},
                },
                "methods": ["GET", "POST"], "paths": ["/v1/**"], "max_request_body": 1000,
                "remove_headers": ["X-Remove"], "timeouts": {"connect": "1s", "response": "1s"},
            },
            "environments": {
                "staging": {},
                "production": {"inject": {"headers": {"Authorization": "{{stripe}}", "X-Basic": false}, "query": {"key": false}, "body": {"token": false}}},
            },
        }),
    )
    .await;
}

async fn test(house: &House, body: Value) -> Reply {
    house.send(Role::Developer, "POST", "/v1/routes/echo/test", body).await
}

fn header<'a>(answer: &'a Value, name: &str) -> Option<&'a str> {
    let headers = answer["headers"].as_array().unwrap();
    headers.iter().find(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap())
}

#[tokio::test]
async fn what_was_sent_is_shown_without_values() {
    let upstream = Upstream::start(|request| {
        // An upstream that tells everything: in a header, and in the body in several forms.
        let authorization = request.header("authorization").unwrap();
        let basic = request.header("x-basic").unwrap();
        let body = format!("{authorization} {basic} {} {}", request.target, String::from_utf8_lossy(&request.body));
        Answer::text(201, body).header("X-Echo", &authorization)
    });
    let house = house().await;
    route(&house, &upstream.url()).await;
    let body = json!({
        "environment": "staging", "method": "POST", "path": "/v1/charges?a=1&key=mine",
        "headers": {"Content-Type": "application/json", "Authorization": "Bearer mine", "X-Remove": "x", "X-Own": "kept", "Connection": "close", "Keyroll-Key": "krk_x"},
        "body": "{\"amount\":1}",
    });
    let reply = test(&house, body).await.expect(200);
    assert!(!reply.text.contains(VALUE), "{}", reply.text);
    assert!(!reply.text.contains("dTpza190ZXN0X3BsYW50ZWQ"), "{}", reply.text);

    let got = upstream.last();
    assert_eq!(got.target, format!("/base/v1/charges?a=1&key={VALUE}"));
    assert_eq!(got.all("authorization"), [format!("Bearer {VALUE}")]);
    assert_eq!(got.header("x-basic").unwrap(), "Basic dTpza190ZXN0X3BsYW50ZWQ=");
    assert_eq!(got.body, format!("{{\"amount\":1,\"token\":\"{VALUE}\"}}").into_bytes());
    assert_eq!(got.header("host").unwrap(), upstream.address().to_string());
    assert_eq!(
        (got.header("x-own").unwrap(), got.header("via").unwrap()),
        ("kept".to_owned(), "1.1 keyroll".to_owned())
    );
    for gone in ["x-remove", "keyroll-key", "connection"] {
        assert_eq!(got.header(gone), None, "{gone}");
    }

    let sent = &reply.body["sent"];
    assert_eq!(sent["method"], "POST");
    assert_eq!(sent["url"], format!("{}/base/v1/charges?a=1&key=********(sandbox)", upstream.url()));
    assert_eq!(header(sent, "authorization"), Some("Bearer ********(sandbox)"));
    assert_eq!(header(sent, "x-basic"), Some("Basic ********(sandbox)"));
    assert_eq!(sent["body"], "{\"amount\":1,\"token\":\"********(sandbox)\"}");
    assert_eq!(sent["secrets"], json!(["sandbox"]));
    // Name by name, what is shown is what arrived.
    let mut names: Vec<_> =
        sent["headers"].as_array().unwrap().iter().map(|pair| pair[0].as_str().unwrap().to_owned()).collect();
    let mut arrived: Vec<_> = got.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    names.sort();
    arrived.sort();
    assert_eq!(names, arrived);

    let answer = &reply.body["answer"];
    assert_eq!(
        (&answer["status"], &answer["truncated"], &reply.body["error"]),
        (&json!(201), &json!(false), &Value::Null)
    );
    assert_eq!(header(answer, "x-echo"), Some("Bearer ***************"));
    assert!(answer["body"].as_str().unwrap().contains("\"amount\":1"), "{}", reply.text);
}

#[tokio::test]
async fn a_trial_is_on_record_and_counts_as_a_use() {
    let upstream = Upstream::ok();
    let house = house().await;
    route(&house, &upstream.url()).await;
    let reply = test(&house, json!({"environment": "staging", "path": "/v1/x"})).await.expect(200);
    assert_eq!(reply.body["answer"]["body"], "ok");
    let events = events(&house, 2).await;
    for (event, outcome) in events.iter().zip(["done", "begun"]) {
        assert_eq!((&event["action"], &event["subject"]), (&json!("route.test"), &json!("route/echo")));
        assert_eq!(event["outcome"], outcome);
    }
    let secret = house.send(Role::Viewer, "GET", "/v1/secrets/sandbox", Value::Null).await.expect(200).body;
    assert_eq!((&secret["use_count"], secret["last_used_at"].is_null()), (&json!(1), false));
}

#[tokio::test]
async fn only_what_the_route_passes_on_is_sent() {
    let upstream = Upstream::ok();
    let house = house().await;
    route(&house, &upstream.url()).await;
    for (body, errors) in [
        (json!({"environment": "stagin"}), vec![("/environment", "environment-not-found")]),
        (json!({"environment": "development"}), vec![("/environment", "route-not-served-in-environment")]),
        (json!({"environment": "staging", "method": "PUT", "path": "/v1/x"}), vec![("/method", "method-not-allowed")]),
        (json!({"environment": "staging", "method": "TRACE", "path": "/v1/x"}), vec![("/method", "method-invalid")]),
        (json!({"environment": "staging", "path": "/v2/x"}), vec![("/path", "path-not-allowed")]),
        (json!({"environment": "staging", "path": "/v1/%2e%2e/x"}), vec![("/path", "path-invalid")]),
        (json!({"environment": "staging", "path": "v1"}), vec![("/path", "path-invalid")]),
        (
            json!({"environment": "staging", "path": "/v1/x", "headers": {"a b": "x", "b": "x\ny"}}),
            vec![("/headers/a b", "header-invalid"), ("/headers/b", "header-invalid")],
        ),
        (
            json!({"environment": "staging", "method": "POST", "path": "/v1/x", "body": "x".repeat(1001)}),
            vec![("/body", "request-too-large")],
        ),
        (
            json!({"environment": "staging", "method": "POST", "path": "/v1/x", "body": "[]", "headers": {"content-type": "application/json"}}),
            vec![("/body", "body-not-json")],
        ),
        (
            json!({"environment": "staging", "method": "POST", "path": "/v1/x", "body": "{}",
                "headers": {"content-type": "application/json", "content-encoding": "gzip"}}),
            vec![("/headers", "body-not-json")],
        ),
    ] {
        let expected: Vec<_> = errors.iter().map(|(at, code)| ((*at).to_owned(), (*code).to_owned())).collect();
        let reply = test(&house, body).await.expect(422);
        assert_eq!(reply.errors(), expected, "{}", reply.text);
    }
    assert_eq!(upstream.count(), 0);
    test(&house, json!({"environment": "staging", "path": "/v1/x"})).await.expect(200);
    assert_eq!(upstream.count(), 1);
    // A protected environment needs an operator.
    let body = json!({"environment": "production", "path": "/v1/x"});
    assert_eq!(test(&house, body.clone()).await.refusal(), (403, "permission-denied"));
    house.send(Role::Operator, "POST", "/v1/routes/echo/test", body).await.expect(200);
    assert_eq!(upstream.last().header("authorization").unwrap(), "sk_live_planted_1");
    let missing = house.send(Role::Admin, "POST", "/v1/routes/none/test", json!({"environment": "staging"})).await;
    assert_eq!(missing.refusal(), (404, "route-not-found"));
}

#[tokio::test]
async fn answers_are_shown_as_far_as_they_came() {
    let upstream = Upstream::ok();
    let house = house().await;
    route(&house, &upstream.url()).await;
    let body = json!({"environment": "staging", "path": "/v1/x"});

    // A redirect is shown, not followed.
    upstream.answer_with(|_| Answer::text(302, "").header("Location", "/elsewhere"));
    let reply = test(&house, body.clone()).await.expect(200);
    assert_eq!((&reply.body["answer"]["status"], upstream.count()), (&json!(302), 1));

    // A value across the end of what is shown is hidden as well.
    let long = format!("{}{VALUE}{}", "a".repeat(64 * 1024 - 5), "b".repeat(1000));
    upstream.answer_with(move |_| Answer::text(200, long.clone()));
    let reply = test(&house, body.clone()).await.expect(200);
    let shown = reply.body["answer"]["body"].as_str().unwrap();
    assert_eq!((shown.len(), &reply.body["answer"]["truncated"]), (64 * 1024, &json!(true)));
    assert!(shown.ends_with("aa*****"));

    // What cannot be read is not shown.
    upstream.answer_with(|_| Answer::text(200, "zipped").header("Content-Encoding", "br"));
    let reply = test(&house, body.clone()).await.expect(200);
    assert_eq!((&reply.body["answer"]["body"], &reply.body["answer"]["truncated"]), (&json!(""), &json!(true)));

    upstream.answer_with(|_| Answer::raw(""));
    let reply = test(&house, body.clone()).await.expect(200);
    assert_eq!((&reply.body["answer"], &reply.body["error"]), (&Value::Null, &json!("upstream-protocol-error")));
    upstream.answer_with(|_| Answer::text(200, "late").after(Duration::from_secs(3)));
    let reply = test(&house, body).await.expect(200);
    assert_eq!(reply.body["error"], "upstream-timeout");
    assert_eq!(events(&house, 1).await[0]["outcome"], "upstream-timeout");
}

#[tokio::test]
async fn nothing_is_sent_without_its_secret_or_to_nobody() {
    let upstream = Upstream::ok();
    let url = upstream.url();
    drop(upstream);
    let house = house().await;
    route(&house, &url).await;
    let body = json!({"environment": "staging", "path": "/v1/x"});
    let reply = test(&house, body).await.expect(200);
    assert_eq!(reply.body["error"], "upstream-unreachable");
    assert_eq!(header(&reply.body["sent"], "authorization"), Some("Bearer ********(sandbox)"));

    let upstream = Upstream::ok();
    let ending = json!({"name": "ending", "value": "planted_ending", "strict_expiry": true, "expires_at": "2025-11-24T17:00:00Z"});
    secret(&house, ending).await;
    let body = json!({"name": "strict", "base": {"upstream": upstream.url(), "inject": {"headers": {"A": "{{ending}}"}}}, "environments": {"staging": {}}});
    create(&house, body).await;
    let path = "/v1/routes/strict/test";
    house.send(Role::Admin, "POST", path, json!({"environment": "staging"})).await.expect(200);
    house.advance(model::time::Span::from_hours(2));
    let reply = house.send(Role::Admin, "POST", path, json!({"environment": "staging"})).await;
    assert_eq!((reply.refusal(), upstream.count()), ((409, "secret-expired"), 1));
}

#[tokio::test]
async fn a_repetition_sends_nothing_and_keeps_no_foreign_body() {
    let upstream = Upstream::ok();
    let house = house().await;
    route(&house, &upstream.url()).await;
    let key = [("idempotency-key", "one")];
    let body = json!({"environment": "staging", "path": "/v1/x"});
    let path = "/v1/routes/echo/test";
    let first = house.send_with(Role::Admin, "POST", path, &key, body.clone()).await.expect(200);
    let second = house.send_with(Role::Admin, "POST", path, &key, body).await.expect(200);
    assert_eq!((&first.body["answer"]["body"], upstream.count()), (&json!("ok"), 1));
    assert!(first.body["sent"].is_object());
    let answer = json!({"status": 200, "headers": [], "body": "", "truncated": true});
    let times = &first.body["times"];
    assert_eq!(second.body, json!({"sent": null, "answer": answer, "error": null, "times": times}));
    assert_eq!(second.header("idempotency-replayed"), "true");
}

/// What the database keeps for a repetition by the admin.
async fn kept(house: &House) -> String {
    let tx = house.control.store.read().await.unwrap();
    tx.idempotency("tok_admin", "one").await.unwrap().unwrap().body
}

#[tokio::test]
async fn nothing_of_the_testers_own_is_kept() {
    let upstream = Upstream::start(|_| Answer::text(200, "planted-answer").header("X-Answer", "planted-answer"));
    let house = house().await;
    route(&house, &upstream.url()).await;
    let body = json!({"environment": "staging", "method": "POST", "path": "/v1/x?q=planted-query", "body": "planted-body",
        "headers": {"X-Own": "planted-header"}});
    let key = [("idempotency-key", "one")];
    let reply = house.send_with(Role::Admin, "POST", "/v1/routes/echo/test", &key, body).await.expect(200);
    for planted in ["planted-query", "planted-body", "planted-header", "planted-answer"] {
        assert!(reply.text.contains(planted), "{}", reply.text);
        assert!(!kept(&house).await.contains(planted), "{}", kept(&house).await);
    }
}

#[tokio::test]
async fn a_repetition_that_comes_too_early_sends_nothing_either() {
    let upstream = Upstream::start(|_| Answer::text(200, "late").after(Duration::from_millis(700)));
    let house = house().await;
    route(&house, &upstream.url()).await;
    let key = [("idempotency-key", "one")];
    let send = |body: Value| house.send_with(Role::Admin, "POST", "/v1/routes/echo/test", &key, body);
    let body = json!({"environment": "staging", "path": "/v1/x"});
    let early = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        send(body.clone()).await.expect(200)
    };
    let (first, early) = tokio::join!(send(body.clone()), early);
    assert_eq!(first.expect(200).body["answer"]["body"], "late");
    assert_eq!((&early.body["error"], &early.body["answer"]), (&json!("outcome-unknown"), &Value::Null));
    assert_eq!(send(body).await.expect(200).body["answer"]["status"], 200);
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn answers_are_not_to_be_had_in_pieces() {
    let upstream = Upstream::ok();
    let house = house().await;
    route(&house, &upstream.url()).await;
    let headers = json!({"Range": "bytes=0-3", "If-Range": "\"x\"", "X-Own": "kept"});
    let reply = test(&house, json!({"environment": "staging", "path": "/v1/x", "headers": headers})).await.expect(200);
    let got = upstream.last();
    for name in ["range", "if-range"] {
        assert_eq!((got.header(name), header(&reply.body["sent"], name)), (None, None), "{name}");
    }
    assert_eq!(got.header("x-own").as_deref(), Some("kept"));
}

#[tokio::test]
async fn whoever_may_not_use_a_secret_may_not_try_it() {
    let upstream = Upstream::ok();
    let house = house().await;
    // `stripe` may be used anywhere, so that it counts as protected, though in staging here.
    let body = json!({"name": "echo", "base": {"upstream": upstream.url()},
        "environments": {"staging": {"inject": {"headers": {"A": "{{stripe}}"}}}, "development": {}}});
    create(&house, body).await;
    let staging = json!({"environment": "staging"});
    assert_eq!(test(&house, staging.clone()).await.refusal(), (403, "permission-denied"));
    assert_eq!(upstream.count(), 0);
    house.send(Role::Operator, "POST", "/v1/routes/echo/test", staging).await.expect(200);
    test(&house, json!({"environment": "development"})).await.expect(200);
    assert_eq!(upstream.count(), 2);
}

#[tokio::test]
async fn an_upstream_may_take_its_time_and_a_token_may_end_meanwhile() {
    let upstream = Upstream::start(|_| Answer::text(200, "slow").after(Duration::from_secs(5)));
    let house = house().await;
    let body = json!({"name": "echo", "base": {"upstream": upstream.url(), "timeouts": {"response": "20s"}}, "environments": {"staging": {}}});
    create(&house, body).await;
    let end = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut tx = house.begin().await;
        tx.revoke_token("tok_developer", house.control.now()).await.unwrap();
        house.commit(tx).await;
    };
    let (reply, ()) = tokio::join!(test(&house, json!({"environment": "staging"})), end);
    assert_eq!(reply.expect(200).body["answer"]["body"], "slow");
    // What was sent is on record to its end; nothing else is sent any longer.
    assert_eq!(events(&house, 1).await[0]["outcome"], "done");
    assert_eq!(test(&house, json!({"environment": "staging"})).await.refusal(), (401, "token-invalid"));
    assert_eq!(upstream.count(), 1);
}
