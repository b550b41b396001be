//! Clients that sign: the right signature passes, and whatever differs from what was signed does not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests, but outside of a test function")]

mod common;

use std::io::Write;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use common::{NOW, Plan, Rig, World, client, code, key};
use model::signing::Signing;
use model::snapshot::Sign;
use model::time::Timestamp;
use model::token;
use serde_json::json;
use testkit::{Answer, Reply, Upstream};

const SECONDS: i64 = NOW / 1_000;

fn signing_key() -> String {
    token::encode(token::SIGNING_KEY, &[5; 32])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A request as its client signs it; tests change a part of it.
#[derive(Clone)]
struct Signed {
    method: &'static str,
    target: String,
    body: Vec<u8>,
    environment: Option<&'static str>,
    id: String,
    timestamp: String,
    key: String,
}

impl Signed {
    fn new(target: &str, body: &[u8]) -> Self {
        Self {
            method: "POST",
            target: target.to_owned(),
            body: body.to_vec(),
            environment: None,
            id: "key_1".to_owned(),
            timestamp: SECONDS.to_string(),
            key: signing_key(),
        }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let content = hex(digest(&SHA256, &self.body).as_ref());
        let environment = self.environment.unwrap_or_default();
        let text = format!("v1\n{}\n{}\n{}\n{content}\n{environment}", self.timestamp, self.method, self.target);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.key.as_bytes()), text.as_bytes());
        let mut headers = vec![
            ("Host", "gateway.test".to_owned()),
            ("Keyroll-Key-Id", self.id.clone()),
            ("Keyroll-Timestamp", self.timestamp.clone()),
            ("Keyroll-Content-Sha256", content),
            ("Keyroll-Signature", format!("v1={}", hex(tag.as_ref()))),
        ];
        headers.extend(self.environment.map(|name| ("Keyroll-Environment", name.to_owned())));
        headers
    }

    fn bytes(&self) -> Vec<u8> {
        sent(self.method, &self.target, &self.headers(), &self.body)
    }
}

fn sent(method: &str, target: &str, headers: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    testkit::wire::request(method, target, &headers, body)
}

fn world(upstream: &Upstream) -> World {
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    world.client().signing = Some(Signing::Required);
    world.client().environments = ["production", "staging"].map(|name| name.parse().unwrap()).into();
    world.signers.push(("key_1".to_owned(), signing_key()));
    world.clients.push((key(2), client("plain")));
    world
}

fn refused(reply: &Reply) -> (u16, String) {
    (reply.status, code(reply))
}

fn invalid() -> (u16, String) {
    (401, "client-key-invalid".to_owned())
}

#[test]
fn a_signed_request_passes_and_carries_nothing_of_ours() {
    let upstream = Upstream::ok();
    let rig = Rig::start(world(&upstream));
    for (method, target, body) in [
        ("POST", "/r/v1/charges?expand=a%20b&c", &b"{\"amount\":1}"[..]),
        ("POST", "/r/empty", b""),
        ("GET", "/r/%C3%A4?q=%2F", b""),
        ("DELETE", "/r/x", b""),
        ("PROPFIND", "/r/x", b"<xml/>"),
    ] {
        let signed = Signed { method, ..Signed::new(target, body) };
        let reply = rig.raw(signed.bytes());
        assert_eq!(reply.status, 200, "{method} {target}: {}", reply.text());
        let record = upstream.last();
        assert_eq!((record.method.as_str(), &*record.body), (method, body), "{target}");
        assert_eq!(record.header("authorization").as_deref(), Some("Bearer sk_live_4242"));
        assert!(!record.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("keyroll")));
    }
    for timestamp in [SECONDS - 300, SECONDS + 300] {
        let signed = Signed { timestamp: timestamp.to_string(), ..Signed::new("/r/", b"x") };
        assert_eq!(rig.raw(signed.bytes()).status, 200, "{timestamp}");
    }
    let chosen = Signed { environment: Some("production"), ..Signed::new("/r/", b"x") };
    assert_eq!(rig.raw(chosen.bytes()).status, 200);
}

#[test]
fn whatever_differs_from_what_was_signed_gets_one_and_the_same_answer() {
    let upstream = Upstream::ok();
    let good = Signed::new("/r/a?b", b"body");
    let headers = good.headers();
    let with = |name: &str, value: &str| -> Vec<(&'static str, String)> {
        let replaced =
            headers.iter().map(|(known, old)| (*known, if *known == name { value.to_owned() } else { old.clone() }));
        replaced.collect()
    };
    let more = |name: &'static str, value: &str| {
        let mut all = headers.clone();
        all.push((name, value.to_owned()));
        all
    };
    let other_key = Signed { key: token::encode(token::SIGNING_KEY, &[6; 32]), ..good.clone() };
    let unknown = Signed { id: "key_9".to_owned(), ..good.clone() };
    let other_hash = hex(digest(&SHA256, b"bodx").as_ref());
    let one = good.bytes();
    let cases = [
        ("another method", sent("PUT", "/r/a?b", &headers, b"body")),
        ("another path", sent("POST", "/r/b?b", &headers, b"body")),
        ("another query", sent("POST", "/r/a?c", &headers, b"body")),
        ("another hash", sent("POST", "/r/a?b", &with("Keyroll-Content-Sha256", &other_hash), b"bodx")),
        ("another time", sent("POST", "/r/a?b", &with("Keyroll-Timestamp", &(SECONDS + 1).to_string()), b"body")),
        (
            "an environment that was not signed",
            sent("POST", "/r/a?b", &more("Keyroll-Environment", "staging"), b"body"),
        ),
        ("another key", other_key.bytes()),
        ("an unknown key", unknown.bytes()),
        (
            "no signature at all",
            sent("POST", "/r/a?b", &with("Keyroll-Signature", &format!("v1={}", "0".repeat(64))), b"body"),
        ),
    ];
    let mut answers = Vec::new();
    for (what, bytes) in &cases {
        // A rig for each: too many of them from one address would be throttled.
        let rig = Rig::start(world(&upstream));
        let reply = rig.raw(bytes);
        assert_eq!(refused(&reply), invalid(), "{what}");
        assert_eq!(upstream.count(), 0, "{what}");
        answers.push(reply.json()["detail"].clone());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");

    let rig = Rig::start(world(&upstream));
    // Here the body is another one than the one that was signed: the signature itself is right.
    let altered = sent("POST", "/r/a?b", &headers, b"bodx");
    assert_eq!(refused(&rig.raw(altered)), invalid());
    assert_eq!(upstream.count(), 0);
    let rig = Rig::start(world(&upstream));
    assert_eq!(rig.raw(&one).status, 200, "the twin");
}

#[test]
fn headers_of_a_signature_are_there_once_and_in_their_form() {
    let upstream = Upstream::ok();
    let good = Signed::new("/r/", b"x");
    let headers = good.headers();
    for (index, (name, value)) in headers.iter().enumerate().skip(1) {
        let rig = Rig::start(world(&upstream));
        let mut without = headers.clone();
        without.remove(index);
        let mut twice = headers.clone();
        twice.push((name, value.clone()));
        let mut cut = headers.clone();
        cut[index].1.pop();
        let mut padded = headers.clone();
        padded[index].1.insert(0, '+');
        for (what, headers) in [("without", without), ("twice", twice), ("cut", cut), ("padded", padded)] {
            let reply = rig.raw(sent("POST", "/r/", &headers, b"x"));
            assert_eq!(refused(&reply), invalid(), "{what} {name}");
        }
        let alias = name.replace('-', "_");
        let mut renamed = headers.clone();
        renamed.push((&*alias.leak(), value.clone()));
        assert_eq!(
            refused(&rig.raw(sent("POST", "/r/", &renamed, b"x"))),
            (400, "request-invalid".to_owned()),
            "{name}"
        );
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(Rig::start(world(&upstream)).raw(good.bytes()).status, 200);
}

#[test]
fn timestamps_are_within_five_minutes_and_signatures_used_once() {
    let upstream = Upstream::ok();
    let rig = Rig::start(world(&upstream));
    for seconds in [SECONDS - 301, SECONDS + 301, 0] {
        let signed = Signed { timestamp: seconds.to_string(), ..Signed::new("/r/", b"x") };
        let reply = rig.raw(signed.bytes());
        assert_eq!(refused(&reply), invalid(), "{seconds}");
        assert!(reply.json()["detail"].as_str().unwrap().contains("Keyroll-Timestamp"), "{seconds}");
        assert!(reply.header("date").is_some());
    }
    let signed = Signed::new("/r/", b"once").bytes();
    assert_eq!(rig.raw(&signed).status, 200);
    assert_eq!(refused(&rig.raw(&signed)), invalid());
    rig.publish();
    assert_eq!(refused(&rig.raw(&signed)), invalid(), "a new snapshot does not make it new");
    rig.clock.advance(299_000);
    assert_eq!(refused(&rig.raw(&signed)), invalid());
    rig.clock.advance(2_000);
    assert_eq!(refused(&rig.raw(&signed)), invalid(), "then it is too old");
    let fresh = Signed { timestamp: (SECONDS + 301).to_string(), ..Signed::new("/r/", b"once") };
    assert_eq!(rig.raw(fresh.bytes()).status, 200, "the same request, signed anew");
    assert_eq!(upstream.count(), 2);
}

#[test]
fn one_is_accepted_of_many_that_come_at_once() {
    let upstream = Upstream::ok();
    let rig = Rig::start(world(&upstream));
    let signed = Signed::new("/r/", b"once").bytes();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| rig.raw(&signed).status)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_client_that_signs_never_sends_its_key_and_another_need_not_sign() {
    let upstream = Upstream::ok();
    let mut rig = Rig::start(world(&upstream));
    for _ in 0..15 {
        let reply = rig.call("GET", "/r/", &[], b"");
        assert_eq!(refused(&reply), invalid(), "its key, and never throttled for it");
        assert!(reply.json()["detail"].as_str().unwrap().contains("signing key"), "{}", reply.text());
    }
    // Both: the key decides, and is not taken.
    let mut both = Signed::new("/r/", b"x").headers();
    both.push(("Keyroll-Key", key(1)));
    assert_eq!(refused(&rig.raw(sent("POST", "/r/", &both, b"x"))), invalid());
    // A key of ours in a header where none belongs would reach the upstream.
    for copy in [key(1), signing_key(), format!("Bearer {}", signing_key())] {
        let mut copied = Signed::new("/r/", b"x").headers();
        copied.push(("X-Debug", copy));
        assert_eq!(code(&rig.raw(sent("POST", "/r/", &copied, b"x"))), "client-key-ambiguous");
    }
    assert_eq!(code(&rig.raw(Signed::new(&format!("/r/?k={}", signing_key()), b"").bytes())), "request-invalid");
    assert_eq!(upstream.count(), 0);
    assert_eq!(rig.raw(Signed::new("/r/", b"x").bytes()).status, 200);

    let mut plain = Signed::new("/r/", b"x").headers();
    plain.push(("Keyroll-Key", key(2)));
    assert_eq!(rig.raw(sent("POST", "/r/", &plain, b"x")).status, 200, "an ordinary client's are passed over");
    assert_eq!(upstream.last().header("keyroll-signature"), None);

    // A signature is worth no more than its client.
    rig.world.client().disabled = true;
    rig.publish();
    assert_eq!(refused(&rig.raw(Signed::new("/r/", b"1").bytes())), invalid());
    rig.world.client().disabled = false;
    rig.world.client().expires_at = Some(Timestamp::from_millis(NOW));
    rig.publish();
    assert_eq!(refused(&rig.raw(Signed::new("/r/", b"2").bytes())), invalid());
    rig.world.client().expires_at = None;
    rig.publish();
    assert_eq!(rig.raw(Signed::new("/r/", b"3").bytes()).status, 200);
    rig.world.signers.clear();
    rig.publish();
    assert_eq!(refused(&rig.raw(Signed::new("/r/", b"4").bytes())), invalid(), "its key was revoked");
}

/// The headers of `signed` and a chunked body of other bytes, in pieces.
fn chunked(signed: &Signed, body: &[u8]) -> Vec<u8> {
    let mut headers = signed.headers();
    headers.push(("Transfer-Encoding", "chunked".to_owned()));
    headers.push(("Trailer", "X-Late".to_owned()));
    let mut bytes = format!("POST {} HTTP/1.1\r\n", signed.target).into_bytes();
    for (name, value) in headers {
        write!(bytes, "{name}: {value}\r\n").unwrap();
    }
    bytes.extend_from_slice(b"\r\n");
    for piece in body.chunks(50_000) {
        write!(bytes, "{:x}\r\n", piece.len()).unwrap();
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\nX-Late: unsigned\r\n\r\n");
    bytes
}

#[test]
fn long_bodies_stream_and_are_never_whole_where_they_are_not_what_was_signed() {
    let upstream = Upstream::ok();
    let rig = Rig::start(world(&upstream));
    for length in [1_000, 1024 * 1024, 1024 * 1024 + 1, 3_000_000] {
        let body: Vec<u8> = (0..length).map(|at: usize| (at % 251) as u8).collect();
        let signed = Signed::new(&format!("/r/{length}"), &body);
        let mut altered = body.clone();
        *altered.last_mut().unwrap() ^= 1;
        // Another body under the same headers first: nothing of it may count.
        for (what, bytes) in [
            ("with a length", sent("POST", &signed.target, &signed.headers(), &altered)),
            ("chunked", chunked(&Signed { timestamp: (SECONDS + 1).to_string(), ..signed.clone() }, &altered)),
        ] {
            let before = upstream.count();
            // A connection that is closed on a client that still sends may lose the answer; no 200 is what matters.
            if let Ok(reply) = rig.connect().call(&bytes) {
                assert_eq!(refused(&reply), invalid(), "{length} {what}");
            }
            assert_eq!(upstream.count(), before, "{length} {what}: the upstream never had a whole request");
        }
        let again = Signed { timestamp: (SECONDS + 2).to_string(), ..signed.clone() };
        let reply = rig.raw(again.bytes());
        assert_eq!(reply.status, 200, "{length}: {}", reply.text());
        assert!(upstream.last().body == body, "{length}");
        let again = Signed { timestamp: (SECONDS + 3).to_string(), ..signed };
        let reply = rig.raw(chunked(&again, &body));
        assert_eq!(reply.status, 200, "{length}: {}", reply.text());
        assert!(upstream.last().body == body && upstream.last().trailers.is_empty(), "{length}");
    }
}

#[test]
fn members_are_put_into_a_body_after_it_was_verified() {
    let upstream = Upstream::ok();
    let mut world = world(&upstream);
    world.route(
        "json",
        &upstream.url(),
        &json!({"inject": {"body": {"key": "{{api_key}}"}}, "max_request_body": 2_097_152}),
    );
    world.route("small", &upstream.url(), &json!({"max_request_body": 4}));
    let rig = Rig::start(world);
    let call = |target: &str, signed: &[u8], body: &[u8]| {
        let mut headers = Signed::new(target, signed).headers();
        headers.push(("Content-Type", "application/json".to_owned()));
        rig.raw(sent("POST", target, &headers, body))
    };
    assert_eq!(refused(&call("/json/", b"{\"a\": 1}", b"{\"a\": 2}")), invalid());
    assert_eq!(upstream.count(), 0);
    assert_eq!(call("/json/x", b"{\"a\": 1}", b"{\"a\": 1}").status, 200);
    assert!(String::from_utf8_lossy(&upstream.last().body).contains("sk_live_4242"));
    assert_eq!(code(&call("/small/", b"12345", b"12345")), "request-too-large");
    assert_eq!(call("/small/", b"1234", b"1234").status, 200);
}

#[test]
fn a_signed_body_is_at_hand_for_a_second_try() {
    let upstream = Upstream::start(|request| match request.header("authorization").as_deref() {
        Some("Bearer sk_live_4242") => Answer::text(200, "second"),
        _ => Answer::text(401, "first"),
    });
    let mut world = world(&upstream);
    world.add_secret(common::secret("api_key_v2"), Some("sk_live_wrong_0002"));
    world.trials.push(Plan::new("r", "api_key", "api_key_v2"));
    let rig = Rig::start(world);
    let mebibyte = vec![b'x'; 1024 * 1024];
    for body in [&b""[..], b"body", &mebibyte] {
        upstream.clear();
        let reply = rig.raw(Signed::new("/r/a?b", body).bytes());
        assert_eq!((reply.status, reply.text().as_str()), (200, "second"), "{} bytes", body.len());
        let records = upstream.records();
        assert_eq!(records.len(), 2);
        assert!(records.iter().all(|record| record.body == body), "{} bytes", body.len());
        assert_eq!(rig.world.trials[0].drained().0, [(Sign::Pair, 1)]);
    }
    // A longer one is verified while it is sent, and keeps the outgoing credential.
    let reply = rig.raw(Signed::new("/r/a?b", &[&mebibyte[..], b"x"].concat()).bytes());
    assert_eq!((reply.status, upstream.count()), (200, 3));
    assert_eq!(rig.world.trials[0].drained().0, [(Sign::OutgoingAlive, 1), (Sign::Kept, 1)]);
}
