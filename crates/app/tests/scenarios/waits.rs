//! What a rotation waits for before it goes on by itself: a time at which changes are allowed, the least time after another
//! one, and the end of what began with the outgoing credential.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Answer, NodeOptions, TestNode, Upstream};

use super::options;
use crate::house::{client, secret, served};

const LIMIT: Duration = Duration::from_secs(40);

/// A route with a probe, so that no traffic is needed for a verdict.
fn probed(node: &TestNode, upstream: &Upstream, headers: &Value, environments: &[&str]) {
    let environments: serde_json::Map<String, Value> =
        environments.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    let base = json!({"upstream": upstream.url(), "inject": {"headers": headers}, "probe": {"path": "/balance"}});
    node.api("POST", "/v1/routes", Some(&json!({"name": "payments", "base": base, "environments": environments})))
        .expect(201);
}

/// Starts a rotation that goes as fast as it may; the answer is its address.
fn start(node: &TestNode, outgoing: &str, reason: &str) -> String {
    let plan = json!({"canary": ["100%"], "canary_step": "0s", "soak": "0s", "advance": "automatic", "reason": reason});
    let body = json!({"outgoing": outgoing, "incoming": {"value": format!("sk_waits_{outgoing}_next")}, "plan": plan});
    let begun = node.api("POST", "/v1/rotations", Some(&body)).expect(201).json();
    format!("/v1/rotations/{}", begun["id"].as_str().unwrap())
}

/// Waits until the rotation is as described.
fn until(node: &TestNode, path: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let told = node.api("GET", path, None).expect(200).json();
        if is_so(&told) {
            return told;
        }
        assert!(begun.elapsed() < LIMIT, "never {what}: {told}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn waits_for(told: &Value, words: &str) -> bool {
    told["next"]["waits_for"].as_str().is_some_and(|waits| waits.contains(words))
}

#[test]
fn a_protected_environment_is_entered_when_changes_are_allowed() {
    let windows: NodeOptions = options().env("KEYROLL_POLICY__ROTATION_WINDOWS", "0 0 29 2 * UTC");
    let node = windows.start();
    let upstream = Upstream::start(|_| Answer::text(200, "x"));
    secret(&node, "stripe", "sk_waits_stripe_first");
    probed(&node, &upstream, &json!({"Authorization": "Bearer {{stripe}}"}), &["staging", "production"]);
    let path = start(&node, "stripe", "scheduled");
    let told = until(&node, &path, "it waits", |told| waits_for(told, "a time at which changes are allowed"));
    assert_eq!((&told["state"], &told["environment"]), (&json!("waiting"), &json!("production")));
    assert_eq!(told["promoted"], json!(["staging"]), "what is not protected was not held up");
    let opens = told["next"]["at"].as_str().unwrap();
    assert!(opens.contains("-02-29T00:00:00"), "{opens}");
    // An operator's word does not wait for it, and neither does a credential that others may have.
    node.api("POST", &format!("{path}/advance"), Some(&json!({"environment": "production"}))).expect(200);
    until(&node, &path, "it is withdrawn", |told| told["state"] == "withdrawn");
    let hasty = start(&node, "stripe_v2", "compromised");
    until(&node, &hasty, "it is withdrawn", |told| told["state"] == "withdrawn");
}

#[test]
fn two_rotations_of_one_route_are_apart() {
    let node = options().env("KEYROLL_POLICY__ROTATION_GAP", "3d").start();
    let upstream = Upstream::start(|_| Answer::text(200, "x"));
    let headers = json!({"Authorization": "Bearer {{stripe}}", "X-Partner": "{{partner}}"});
    secret(&node, "stripe", "sk_waits_stripe_first");
    secret(&node, "partner", "sk_waits_partner_first");
    probed(&node, &upstream, &headers, &["production"]);
    let first = start(&node, "stripe", "scheduled");
    let done = until(&node, &first, "it is withdrawn", |told| told["state"] == "withdrawn");
    let second = start(&node, "partner", "scheduled");
    let told = until(&node, &second, "it waits", |told| waits_for(told, "the least time after"));
    assert!(waits_for(&told, done["id"].as_str().unwrap()), "{told}");
    assert!(told["next"]["at"].is_string(), "{told}");
    node.api("POST", &format!("{second}/advance"), None).expect(200);
    until(&node, &second, "it is withdrawn", |told| told["state"] == "withdrawn");
}

#[test]
fn a_stream_that_began_with_the_outgoing_credential_holds_up_the_withdrawal() {
    let node = options().start();
    let (feed, endless) = Answer::fed(200);
    let upstream = Upstream::start(move |request| match request.target.ends_with("/stream") {
        true => endless.clone(),
        false => Answer::text(200, "x"),
    });
    secret(&node, "stripe", "sk_waits_stripe_first");
    probed(&node, &upstream, &json!({"Authorization": "Bearer {{stripe}}"}), &["production"]);
    let key = client(&node, "shop", "production");
    served(&node, "/payments/", &key);

    let address = node.gateway().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /payments/stream HTTP/1.1\r\nHost: {address}\r\nKeyroll-Key: {key}\r\n\r\n").unwrap();
    feed.send("first piece");
    let mut seen = String::new();
    while !seen.contains("first piece") {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..count]));
    }

    let path = start(&node, "stripe", "scheduled");
    let told = until(&node, &path, "it waits for the stream", |told| waits_for(told, "requests or streams"));
    assert_eq!(
        (&told["state"], told["next"]["waits_for"].as_str().unwrap().starts_with("1 ")),
        (&json!("watching"), true)
    );
    std::thread::sleep(Duration::from_secs(2));
    feed.send("it is still there");
    assert_eq!(node.api("GET", &path, None).expect(200).json()["state"], "watching");
    drop((feed, stream));
    until(&node, &path, "it is withdrawn", |told| told["state"] == "withdrawn");
}
