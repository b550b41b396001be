//! What an upstream is asked for, and the messages of gRPC that come compressed all the same.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use outbound::guard::{GuardedBody, ReadError, Readable, Reading, Unreadable, ask_plainly};

use super::frames::{Frames, Step, look};
use super::guarding;

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
fn a_message_goes_out_to_its_end() {
    const VALUE: &str = "sk_live_4242";
    let bound = guarding("mask", VALUE);
    let stars = "*".repeat(VALUE.len());
    // What its first half at the end of a message began, the second half does not end behind the head of the next.
    for (sent, seen) in
        [("ends in s", "ends in s"), ("sk_live_", "sk_live_"), (VALUE, &stars), ("4242", "4242"), ("", "")]
    {
        let (sent, seen) = (message(0, sent.as_bytes()), message(0, seen.as_bytes()));
        for cut in 0..=sent.len() {
            let (first, second) = sent.split_at(cut);
            let pieces =
                [message(0, b"sk_live_").as_slice(), first, second].map(Bytes::copy_from_slice).map(Step::Data);
            let reading = Reading::of(StatusCode::OK, &mut headers(&[("content-type", "application/grpc")]), false);
            let steps = pieces.into_iter().chain([Step::Wait]);
            let mut body = GuardedBody::new(Readable::new(Frames::new(steps), reading.unwrap()), &bound);
            let mut out = Vec::new();
            while let Some(frame) = look(&mut body) {
                out.extend_from_slice(&frame.unwrap().unwrap().into_data().unwrap());
            }
            assert_eq!(out, [message(0, b"sk_live_"), seen.clone()].concat(), "cut at {cut}");
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
