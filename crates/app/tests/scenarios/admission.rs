//! Who is let in, as operators and applications see it: limits told, wrong keys throttled, proxies trusted, requests signed.

use std::process::Command;

use serde_json::{Value, json};
use testkit::{NodeOptions, Reply, TestNode, Upstream};

use crate::house::{KEYROLL, client, eventually, route, secret, served};

fn furnished(options: NodeOptions) -> (TestNode, Upstream) {
    let (node, upstream) = (options.start(), Upstream::ok());
    secret(&node, "one", "sk_admission_0001");
    route(&node, "payments", &upstream.url(), &json!({"Authorization": "Bearer {{one}}"}));
    (node, upstream)
}

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["code"].as_str().unwrap().to_owned())
}

#[test]
fn limits_are_told_and_wrong_keys_are_throttled() {
    let (node, _upstream) = furnished(NodeOptions::new(KEYROLL));
    let key = client(&node, "shop", "production");
    served(&node, "/payments/", &key);
    assert_eq!(node.gateway_get("/payments/", &[("Keyroll-Key", &key)]).header("ratelimit"), None);
    let limit = json!({"rate_limit": {"requests": 3, "per": "1h"}});
    node.api("PATCH", "/v1/clients/shop", Some(&limit)).expect(200);
    let get = || node.gateway_get("/payments/", &[("Keyroll-Key", &key)]);
    eventually("the limit is told", || {
        get().header("ratelimit-policy").as_deref() == Some("\"keyroll-client\";q=3;w=3600")
    });
    eventually("the limit is used up", || get().status == 429);
    let limited = get();
    let wait = limited.header("retry-after").unwrap();
    assert_eq!(limited.header("ratelimit").as_deref(), Some(&*format!("\"keyroll-client\";r=0;t={wait}")));

    let live = client(&node, "other", "production");
    served(&node, "/payments/", &live);
    let wrong = || code(&node.gateway_get("/payments/", &[("Keyroll-Key", "krk_nobodys")]));
    let answers: Vec<_> = (0..30).map(|_| wrong()).collect();
    assert_eq!(answers.last().unwrap(), &(429, "rate-limited".to_owned()), "{answers:?}");
    assert_eq!(node.gateway_get("/payments/", &[("Keyroll-Key", &live)]).status, 200, "a live key is never held back");
}

#[test]
fn addresses_are_those_that_a_trusted_proxy_names() {
    let trusting = NodeOptions::new(KEYROLL).env("KEYROLL_GATEWAY__TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8");
    // options, what becomes of a request that a proxy passed on for 192.0.2.7, and for somebody unknown
    for (options, named, unknown, passed_on) in [
        (trusting, (200, String::new()), (400, "request-invalid".to_owned()), None),
        (
            NodeOptions::new(KEYROLL),
            (403, "client-not-allowed".to_owned()),
            (403, "client-not-allowed".to_owned()),
            Some("192.0.2.7, 10.0.0.1"),
        ),
    ] {
        let (node, upstream) = furnished(options);
        let open = client(&node, "open", "production");
        let key = client(&node, "shop", "production");
        node.api("PATCH", "/v1/clients/shop", Some(&json!({"allowed_ips": ["192.0.2.0/24"]}))).expect(200);
        served(&node, "/payments/", &open);
        eventually("the rule holds", || node.gateway_get("/payments/", &[("Keyroll-Key", &key)]).status == 403);
        let from = |key: &str, addresses: &str| {
            let reply = node.gateway_get("/payments/", &[("Keyroll-Key", key), ("X-Forwarded-For", addresses)]);
            if reply.status == 200 { (200, String::new()) } else { code(&reply) }
        };
        assert_eq!(from(&key, "192.0.2.7, 10.0.0.1"), named);
        assert_eq!(from(&key, "192.0.2.7, unknown"), unknown);
        assert_eq!(from(&key, "198.51.100.1"), (403, "client-not-allowed".to_owned()));
        assert_eq!(from(&open, "192.0.2.7, 10.0.0.1").0, 200);
        assert_eq!(upstream.last().header("x-forwarded-for").as_deref(), passed_on);
    }
}

/// The block on the page about signing that begins so.
fn example(kind: &str, begins: &str) -> String {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/signing.md")).unwrap();
    let block = page.split(&format!("\n```{kind}\n")).skip(1).find(|block| block.starts_with(begins)).unwrap();
    block.split("\n```").next().unwrap().to_owned()
}

#[test]
fn signed_requests_as_the_page_shows_them() {
    let (node, upstream) = furnished(NodeOptions::new(KEYROLL));
    node.cli(&["client", "create", "checkout", "-e", "production", "-r", "payments", "--signing", "required"], "")
        .expect(0);
    let key: Value = node.cli(&["client", "key", "create", "checkout", "-o", "json"], "").expect(0).json();
    let text = |member: &str| key[member].as_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let run = |program: &str, script: &str, signing_key: &str| {
        let mut command = Command::new(program);
        command.arg("-c").arg(script).current_dir(folder.path());
        command.env("KEYROLL_GATEWAY", node.gateway());
        command.env("KEYROLL_KEY_ID", text("id")).env("KEYROLL_SIGNING_KEY", signing_key);
        command.output().unwrap()
    };
    let python = example("python", "import");
    eventually("the example is served", || run("python3", &python, &text("signing_key")).status.success());
    let seen: Vec<_> = upstream
        .records()
        .iter()
        .rev()
        .take(2)
        .map(|record| {
            assert_eq!(record.header("authorization").as_deref(), Some("Bearer sk_admission_0001"));
            assert!(record.headers.iter().all(|(name, _)| !name.to_ascii_lowercase().starts_with("keyroll")));
            (record.method.clone(), record.target.clone(), String::from_utf8_lossy(&record.body).into_owned())
        })
        .collect();
    assert_eq!(seen[0], ("POST".into(), "/v1/charges?expand=customer".into(), "{\"amount\": 1200}".into()));
    assert_eq!(seen[1], ("GET".into(), "/v1/balance".into(), String::new()));

    let before = upstream.count();
    let shell = example("sh", "sign()");
    let done = run("bash", &shell, &text("signing_key"));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(upstream.count(), before + 1, "{}", String::from_utf8_lossy(&done.stdout));
    assert_eq!(upstream.last().body, b"{\"amount\": 1200}");

    // The twins: another key, and the client's own key sent as it is.
    let other = text("signing_key").chars().rev().collect::<String>();
    assert!(!run("python3", &python, &other).status.success());
    let sent = node.gateway_get("/payments/", &[("Keyroll-Key", &text("key"))]);
    assert_eq!(code(&sent), (401, "client-key-invalid".to_owned()));
    assert!(sent.json()["detail"].as_str().unwrap().contains("signing key"));
    assert_eq!(upstream.count(), before + 1);

    node.cli(&["client", "edit", "checkout", "--clear", "signing"], "").expect(0);
    served(&node, "/payments/", &text("key"));
    assert!(!run("python3", &python, &text("signing_key")).status.success(), "now it sends its key, and nothing else");
}
