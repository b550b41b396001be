//! The frames of a WebSocket: values found over fragments and between control frames, and all else as it came.

use std::sync::Arc;

use bytes::Bytes;
use model::snapshot::Bound;
use outbound::guard::{FrameError, FrameGuard};
use proptest::prelude::*;

use super::{guarding, naive};

const VALUE: &str = "sk_live_4242";

const LAST: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = LAST | 8;
const PING: u8 = LAST | 9;
const PONG: u8 = LAST | 10;

/// A frame with its length in as few bytes as it takes.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(u8::try_from(length).unwrap()),
        length @ 126..65_536 => {
            frame.push(126);
            frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend_from_slice(&u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// A message in fragments, with a control frame behind each but the last.
fn message(opcode: u8, fragments: &[&[u8]], between: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for (number, fragment) in fragments.iter().enumerate() {
        let last = number + 1 == fragments.len();
        let opcode = if number == 0 { opcode } else { CONTINUATION };
        all.extend(frame(if last { LAST | opcode } else { opcode }, fragment));
        if !last {
            all.extend_from_slice(between);
        }
    }
    all
}

/// What comes out of a stream in these pieces.
fn pass<'a>(bound: &Arc<Bound>, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, FrameError> {
    let mut guard = FrameGuard::new(Arc::clone(bound));
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&guard.push(Bytes::copy_from_slice(piece))?);
    }
    guard.end()?;
    assert_eq!(guard.held(), 0);
    Ok(out)
}

fn whole(bound: &Arc<Bound>, stream: &[u8]) -> Result<Vec<u8>, FrameError> {
    pass(bound, [stream])
}

#[test]
fn values_are_masked_over_fragments_and_control_frames() {
    let bound = guarding("mask", VALUE);
    let ping = frame(PING, b"sk_live_4242?");
    let stars = frame(PING, b"************?");
    for (from, to) in [
        (message(TEXT, &[b"a sk_live_4242 b"], b""), message(TEXT, &[b"a ************ b"], b"")),
        (message(BINARY, &[b"\xffsk_live_", b"4242"], b""), message(BINARY, &[b"\xff********", b"****"], b"")),
        (
            message(TEXT, &[b"a sk_l", b"", b"ive_", b"4242"], &ping),
            message(TEXT, &[b"a ****", b"", b"****", b"****"], &stars),
        ),
        (message(TEXT, &[b"a sk_l", b"ive_", b"4243"], &ping), message(TEXT, &[b"a sk_l", b"ive_", b"4243"], &stars)),
        // Two messages are not one.
        (
            [frame(0x81, b"sk_live_"), frame(0x81, b"4242")].concat(),
            [frame(0x81, b"sk_live_"), frame(0x81, b"4242")].concat(),
        ),
        (frame(CLOSE, b"\x03\xe8bye sk_live_4242"), frame(CLOSE, b"\x03\xe8bye ************")),
        (frame(PONG, b"sk_live_4242"), frame(PONG, b"************")),
        (frame(0x82, &[b'x'; 70_000]), frame(0x82, &[b'x'; 70_000])),
        (Vec::new(), Vec::new()),
    ] {
        for size in [1, 2, 3, 5, 7, 11, 13, 4096, 100_000] {
            assert_eq!(pass(&bound, from.chunks(size)).unwrap(), to, "in pieces of {size}");
        }
        let blocked = whole(&guarding("block", VALUE), &from);
        assert_eq!(blocked, if from == to { Ok(to) } else { Err(FrameError::Leak) });
    }
}

proptest! {
    // Few letters, so that the value and its beginnings overlap; fragments and pieces of any length.
    #[test]
    fn masked_as_if_the_message_came_whole(
        value in "[ab/ü \"]{8,12}",
        parts in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..80, "[ab/%]{0,3}"), 0..6),
        fragments in proptest::collection::vec(0usize..30, 1..6),
        between in prop::sample::select(vec![Vec::new(), frame(PING, b""), frame(PONG, b"abab")]),
        cuts in proptest::collection::vec(0usize..9, 1..12),
    ) {
        let bound = guarding("mask", &value);
        let forms: Vec<&[u8]> = bound.forms().iter().collect();
        let mut text = Vec::new();
        for (form, length, filler) in &parts {
            let form = form.get(&forms);
            text.extend_from_slice(&form[..form.len().min(*length)]);
            text.extend_from_slice(filler.as_bytes());
        }
        let masked = naive(&bound, &text);
        let split = |mut text: &[u8]| {
            let mut all = Vec::new();
            for length in &fragments {
                let (fragment, rest) = text.split_at(text.len().min(*length));
                all.push(fragment.to_vec());
                text = rest;
            }
            all.push(text.to_vec());
            let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
            // A message before it and behind it, which must not be touched by what is found in it.
            [frame(0x82, b"ab"), message(TEXT, &all, &between), frame(0x81, b"ab")].concat()
        };
        let stream = split(&text);
        let mut pieces = Vec::new();
        let mut rest = stream.as_slice();
        for cut in cuts.iter().cycle().take(stream.len() + cuts.len()) {
            let (piece, left) = rest.split_at(rest.len().min(*cut));
            pieces.push(piece);
            rest = left;
        }
        pieces.push(rest);
        prop_assert_eq!(pass(&bound, pieces).unwrap(), split(&masked));
    }
}

#[test]
fn what_cannot_go_on_goes_out_at_once() {
    let mut guard = FrameGuard::new(guarding("mask", VALUE));
    let mut push = |bytes: &[u8]| guard.push(Bytes::copy_from_slice(bytes)).unwrap();
    let event = frame(LAST | TEXT, b"ends like the value: sk_live_");
    assert_eq!(push(&event), event, "a message's end is the end");
    let first = frame(TEXT, b"goes on sk_");
    assert_eq!(push(&first), first[..first.len() - 3]);
    assert_eq!(push(&frame(PING, b"")), "", "what comes later waits too");
    assert_eq!(push(&[CONTINUATION]), "");
    assert_eq!(push(&[1, b'x']), [b"sk_".as_slice(), &frame(PING, b""), &frame(CONTINUATION, b"x")].concat());
    assert_eq!(push(&frame(PING, b"")), frame(PING, b""), "with nothing kept back nothing waits");
    let last = frame(LAST, b"sk_");
    assert_eq!(push(&last), last);
}

#[test]
fn whoever_sends_frame_after_frame_into_a_message_that_waits_is_cut_off() {
    let mut guard = FrameGuard::new(guarding("mask", VALUE));
    guard.push(Bytes::from(frame(TEXT, b"sk_live_"))).unwrap();
    let mut sent = 0;
    let error = loop {
        match guard.push(Bytes::from(frame(PING, &[b'p'; 125]))) {
            Ok(out) => assert!(out.is_empty()),
            Err(error) => break error,
        }
        sent += 1;
        assert!(guard.held() <= 8 * 1024);
    };
    assert!(sent > 60 && matches!(error, FrameError::Malformed(_)), "{sent} {error}");
}

#[test]
fn what_a_server_may_not_send_ends_the_stream() {
    let bound = guarding("mask", VALUE);
    let long = |size: u8, length: u64, bytes: usize| {
        let digits = length.to_be_bytes();
        [&[0x82, size], &digits[8 - bytes..], &[b'x'; 200]].concat()
    };
    for (stream, what) in [
        (vec![0xc1, 1, b'x'], "extension"),
        (vec![0xa1, 1, b'x'], "extension"),
        (vec![0x91, 1, b'x'], "extension"),
        (vec![0x83, 0], "unknown"),
        (vec![0x8b, 0], "unknown"),
        (vec![0x81, 0x81, 0, 0, 0, 0, b'x'], "masked"),
        (vec![0x09, 0], "in fragments"),
        ([&[PING, 126, 0, 126][..], &[b'x'; 126]].concat(), "too long"),
        (long(126, 125, 2), "length"),
        (long(127, 65_535, 8), "length"),
        (long(127, 1 << 63, 8), "length"),
        (frame(LAST, b"x"), "continuation"),
        ([frame(TEXT, b"x"), frame(TEXT, b"y")].concat(), "within a message"),
        ([frame(CLOSE, b""), frame(PING, b"")].concat(), "follows"),
        (frame(TEXT, b"not the last"), "ends within"),
        (vec![0x81], "ends within"),
        (vec![0x81, 2, b'x'], "ends within"),
    ] {
        for size in [1, 1000] {
            match pass(&bound, stream.chunks(size)) {
                Err(FrameError::Malformed(found)) => assert!(found.contains(what), "{found} is not {what}"),
                other => panic!("{what}: {other:?}"),
            }
        }
    }
    // The same made honest.
    for stream in [
        vec![0x81, 1, b'x'],
        frame(PING, &[b'x'; 125]),
        frame(0x82, &[b'x'; 126]),
        frame(0x82, &[b'x'; 65_536]),
        [frame(TEXT, b"x"), frame(LAST, b"y")].concat(),
        [frame(PING, b""), frame(CLOSE, b"")].concat(),
    ] {
        assert_eq!(whole(&bound, &stream).unwrap(), stream);
    }
}
