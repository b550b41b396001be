//! The guard through the front door: what an upstream echoes does not reach the client.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests, but outside of a test function")]

mod common;

use std::io::{Read as _, Write as _};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Rig, World, code, request, secret};
use flate2::Compression;
use flate2::write::GzEncoder;
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

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A compressed answer with all that speaks of its bytes.
fn packed(body: Vec<u8>, coding: &str) -> Answer {
    let headers = [
        ("Content-Encoding", coding),
        ("ETag", "\"tag\""),
        ("Vary", "Accept-Encoding"),
        ("Content-Digest", "sha-256=:AAAA:"),
        ("Repr-Digest", "sha-256=:AAAA:"),
        ("Digest", "sha-256=AAAA"),
        ("Content-MD5", "AAAA"),
    ];
    headers.into_iter().fold(Answer::text(200, body), |answer, (name, value)| answer.header(name, value))
}

#[test]
fn a_compressed_answer_is_unpacked_and_passed_on_plain() {
    let upstream = Upstream::start(|_| packed(gzip(&format!("a {VALUE} b")), "gzip"));
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    world.route("off", &upstream.url(), &json!({"guard": "off"}));
    world.route("block", &upstream.url(), &json!({"guard": "block"}));
    let rig = Rig::start(world);
    let gone = ["content-encoding", "content-length", "content-digest", "repr-digest", "digest", "content-md5"];
    for method in ["GET", "HEAD"] {
        let reply = rig.call(method, "/r/", &[], b"");
        assert_eq!(reply.text(), if method == "GET" { "a ************ b" } else { "" });
        assert_eq!(reply.header("etag").as_deref(), Some("W/\"tag\""), "{method}");
        assert_eq!(reply.header("vary").as_deref(), Some("Accept-Encoding"), "{method}");
        for name in gone {
            assert_eq!(reply.header(name), None, "{method} {name}");
        }
    }
    let off = rig.call("GET", "/off/", &[("Accept-Encoding", "gzip")], b"");
    assert_eq!(off.body, gzip(&format!("a {VALUE} b")));
    assert_eq!(off.header("etag").as_deref(), Some("\"tag\""));
    assert!(gone.iter().all(|name| off.header(name).is_some()));
    assert!(rig.connect().call(&request("GET", "/block/", &[], b"")).is_err(), "it breaks off visibly");

    upstream.answer_with(|_| packed(gzip("nothing of it"), "x-gzip, identity"));
    assert_eq!(
        (rig.get("/block/").text(), rig.get("/r/").text()),
        ("nothing of it".to_owned(), "nothing of it".to_owned())
    );
    // On one connection: the end of an unpacked answer is seen without a length.
    let mut connection = rig.connect();
    for _ in 0..2 {
        assert_eq!(connection.call(&request("GET", "/r/", &[], b"")).unwrap().text(), "nothing of it");
    }
    upstream
        .answer_with(|_| Answer::raw("HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\nETag: \"tag\"\r\n\r\n"));
    let reply = rig.call("GET", "/r/", &[("If-None-Match", "W/\"tag\"")], b"");
    assert_eq!((reply.status, reply.header("etag").as_deref()), (304, Some("W/\"tag\"")));
    assert_eq!(upstream.last().header("if-none-match").as_deref(), Some("W/\"tag\""));
    upstream.answer_with(|_| Answer::text(200, "").header("Content-Encoding", "gzip"));
    let reply = rig.get("/r/");
    assert_eq!((reply.text(), reply.header("content-length").as_deref()), (String::new(), Some("0")));
}

#[test]
fn an_unpacked_event_is_not_held_up() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let (feed, answer) = Answer::fed(200);
    let answer = answer.header("Content-Type", "text/event-stream").header("Content-Encoding", "gzip");
    upstream.answer_with(move |_| answer.clone());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut event = |text: &str| {
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.flush().unwrap();
        feed.send(std::mem::take(encoder.get_mut()));
    };
    let mut connection = rig.connect();
    connection.send(&request("GET", "/r/", &[], b"")).unwrap();
    event("data: sk_live_\n\n");
    let mut seen = Vec::new();
    let mut until = |end: &str| {
        while !seen.ends_with(end.as_bytes()) {
            let mut byte = [0];
            connection.stream().read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
    };
    // The next event is sent once this one has come.
    until("data: sk_live_\n\n\r\n");
    event(&format!("data: {VALUE}\n\n"));
    until("data: ************\n\n\r\n");
}

#[test]
fn what_cannot_be_read_is_withheld() {
    let upstream = Upstream::start(|_| Answer::text(200, "packed").header("Content-Encoding", "zstd"));
    for guard in ["mask", "block"] {
        let rig = Rig::to_with(&upstream, &json!({"guard": guard}));
        upstream.answer_with(|_| Answer::text(200, "packed").header("Content-Encoding", "zstd"));
        let reply = rig.get("/r/");
        assert_eq!((reply.status, code(&reply).as_str()), (502, "answer-withheld"));
        assert_eq!(rig.call("HEAD", "/r/", &[], b"").status, 200, "without a body there is nothing to read");
        upstream.answer_with(|_| Answer::text(200, "plain").header("Content-Encoding", "identity"));
        assert_eq!(rig.get("/r/").text(), "plain");
        // Nobody asked for a part; the whole is what it should have been.
        upstream.answer_with(|_| Answer::text(206, &VALUE[..6]).header("Content-Range", "bytes 0-5/12"));
        assert_eq!(code(&rig.get("/r/")), "answer-withheld");
        assert_eq!(upstream.last().header("range"), None);
        upstream.answer_with(|_| Answer::text(416, "no").header("Content-Range", "bytes */12"));
        assert_eq!(rig.get("/r/").status, 416);
        // Damaged: the head has gone out, so that it breaks off.
        for damaged in [gzip("whole")[..15].to_vec(), [gzip("whole"), b"?".to_vec()].concat(), b"no gzip".to_vec()] {
            upstream.answer_with(move |_| packed(damaged.clone(), "gzip"));
            assert!(rig.connect().call(&request("GET", "/r/", &[], b"")).is_err(), "it breaks off visibly");
        }
        upstream.answer_with(|_| packed(gzip("whole"), "gzip"));
        assert_eq!(rig.get("/r/").text(), "whole");
    }
}

#[test]
fn single_messages_are_not_to_be_compressed() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let grpc = [
        ("Content-Type", "application/grpc+proto"),
        ("grpc-accept-encoding", "gzip"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
    ];
    let message = |flags: u8| [&[flags, 0, 0, 0, 4][..], b"text"].concat();
    let answer = move |flags| {
        Answer::text(200, [message(0), message(flags)].concat())
            .header("Content-Type", "application/grpc+proto")
            .header("grpc-encoding", "gzip")
    };
    upstream.answer_with(move |_| answer(0));
    assert_eq!(rig.call("POST", "/r/", &grpc, b"x").body, [message(0), message(0)].concat());
    assert_eq!(upstream.last().all("grpc-accept-encoding"), ["identity"]);
    assert_eq!(upstream.last().header("sec-websocket-extensions"), None);
    upstream.answer_with(move |_| answer(1));
    assert!(rig.connect().call(&request("POST", "/r/", &grpc, b"x")).is_err(), "it breaks off visibly");

    let off = Rig::to_with(&upstream, &json!({"guard": "off"}));
    assert_eq!(off.call("POST", "/r/", &grpc, b"x").body, [message(0), message(1)].concat());
    assert_eq!(upstream.last().all("grpc-accept-encoding"), ["gzip"]);
}
