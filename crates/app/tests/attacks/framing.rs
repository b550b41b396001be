//! Where a request ends, and what comes after an upgrade.

use std::io::Read;

use testkit::{Connection, Recorded};

use crate::h2::{DATA, END_STREAM, H2};
use crate::row::{Call, GET, POST, Row, Sent, Wanted, play};
use crate::scene::Scene;

const INVALID: Wanted = Wanted::Refused(400, "request-invalid");
const BODY: Wanted = Wanted::Failed(400, "body-invalid");
const HTTP_1: &str = "frames have lengths of their own";

/// One request with this body, and nothing that was hidden in it.
fn hello(record: &Recorded) {
    assert_eq!((record.target.as_str(), record.body.as_slice()), ("/x", &b"hello"[..]));
    let framings = record.all("content-length").len() + record.all("transfer-encoding").len();
    assert_eq!(framings, 1, "one framing: {record:?}");
}

fn aliases_gone(record: &Recorded) {
    hello(record);
    for name in ["transfer_encoding", "content_length", "content.length"] {
        assert_eq!(record.header(name), None, "{name}");
    }
}

fn no_upgrade(record: &Recorded) {
    assert_eq!(record.header("upgrade"), None);
    assert_eq!(record.header("http2-settings"), None);
    assert!(!record.header("connection").unwrap_or_default().to_ascii_lowercase().contains("upgrade"));
}

const CHUNKED: Sent = Sent::Raw(
    "POST /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nTransfer-Encoding: chunked\r\n\r\n\
     5\r\nhello\r\n0\r\n\r\n",
);

/// A POST with these header lines and this body; its twin is chunked and honest.
const fn post(name: &'static str, attack: &'static str, wanted: Wanted) -> Row {
    Row::raw(name, attack, wanted, HTTP_1).twin(CHUNKED)
}

pub(crate) const ROWS: &[Row] = &[
    post(
        "CL with TE",
        "POST /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nContent-Length: 6\r\n\
         Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /r/smuggled HTTP/1.1\r\nHost: gateway.test\r\n\
         Keyroll-Key: {key}\r\n\r\n",
        Wanted::Harmless(hello),
    )
    .over2(Call { headers: &[("Transfer-Encoding", "chunked")], ..POST }, Wanted::Reset),
    post(
        "TE with CL",
        "POST /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nTransfer-Encoding: chunked\r\n\
         Content-Length: 60\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /r/smuggled HTTP/1.1\r\nHost: gateway.test\r\n\
         Keyroll-Key: {key}\r\n\r\n",
        Wanted::Harmless(hello),
    ),
    post(
        "two lengths",
        "POST /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nContent-Length: 5\r\n\
         Content-Length: 6\r\n\r\nhello!",
        INVALID,
    )
    .over2(Call { headers: &[("Content-Length", "5"), ("Content-Length", "6")], ..POST }, Wanted::Reset),
    post(
        "a coding that is not chunked",
        "POST /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nTransfer-Encoding: xchunked\r\n\r\n\
         5\r\nhello\r\n0\r\n\r\n",
        INVALID,
    ),
    post(
        "a length with a sign",
        "POST /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nContent-Length: +5\r\n\r\nhello",
        INVALID,
    )
    .over2(Call { headers: &[("Content-Length", "+5")], ..POST }, Wanted::Reset),
    Row::of(
        "aliases of framing",
        Call { headers: &[("Transfer_Encoding", "chunked"), ("Content_Length", "4"), ("Content.Length", "4")], ..POST },
        Wanted::Harmless(aliases_gone),
    ),
    post(
        "obsolete folding",
        "GET /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nX-A: a\r\n Authorization: theirs\r\n\r\n",
        INVALID,
    )
    .over2(Call { headers: &[("X-A", "a\r\n b")], ..GET }, Wanted::Reset),
    post(
        "bare LF",
        "GET /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nX-A: a\nX-Hidden: b\r\n\r\n",
        INVALID,
    )
    .over2(Call { headers: &[("X-A", "a\nX-Hidden: b")], ..GET }, Wanted::Reset),
    post(
        "bare CR",
        "GET /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nX-A: a\rX-Hidden: b\r\n\r\n",
        INVALID,
    )
    .over2(Call { headers: &[("X-A", "a\rb")], ..GET }, Wanted::Reset),
    post("NUL", "GET /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nX-A: a\0b\r\n\r\n", INVALID)
        .over2(Call { headers: &[("X-A", "a\0b")], ..GET }, Wanted::Reset),
    post(
        "a space before the colon",
        "POST /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nContent-Length : 5\r\n\r\nhello",
        INVALID,
    )
    .over2(Call { headers: &[("x-a ", "b")], ..GET }, Wanted::Reset),
    post(
        "a malformed body",
        "POST /r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nTransfer-Encoding: chunked\r\n\r\n\
         zz\r\nhello\r\n0\r\n\r\n",
        BODY,
    )
    .over2(Call { headers: &[("Content-Length", "4")], ..POST }, Wanted::Reset),
    Row::of(
        "h2c upgrade",
        Call {
            headers: &[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk")],
            ..GET
        },
        Wanted::Harmless(no_upgrade),
    )
    .over2(Call { headers: &[("Upgrade", "h2c")], ..GET }, Wanted::Reset),
    Row::raw(
        "an upgrade that the upstream does not grant",
        "GET /r/stand-in/switch HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nConnection: upgrade\r\n\
         Upgrade: other\r\n\r\n",
        Wanted::Harmless(|record| assert_eq!(record.header("upgrade").as_deref(), Some("other"))),
        "there is no upgrade in HTTP/2",
    )
    .twin(Sent::Raw(
        "GET /r/stand-in/switch HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nConnection: upgrade\r\n\
         Upgrade: example\r\n\r\n",
    )),
];

#[test]
fn a_request_ends_where_everybody_sees_its_end() {
    play(&Scene::start(), ROWS);
}

/// What follows an upgrade that was not granted is the next request, which is checked like any other; what follows one
/// that was granted is the other protocol's.
#[test]
fn nothing_is_smuggled_after_an_upgrade() {
    let scene = Scene::start();
    let head = |key: &str, protocol: &str| {
        format!(
            "GET /r/stand-in/switch HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nConnection: upgrade\r\n\
             Upgrade: {protocol}\r\n\r\n"
        )
    };
    let smuggled = "GET /r/smuggled HTTP/1.1\r\nHost: gateway.test\r\n\r\n";
    let mut refused = Connection::open(scene.node.gateway()).unwrap();
    refused.send(format!("{}{smuggled}", head(&scene.key, "other")).as_bytes()).unwrap();
    assert_eq!(refused.reply(false).unwrap().text(), "not switched");
    assert_eq!(refused.reply(false).unwrap().expect(401).json()["code"], "client-key-missing");
    assert_eq!(scene.upstream.count(), 1, "what came after it never reached the upstream");

    let mut granted = Connection::open(scene.node.gateway()).unwrap();
    granted.send(head(&scene.key, "example").as_bytes()).unwrap();
    assert_eq!(granted.reply(false).unwrap().status, 101);
    let mut spoken = String::new();
    granted.stream().read_to_string(&mut spoken).unwrap();
    assert_eq!(spoken, "spoken");
    scene.assert_sound();
}

/// The rest of a body whose length was wrong is no request, and neither is what comes on a stream that has ended.
#[test]
fn http_2_bodies_are_as_long_as_they_say() {
    let scene = Scene::start();
    let fields = |length: &'static str| {
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/r/x"),
            (":authority", "gateway.test"),
            ("keyroll-key", &*scene.key),
            ("content-length", length),
        ]
    };
    for (length, pieces) in [("4", &["hel", "lo"][..]), ("6", &["hel", "lo"]), ("0", &["hello"])] {
        let mut connection = H2::open(scene.node.gateway());
        let stream = connection.begin(&fields(length), false).unwrap();
        for (number, piece) in pieces.iter().enumerate() {
            let end = if number + 1 == pieces.len() { END_STREAM } else { 0 };
            // The other side may have hung up after the first one.
            let _ = connection.frame(DATA, end, stream, piece.as_bytes());
        }
        let outcome = connection.outcome(stream);
        assert_ne!(outcome.status(), Some(200), "{length}: {outcome:?}");
        assert_eq!(scene.upstream.count(), 0, "{length}: no whole request arrives");
    }
    let mut connection = H2::open(scene.node.gateway());
    let stream = connection.begin(&fields("5"), false).unwrap();
    connection.frame(DATA, 0, stream, b"hel").unwrap();
    connection.frame(DATA, END_STREAM, stream, b"lo").unwrap();
    assert_eq!(connection.outcome(stream).status(), Some(200));
    assert_eq!(scene.upstream.last().body, b"hello");
    scene.assert_sound();
}
