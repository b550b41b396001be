//! The walk of a new user: three secrets in three headers, two environments, and a replacement forth and back.

use serde_json::json;
use testkit::{Nginx, TestNode, Upstream};

use crate::house::eventually;

const HEADERS: [&str; 3] = ["Authorization", "X-Partner-Key", "X-Database"];
const VALUES: [(&str, &str); 4] = [
    ("stripe_api_key", "sk_live_51Hx+/=%25 $1 {{x}}"),
    ("partner_api_key", "partner-key-&\"'<>\\-0001"),
    ("database_url", "postgres://app:p%40ss@db1:5432/prod?sslmode=require"),
    ("stripe_api_key_v2", "sk_live_successor_0002"),
];

/// Makes everything by the command line alone, and answers the keys of a staging and a production client.
fn furnish(node: &TestNode, upstream: &str) -> (String, String) {
    for (name, value) in &VALUES[..3] {
        node.cli(&["secret", "create", name, "--value-stdin"], &format!("{value}\n")).expect(0);
    }
    let mut args = vec!["route", "create", "payments", "--upstream", upstream];
    args.extend(["--header", "Authorization=Bearer {{stripe_api_key}}"]);
    args.extend(["--header", "X-Partner-Key={{partner_api_key}}", "--header", "X-Database={{database_url}}"]);
    args.extend(["--environment", "staging", "--environment", "production"]);
    node.cli(&args, "").expect(0);
    let key = |name: &str, environment: &str| {
        node.cli(&["client", "create", name, "--environment", environment, "--route", "payments"], "").expect(0);
        let made = node.cli(&["client", "key", "create", name, "-o", "json"], "").expect(0).json();
        made["key"].as_str().unwrap().to_owned()
    };
    (key("shop-staging", "staging"), key("shop", "production"))
}

#[test]
fn three_headers_arrive_byte_for_byte_and_a_replacement_goes_stage_by_stage() {
    let node = super::start();
    let upstream = Upstream::ok();
    let (staging, production) = furnish(&node, &upstream.url());
    let call = |key: &str| {
        upstream.clear();
        let reply = node.gateway_get("/payments/v1/charges?limit=3", &[("Authorization", &format!("Bearer {key}"))]);
        let reply = reply.expect(200);
        for (name, value) in VALUES {
            let whole = [reply.head.clone(), reply.body.clone()].concat();
            assert!(!whole.windows(value.len()).any(|w| w == value.as_bytes()), "the client was shown {name}");
        }
        let seen = upstream.last();
        assert_eq!(seen.target, "/v1/charges?limit=3");
        assert_eq!(seen.header("x-partner-key").unwrap(), VALUES[1].1);
        assert_eq!(seen.header("x-database").unwrap(), VALUES[2].1);
        assert_eq!(seen.all("authorization").len(), 1);
        assert!(!String::from_utf8_lossy(&seen.head).contains(key), "the client's own key went to the upstream");
        seen.header("authorization").unwrap()
    };
    let (v1, v2) = (format!("Bearer {}", VALUES[0].1), format!("Bearer {}", VALUES[3].1));
    crate::house::served(&node, "/payments/x", &production);
    assert_eq!((call(&staging), call(&production)), (v1.clone(), v1.clone()));

    node.cli(
        &["secret", "create", "stripe_api_key_v2", "--successor-of", "stripe_api_key", "--value-stdin"],
        VALUES[3].1,
    )
    .expect(0);
    let replace = |more: &[&str]| {
        let mut args = vec!["route", "replace-secret"];
        args.extend_from_slice(more);
        node.cli(&args, "").expect(0);
    };
    let (from, to) = ("stripe_api_key", "stripe_api_key_v2");
    replace(&[from, to, "--environment", "staging", "--dry-run"]);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!((call(&staging), call(&production)), (v1.clone(), v1.clone()), "a dry run changes nothing");

    replace(&[from, to, "--environment", "staging"]);
    eventually("staging sends the successor", || call(&staging) == v2);
    assert_eq!(call(&production), v1);
    replace(&[from, to, "--environment", "production"]);
    eventually("production sends the successor", || call(&production) == v2);
    let spec = node.api("GET", "/v1/routes/payments", None).expect(200).json();
    assert!(!spec.to_string().contains("{{stripe_api_key}}"), "nothing keeps naming the old one: {spec}");
    replace(&[to, from]);
    eventually("both are back", || call(&production) == v1 && call(&staging) == v1);
}

#[test]
fn a_real_nginx_receives_what_the_route_adds() {
    let node = super::start();
    let nginx = Nginx::start(&HEADERS);
    let (staging, production) = furnish(&node, &nginx.url());
    crate::house::served(&node, "/payments/", &production);
    let before = nginx.records().len();
    node.gateway_get("/payments/", &[("X-Api-Key", &staging), ("X-Partner-Key", "mine"), ("x_database", "mine")])
        .expect(200);
    let record = nginx.wait_for(before + 1).pop().unwrap();
    assert_eq!(record["authorization"], format!("Bearer {}", VALUES[0].1));
    assert_eq!(record["x-partner-key"], VALUES[1].1);
    assert_eq!(record["x-database"], VALUES[2].1);
}

#[test]
fn an_upstream_behind_tls_is_verified_with_the_route_s_own_roots() {
    let node = super::start();
    let authority = testkit::Authority::new();
    let upstream = Upstream::tls(&authority, &["127.0.0.1"], |_| testkit::Answer::text(200, "ok"));
    let (name, value) = VALUES[0];
    node.api("POST", "/v1/secrets", Some(&json!({"name": name, "value": value}))).expect(201);
    for (route, tls) in [("trusting", json!({"ca": authority.ca_pem()})), ("strict", json!({}))] {
        let body = json!({"name": route, "environments": {"production": {}}, "base": {"upstream": upstream.url(), "tls": tls,
            "inject": {"headers": {"Authorization": "Bearer {{stripe_api_key}}"}}}});
        node.api("POST", "/v1/routes", Some(&body)).expect(201);
    }
    let key = crate::house::client(&node, "shop", "production");
    crate::house::served(&node, "/trusting/", &key);
    assert_eq!(upstream.last().header("authorization").unwrap(), format!("Bearer {value}"));
    let before = upstream.count();
    let refused = node.gateway_get("/strict/", &[("Keyroll-Key", &key)]).expect(502);
    assert_eq!(refused.json()["code"], "upstream-tls-failed");
    assert_eq!(upstream.count(), before, "nothing is sent to an upstream that cannot be verified");
}
