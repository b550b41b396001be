//! Kept requests, byte for byte on the wire: those that must not pass do not, and what passes is clean; and the same
//! requests changed at random.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests, but outside of a test function")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use common::{Rig, key};
use model::path::canonical;
use testkit::{Recorded, Upstream, corpus};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/head");

/// The name of a header as the most careless server reads it.
fn careless(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

/// What must hold of every request that reaches the upstream, whatever was sent.
fn check_clean(request: &Recorded, upstream: &Upstream) {
    let named = |name: &str| request.headers.iter().filter(|(n, _)| careless(n) == name).collect::<Vec<_>>();
    assert_eq!(named("host").len(), 1);
    assert_eq!(request.all("host"), [upstream.address().to_string()]);
    assert_eq!(named("authorization").len(), 1, "the client's own, or an alias of it, goes");
    assert_eq!(request.all("authorization"), ["Bearer sk_live_4242"]);
    for (name, _) in &request.headers {
        let name = careless(name);
        assert!(!name.starts_with("keyroll-"), "{name} is between the client and us");
        assert!(
            !["keep-alive", "proxy-connection", "proxy-authorization", "upgrade", "http2-settings"].contains(&&*name)
        );
        assert!(!["range", "if-range"].contains(&&*name));
    }
    assert_eq!(request.all("accept-encoding"), ["identity"]);
    for line in named("te").into_iter().chain(named("connection")) {
        assert!(["trailers", "te"].contains(&&*String::from_utf8_lossy(&line.1)), "{line:?}");
    }
    let framing = named("content-length").len() + named("transfer-encoding").len();
    assert!(framing <= 1, "one end of the body, under one name");
    let path = request.target.split('?').next().unwrap();
    assert!(canonical(path).is_ok(), "{path}");
    // A body is the client's own affair: it is streamed, and nobody puts a key there by mistake.
    let key = key(1);
    assert!(!request.head.windows(key.len()).any(|window| window == key.as_bytes()), "the client's key stays here");
}

/// Sends bytes, closes the sending side, and reads what comes. Answers with the first status, 0 where there was none.
fn send(rig: &Rig, bytes: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(rig.running.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // A request that is refused early may be cut off while it is still being sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let last = String::from_utf8_lossy(&answer).into_owned();
    let answer = last.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&last);
    answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn with_key(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = input;
    while let Some(at) = rest.windows(5).position(|window| window == b"{key}") {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(key(1).as_bytes());
        rest = &rest[at + 5..];
    }
    out.extend_from_slice(rest);
    out
}

#[test]
fn kept_requests_pass_clean_or_not_at_all() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    for (name, input) in corpus::inputs(FOLDER) {
        upstream.clear();
        let status = send(&rig, &with_key(&input));
        if name.ends_with(".passed") {
            assert_eq!((status, upstream.count()), (200, 1), "{name}");
            check_clean(&upstream.last(), &upstream);
        } else {
            assert!(name.ends_with(".refused"), "{name} says what must come of it");
            assert!((400..500).contains(&status) || status == 508 || status == 505, "{name}: {status}");
            assert_eq!(upstream.count(), 0, "{name}");
        }
    }
}

#[test]
#[ignore = "soak"]
fn changed_requests_pass_clean_or_not_at_all() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let words: [&[u8]; 20] = [
        b"\r\n",
        b"\n",
        b"\r",
        b":",
        b" ",
        b"\t",
        b"_",
        b"{key}",
        b"Host: b\r\n",
        b"Authorization: x\r\n",
        b"Connection: authorization, host\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Keyroll-Environment: production\r\n",
        b"TE: trailers\r\n",
        b"\0",
        b"%2e%2e/",
        b"../",
        b"GET /r/ HTTP/1.1\r\n",
        b"0\r\n\r\n",
    ];
    corpus::mutate(FOLDER, &words, |input| {
        let status = send(&rig, &with_key(input));
        assert!(
            !(500..600).contains(&status) || [505, 508].contains(&status),
            "a client's mistake is its own: {status}"
        );
        for request in upstream.records() {
            check_clean(&request, &upstream);
        }
        upstream.clear();
    });
    assert_eq!(send(&rig, &common::request("GET", "/r/", &[("Connection", "close")], b"")), 200, "it still serves");
}
