//! The promise as a whole: a value in any listed form, in any carrier, cut at any byte, does not come through; and what
//! is not it comes through as it came.

use std::ops::Range;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use model::snapshot::Bound;
use outbound::guard::{FrameGuard, GuardedBody, Readable, Reading, guard_headers};
use proptest::prelude::*;
use serde_json::json;

use super::frames::{Frames, Step, read};
use super::packed::gzip;
use super::{bound, naive};

/// A text that holds a form of the value, and where the form stands.
type Holding = (String, Range<usize>);

/// The value in each form of the contract, each with text around it. Written without a look at the product's own forms.
fn holding(value: &str, before: &str, after: &str) -> Vec<Holding> {
    let percent = |upper: bool, plus: bool| -> String {
        let byte = |byte: u8| match byte {
            b' ' if plus => "+".to_owned(),
            b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(byte).to_string(),
            _ if upper => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        };
        value.bytes().map(byte).collect()
    };
    let json = json!(value).to_string();
    let mut all: Vec<Holding> = Vec::new();
    for form in [
        value.to_owned(),
        percent(true, false),
        percent(false, false),
        percent(true, true),
        json[1..json.len() - 1].to_owned(),
        json[1..json.len() - 1].replace('/', "\\/"),
    ] {
        let begin = before.len();
        all.push((format!("{before}{form}{after}"), begin..begin + form.len()));
    }
    for alphabet in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        for ahead in ["", "u", "u:"] {
            let encoded = alphabet.encode(format!("{ahead}{value}{after}"));
            // The characters that the value alone decides.
            let form = (ahead.len() * 8).div_ceil(6)..(ahead.len() + value.len()) * 8 / 6;
            let begin = before.len() + 1;
            all.push((format!("{before} {encoded}"), begin + form.start..begin + form.end));
        }
    }
    // Basic credentials as they were sent: all of them.
    let basic = STANDARD.encode(format!("login:{value}"));
    all.push((format!("Basic {basic}{after}"), 6..6 + basic.len()));
    all
}

/// Injects the value alone and as a password.
fn injecting(guard: &str, value: &str) -> Arc<Bound> {
    let secrets = [("key", value, true), ("login", "login", false)];
    let inject = json!({
        "query": {"key": "{{key}}"},
        "headers": {"Authorization": {"basic": {"username": "{{login}}", "password": "{{key}}"}}},
    });
    bound(guard, &secrets, &inject)
}

/// The text through a body, cut in two at this byte.
fn body(bound: &Arc<Bound>, text: &[u8], cut: usize) -> Vec<u8> {
    let (first, second) = text.split_at(cut);
    read(GuardedBody::new(Frames::pieces([first, second]), bound)).0
}

/// The text through a message of a WebSocket in two fragments with a ping between them, byte by byte.
pub(super) fn message(bound: &Arc<Bound>, text: &[u8], cut: usize) -> Vec<u8> {
    let (first, second) = text.split_at(cut);
    let head = |first: u8, length: usize| {
        [[first, 126].as_slice(), &u16::try_from(length + 200).unwrap().to_be_bytes()].concat()
    };
    // Long enough for a length in two bytes, whatever the text.
    let long = |bytes: &[u8], front: bool| {
        let filler = vec![b'\n'; 200];
        if front { [&filler, bytes].concat() } else { [bytes, &filler].concat() }
    };
    let (one, two) =
        ([head(1, first.len()), long(first, true)].concat(), [head(0x80, second.len()), long(second, false)].concat());
    let mut guard = FrameGuard::new(Arc::clone(bound));
    let mut out = Vec::new();
    for byte in [&one, b"\x89\x01?".as_slice(), &two].concat() {
        out.extend_from_slice(&guard.push(Bytes::copy_from_slice(&[byte])).unwrap());
    }
    guard.end().unwrap();
    let payload = [&out[204..204 + first.len()], &out[one.len() + 3 + 4..one.len() + 3 + 4 + second.len()]].concat();
    assert_eq!(&out[..204], &one[..204], "heads stay as they are");
    assert_eq!(&out[one.len()..one.len() + 7], [b"\x89\x01?".as_slice(), &two[..4]].concat());
    payload
}

/// The text in a header, and in a trailer behind a body that ends in the middle of a form.
fn fields(bound: &Arc<Bound>, text: &[u8], cut: usize) -> [Vec<u8>; 2] {
    let mut headers = HeaderMap::new();
    headers.insert("x-echo", HeaderValue::from_bytes(text).unwrap());
    let steps = [Step::Data(Bytes::copy_from_slice(&text[..cut])), Step::Trailers(headers.clone())];
    let (_, trailers) = read(GuardedBody::new(Frames::new(steps), bound));
    guard_headers(&mut headers, bound).unwrap();
    [headers["x-echo"].as_bytes().to_vec(), trailers.unwrap()["x-echo"].as_bytes().to_vec()]
}

/// The text compressed, cut in two.
fn compressed(bound: &Arc<Bound>, text: &[u8], cut: usize) -> Vec<u8> {
    let packed = gzip(text);
    let (first, second) = packed.split_at(cut.min(packed.len()));
    let mut headers = HeaderMap::new();
    headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    let reading = Reading::of(StatusCode::OK, &mut headers, false).unwrap();
    let mut body = GuardedBody::new(Readable::new(Frames::pieces([first, second]), reading), bound);
    let frames = std::iter::from_fn(|| super::frames::look(&mut body).unwrap());
    frames.flat_map(|frame| frame.unwrap().into_data().unwrap()).collect()
}

fn check(value: &str, before: &str, after: &str) {
    let (masking, blocking) = (injecting("mask", value), injecting("block", value));
    for (text, form) in holding(value, before, after) {
        let text = text.as_bytes();
        let expected = naive(&masking, text);
        assert!(expected[form.clone()].iter().all(|byte| *byte == b'*'), "{}", String::from_utf8_lossy(text));
        for cut in 0..=text.len() {
            assert_eq!(body(&masking, text, cut), expected);
            assert_eq!(message(&masking, text, cut), expected);
            assert_eq!(compressed(&masking, text, cut), expected);
            assert_eq!(fields(&masking, text, cut), [expected.clone(), expected.clone()]);
            let mut blocked = GuardedBody::new(Frames::pieces([&text[..cut], &text[cut..]]), &blocking);
            let passed: Vec<u8> = std::iter::from_fn(|| super::frames::look(&mut blocked).unwrap())
                .take_while(Result::is_ok)
                .flat_map(|frame| frame.unwrap().into_data().unwrap())
                .collect();
            assert!(form.end > passed.len(), "the end of the form does not go out");
        }
        // The twin without the value: one byte of it is another one.
        let mut twin = text.to_vec();
        for at in form.step_by(3) {
            twin[at] = if twin[at] == b'#' { b'!' } else { b'#' };
        }
        if naive(&masking, &twin) == twin && std::str::from_utf8(&twin).is_ok() {
            for cut in 0..=twin.len() {
                assert_eq!(body(&masking, &twin, cut), twin);
                assert_eq!(message(&masking, &twin, cut), twin);
                assert_eq!(compressed(&masking, &twin, cut), twin);
                assert_eq!(fields(&masking, &twin, cut), [twin.clone(), twin.clone()]);
                assert_eq!(body(&blocking, &twin, cut), twin);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn no_form_comes_through_wherever_it_is_cut(
        value in "[a-zA-Z0-9/+ \"%&=_ü-]{8,20}",
        before in "[a-z=:<\"]{0,3}",
        after in "[A-Z!>\"&]{0,3}",
    ) {
        check(&value, &before, &after);
    }
}

#[test]
fn real_keys_do_not_come_through() {
    check("sk_live_4242424242424242", "key=", "&x");
    check("p ss/w\"rd+%41", "", "");
    check("aaaaaaaa", "a", "a");
}
