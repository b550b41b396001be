//! The guard through the front door: what an upstream echoes does not reach the client.

mod common;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Rig, World, code, request, secret};
use serde_json::json;
use testkit::{Answer, Upstream};

const VALUE: &str = "sk_live_4242";

fn echoing() -> Upstream {
    Upstream::start(|request| {
        let sent = request.header("authorization").unwrap_or_default();
        let basic = STANDARD.encode(format!("u:{VALUE}"));
        Answer::text(200, format!("{sent} {basic} end"))
            .header("X-Echo", &sent)
            .header("Location", &format!("/?k={sent}"))
    })
}

#[test]
fn an_echoed_value_is_masked() {
    let upstream = echoing();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    world.route("off", &upstream.url(), &json!({"guard": "off"}));
    let mut open = secret("open");
    open.limits.sensitive = false;
    world.add_secret(open, Some("public_value"));
    world.route("open", &upstream.url(), &json!({"inject": {"headers": {"Authorization": "Bearer {{open}}"}}}));
    let rig = Rig::start(world);
    let stars = "*".repeat(VALUE.len());
    let masked = rig.get("/r/");
    assert_eq!(masked.header("x-echo"), Some(format!("Bearer {stars}")));
    assert_eq!(masked.header("location"), Some(format!("/?k=Bearer {stars}")));
    assert!(masked.text().starts_with(&format!("Bearer {stars} ")), "{}", masked.text());
    assert!(masked.text().ends_with(" end") && masked.text().matches('*').count() >= 2 * VALUE.len());
    assert_eq!(upstream.last().header("accept-encoding").as_deref(), Some("identity"));
    let off = rig.call("GET", "/off/", &[("Accept-Encoding", "gzip"), ("Range", "bytes=0-1")], b"");
    assert_eq!(off.header("x-echo"), Some(format!("Bearer {VALUE}")));
    assert_eq!(upstream.last().header("accept-encoding").as_deref(), Some("gzip"));
    assert_eq!(upstream.last().header("range").as_deref(), Some("bytes=0-1"));
    assert_eq!(rig.call("GET", "/r/", &[("Range", "bytes=0-1")], b"").status, 200);
    assert_eq!(upstream.last().header("range"), None);
    assert_eq!(rig.get("/open/").header("x-echo").as_deref(), Some("Bearer public_value"));
}

#[test]
fn a_value_is_found_wherever_the_body_is_cut() {
    let text = format!("<{VALUE}> sk_live_ {VALUE}{VALUE} sk_live_424 s");
    let masked = text.replace(VALUE, &"*".repeat(VALUE.len()));
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    for size in [1, 2, 3, 5, 7, 11, 13, 100] {
        let pieces: Vec<_> =
            text.as_bytes().chunks(size).map(|piece| (Duration::from_millis(1), piece.to_vec())).collect();
        upstream.answer_with(move |_| Answer::chunks(200, pieces.clone()));
        assert_eq!(rig.get("/r/").text(), masked, "in pieces of {size}");
    }
    // With a length, and an end that could have gone on.
    for end in ["s", "sk_live_424", ""] {
        let body = format!("{VALUE}{end}");
        upstream.answer_with({
            let body = body.clone();
            move |_| Answer::text(200, body.clone())
        });
        assert_eq!(rig.get("/r/").text(), format!("{}{end}", "*".repeat(VALUE.len())));
    }
}

#[test]
fn trailers_are_looked_at_too() {
    let raw = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhi sk\r\n0\r\nX-Sum: {VALUE}\r\n\r\n"
    );
    let upstream = Upstream::start(move |_| Answer::raw(raw.clone()));
    let rig = Rig::to(&upstream);
    let reply = rig.call("GET", "/r/", &[("TE", "trailers"), ("Connection", "te")], b"");
    assert_eq!(reply.text(), "hi sk");
    assert_eq!(reply.trailers, [("x-sum".to_owned(), b"************".to_vec())]);
}

#[test]
fn block_ends_the_answer() {
    let upstream = echoing();
    let rig = Rig::to_with(&upstream, &json!({"guard": "block"}));
    let reply = rig.get("/r/");
    assert_eq!((reply.status, code(&reply).as_str()), (502, "answer-withheld"));
    assert_eq!(rig.world.drained("api_key", "r").unwrap().counts[0], 1, "it was a use all the same");
    upstream.answer_with(|_| Answer::text(200, format!("body {VALUE}")));
    let reply = rig.get("/r/");
    assert_eq!((reply.status, code(&reply).as_str()), (502, "answer-withheld"), "nothing has gone out yet");
    upstream.answer_with(|_| Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"));
    assert_eq!(code(&rig.get("/r/")), "upstream-protocol-error");
    for answer in [
        Answer::chunks(200, vec![(Duration::ZERO, format!("body {VALUE}").into_bytes())]),
        Answer::text(200, format!("{}{VALUE}", " ".repeat(64 * 1024))),
    ] {
        upstream.answer_with(move |_| answer.clone());
        assert!(rig.connect().call(&request("GET", "/r/", &[], b"")).is_err(), "it breaks off visibly");
    }
    upstream.answer_with(|_| Answer::text(200, "nothing of it"));
    assert_eq!(rig.get("/r/").text(), "nothing of it");
}

#[test]
fn what_cannot_be_read_is_withheld() {
    let upstream = Upstream::start(|_| Answer::text(200, "packed").header("Content-Encoding", "gzip"));
    let rig = Rig::to(&upstream);
    let reply = rig.get("/r/");
    assert_eq!((reply.status, code(&reply).as_str()), (502, "answer-withheld"));
    assert_eq!(rig.call("HEAD", "/r/", &[], b"").status, 200, "without a body there is nothing to read");
    upstream.answer_with(|_| Answer::text(200, "plain").header("Content-Encoding", "identity"));
    assert_eq!(rig.get("/r/").text(), "plain");
}
