//! What an upstream is asked for, and the messages of gRPC that come compressed all the same.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use outbound::guard::{ReadError, Readable, Reading, Unreadable, ask_plainly};

use super::frames::{Frames, look};

fn headers(all: &[(&str, &str)]) -> HeaderMap {
    all.iter().map(|(n, v)| (n.parse::<HeaderName>().unwrap(), v.parse().unwrap())).collect()
}

#[test]
fn nothing_is_asked_for_that_the_guard_cannot_read() {
    let asked = [
        ("accept-encoding", "gzip"),
        ("accept_encoding", "br"),
        ("range", "bytes=0-3"),
        ("if-range", "\"x\""),
        ("x-ms-range", "bytes=0-3"),
        ("x_ms_range", "bytes=0-3"),
        ("a-im", "diffe"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("connect-accept-encoding", "gzip"),
    ];
    let kept =
        [("accept", "text/plain"), ("sec-websocket-key", "AAAA"), ("x-range", "1-2"), ("content-encoding", "gzip")];
    let mut request = headers(&[&asked[..], &kept].concat());
    ask_plainly(&mut request);
    let mut expected = headers(&kept);
    expected.insert("accept-encoding", HeaderValue::from_static("identity"));
    assert_eq!(request, expected);
    for grpc in [
        ("content-type", "application/grpc+proto"),
        ("Content-Type", "Application/gRPC-Web"),
        ("grpc-accept-encoding", "gzip,deflate"),
    ] {
        let mut request = headers(&[grpc]);
        ask_plainly(&mut request);
        assert_eq!(request["grpc-accept-encoding"], "identity", "{grpc:?}");
    }
}

fn message(flags: u8, payload: &[u8]) -> Vec<u8> {
    [&[flags], u32::try_from(payload.len()).unwrap().to_be_bytes().as_slice(), payload].concat()
}

#[test]
fn a_compressed_message_ends_the_answer() {
    let plain = [message(0, b"\x01\x01\x01\x01\x01\x01"), message(0, b""), message(0, b"second")].concat();
    let trailer = message(0x80, b"grpc-status: 0\r\n");
    let grpc = [("content-type", "application/grpc"), ("grpc-encoding", "gzip")];
    let web = [("content-type", "application/grpc-web+proto")];
    let connect = [("content-type", "application/connect+json"), ("connect-content-encoding", "gzip")];
    let other = [("content-type", "application/octet-stream")];
    for (head, stream, whole) in [
        (&grpc[..], plain.clone(), true),
        (&grpc, [plain.clone(), message(1, b"packed")].concat(), false),
        (&grpc, message(1, b""), false),
        (&web, [plain.clone(), trailer].concat(), true),
        (&web, [plain.clone(), message(0x81, b"packed")].concat(), false),
        (&connect, [plain.clone(), message(2, b"{}")].concat(), true),
        (&connect, [plain.clone(), message(3, b"packed")].concat(), false),
        (&other, message(1, b"not a message"), true),
    ] {
        for size in [1, 2, 3, 5, 7, 1000] {
            let reading = Reading::of(StatusCode::OK, &mut headers(head), false).unwrap();
            let mut body = Readable::new(Frames::pieces(stream.chunks(size)), reading);
            let mut out = Vec::new();
            let end = loop {
                match look(&mut body).unwrap() {
                    Some(Ok(frame)) => out.extend_from_slice(&frame.into_data().unwrap_or(Bytes::new())),
                    Some(Err(error)) => break Err(error),
                    None => break Ok(()),
                }
            };
            match whole {
                true => assert!(end == Ok(()) && out == stream, "{head:?} in pieces of {size}"),
                false => {
                    assert_eq!(end, Err(ReadError::Unreadable(Unreadable::Message)), "{head:?} in pieces of {size}");
                    assert!(stream.starts_with(&out) && !out.ends_with(b"packed"));
                    assert!(look(&mut body).unwrap().is_none());
                }
            }
        }
    }
}

#[test]
fn messages_in_base64_may_not_be_packed_at_all() {
    let read = |coding: &str| {
        let mut head = headers(&[("content-type", "application/grpc-web-text+proto"), ("grpc-encoding", coding)]);
        Reading::of(StatusCode::OK, &mut head, false).map(drop)
    };
    assert_eq!((read("gzip"), read("identity")), (Err(Unreadable::Message), Ok(())));
}
