//! The rules of section 8: what a request is.

use testkit::frames::{END, END_HEADERS, block};

use super::Seen::{Answered, Stream};
use super::table::{MALFORMED, PROTOCOL, Row, data, headers, of, post, row, with};

pub(crate) fn rows() -> Vec<Row> {
    let pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "gateway.test"), (":path", "/r/x")];
    let without = |at: usize| {
        of(&pseudo.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, field)| *field).collect::<Vec<_>>())
    };
    let twice = |at: usize| of(&[&pseudo[..], &[pseudo[at]]].concat());
    let changed = |at: usize, value: &'static str| {
        let mut fields = pseudo;
        fields[at].1 = value;
        of(&fields)
    };
    let trailers = |flags, fields: &[(&str, &str)]| {
        [post(&[]), data(0, b"x"), headers(flags | END_HEADERS, &block(fields))].concat()
    };
    let bad = |what, bytes: Vec<u8>| row("8", what, &[&bytes], &MALFORMED);
    let length = |length: &str, pieces: &[&[u8]]| {
        let mut bytes = post(&[("content-length", length)]);
        for (at, piece) in pieces.iter().enumerate() {
            bytes.extend(data(if at + 1 == pieces.len() { END } else { 0 }, piece));
        }
        bytes
    };
    vec![
        row("8.1", "an honest request with trailers", &[&trailers(END, &[("x-checksum", "1")])], &[Answered(200)]),
        bad("a second head that does not end it", trailers(0, &[("x-forbidden", "1")])),
        bad("a pseudo-header in trailers", trailers(END, &[("x-forbidden", "1"), (":path", "/")])),
        bad("a name in capitals", with(&[("X-Forbidden", "1")])),
        bad("a space in a name", with(&[("x forbidden", "1")])),
        bad("an empty name", with(&[("", "1"), ("x-forbidden", "1")])),
        bad("a colon in a name", with(&[("x:y", "1"), ("x-forbidden", "1")])),
        bad("a line feed in a value", with(&[("x-forbidden", "1\n2")])),
        bad("a carriage return in a value", with(&[("x-forbidden", "1\r2")])),
        bad("a NUL in a value", with(&[("x-forbidden", "1\x002")])),
        bad("Connection", with(&[("connection", "close"), ("x-forbidden", "1")])),
        bad("Connection that names a header", with(&[("connection", "authorization"), ("x-forbidden", "1")])),
        bad("Keep-Alive", with(&[("keep-alive", "timeout=5"), ("x-forbidden", "1")])),
        bad("Proxy-Connection", with(&[("proxy-connection", "close"), ("x-forbidden", "1")])),
        bad("Transfer-Encoding", with(&[("transfer-encoding", "chunked"), ("x-forbidden", "1")])),
        bad("Upgrade", with(&[("upgrade", "websocket"), ("x-forbidden", "1")])),
        bad("TE of more than trailers", with(&[("te", "trailers, deflate"), ("x-forbidden", "1")])),
        row("8.2.2", "TE: trailers", &[&with(&[("te", "trailers")])], &[Answered(200)]),
        bad("an unknown pseudo-header", with(&[(":forbidden", "1")])),
        bad("a pseudo-header behind others", of(&[&pseudo[..3], &[("x-forbidden", "1"), pseudo[3]]].concat())),
        bad("a pseudo-header of answers", of(&[&pseudo[..], &[(":status", "200")]].concat())),
        bad("no :method", without(0)),
        bad("no :scheme", without(1)),
        bad("no :authority and no Host", without(2)),
        bad("no :path", without(3)),
        bad(":method twice", twice(0)),
        bad(":scheme twice", twice(1)),
        bad(":authority twice", twice(2)),
        bad(":path twice", twice(3)),
        bad("an empty :path", changed(3, "")),
        bad("a :path that is none", changed(3, "r/x")),
        bad("a :path with a space", changed(3, "/r/x HTTP/1.1")),
        bad("a :path with a line's end", changed(3, "/r/x\r\nx-forbidden: 1")),
        bad("an :authority with a user", changed(2, "me@gateway.test")),
        bad("a :method with a space", changed(0, "GET /r/y")),
        bad("an unknown :scheme", changed(1, "gopher")),
        bad("a Host that is another", with(&[("host", "other.test"), ("x-forbidden", "1")])),
        row("8.3.1", "a Host that is the same", &[&with(&[("host", "gateway.test")])], &[Answered(200)]),
        row(
            "8.5",
            "CONNECT",
            &[&of(&[(":method", "CONNECT"), (":authority", "gateway.test:80")])],
            &[Answered(405), Stream(PROTOCOL)],
        ),
        row("8.1.1", "a length that is right", &[&length("5", &[b"he", b"llo"])], &[Answered(200)]),
        bad("a length that is too long", length("6", &[b"hello"])),
        bad("a length that is too short", length("4", &[b"hello"])),
        bad("a length that two pieces pass", length("4", &[b"hel", b"lo"])),
        bad("a length and no body", with(&[("content-length", "1"), ("x-forbidden", "1")])),
        bad("a length that is no number", length("5x", &[b"hello"])),
        bad("two lengths", [post(&[("content-length", "5"), ("content-length", "6")]), data(END, b"hello")].concat()),
    ]
}
