//! Bodies in pieces: what is found across their borders, and how little is kept back.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Body as _;
use outbound::guard::{BodyGuard, GuardedBody, GuardedError};
use proptest::prelude::*;

use super::frames::{Broken, Frames, Step, data, look, read};
use super::{guarding, naive};

fn piece(text: &str) -> Step {
    Step::Data(Bytes::copy_from_slice(text.as_bytes()))
}

proptest! {
    // Few letters, so that the value and its beginnings overlap; and text that is made of parts of its forms.
    #[test]
    fn masked_as_if_it_came_whole(
        value in "[ab/ü \"]{8,12}",
        parts in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..80, "[ab/%\\\\]{0,3}"), 0..12),
        cuts in proptest::collection::vec(0usize..9, 1..20),
    ) {
        let bound = guarding("mask", &value);
        let forms: Vec<&[u8]> = bound.forms().iter().collect();
        let longest = forms.iter().map(|form| form.len()).max().unwrap();
        let mut text = Vec::new();
        for (form, length, filler) in &parts {
            let form = form.get(&forms);
            text.extend_from_slice(&form[..form.len().min(*length)]);
            text.extend_from_slice(filler.as_bytes());
        }
        let mut pieces = Vec::new();
        let mut rest = text.as_slice();
        for cut in cuts.iter().cycle().take(text.len() + cuts.len()) {
            let (piece, left) = rest.split_at(rest.len().min(*cut));
            pieces.push(piece);
            rest = left;
        }
        pieces.push(rest);
        let expected = naive(&bound, &text);
        let (out, _) = read(GuardedBody::new(Frames::pieces(pieces.clone()), &bound));
        prop_assert_eq!(&out, &expected);
        for form in &forms {
            prop_assert!(!out.windows(form.len()).any(|window| window == *form));
        }

        // No more is kept back than what could still become a form.
        let mut guard = BodyGuard::new(Arc::clone(&bound));
        let mut read = Vec::new();
        for piece in pieces {
            guard.push(Bytes::copy_from_slice(piece)).unwrap();
            read.extend_from_slice(piece);
            let begins = |length: &usize| {
                forms.iter().any(|form| form.len() > *length && form.starts_with(&read[read.len() - length..]))
            };
            let open = (0..=read.len().min(longest)).rev().find(begins).unwrap_or(0);
            prop_assert_eq!(guard.held(), u64::try_from(open).unwrap());
            prop_assert!(open < longest);
        }

        // A route that blocks lets nothing through that a route that masks would have changed.
        let blocking = guarding("block", &value);
        let mut blocked = GuardedBody::new(Frames::pieces([text.as_slice()]), &blocking);
        let leaks = expected != text;
        match look(&mut blocked) {
            Some(Some(Err(error))) => prop_assert!(leaks && error == GuardedError::Leak),
            Some(Some(Ok(_))) | Some(None) => prop_assert!(!leaks),
            None => prop_assert!(false, "it waits"),
        }
    }
}

#[test]
fn what_does_not_go_on_is_released() {
    let bound = guarding("mask", "sk_live_4242");
    let steps =
        [piece("a sk_live_"), Step::Wait, piece("b"), piece("sk_"), Step::Wait, piece("live_4242!"), piece("s")];
    let mut body = GuardedBody::new(Frames::new(steps), &bound);
    assert_eq!(data(&mut body), "a ");
    assert!(look(&mut body).is_none(), "the beginning of the value waits");
    assert_eq!(data(&mut body), "sk_live_b");
    assert!(look(&mut body).is_none());
    assert_eq!(data(&mut body), "************!");
    assert_eq!(data(&mut body), "s", "at the end it goes out as it is");
    assert!(look(&mut body).unwrap().is_none() && body.is_end_stream());
}

#[test]
fn an_event_is_passed_on_at_once() {
    let bound = guarding("mask", "sk_live_4242");
    let events = ["data: 1\n\n", "data: sk_live_\n\n", "data: sk_live_4242\n\n"];
    let steps = events.iter().flat_map(|event| [piece(event), Step::Wait]);
    let mut body = GuardedBody::new(Frames::new(steps), &bound);
    for expected in ["data: 1\n\n", "data: sk_live_\n\n", "data: ************\n\n"] {
        assert_eq!(data(&mut body), expected);
        assert!(look(&mut body).is_none());
    }
}

#[test]
fn a_piece_with_nothing_in_it_is_not_copied() {
    let bound = guarding("mask", "sk_live_4242");
    let mut guard = BodyGuard::new(bound);
    for (text, expected) in [("nothing in it", 13), ("only its end sk_", 13)] {
        let piece = Bytes::copy_from_slice(text.as_bytes());
        let out = guard.push(piece.clone()).unwrap();
        assert_eq!((out.as_ptr(), out.len()), (piece.as_ptr(), expected));
    }
    assert_eq!(guard.held(), 3);
    let copied = Bytes::from_static(b"live_4242");
    assert_eq!(guard.push(copied).unwrap(), "************");
}

#[test]
fn trailers_come_after_what_was_kept_back() {
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("sk_live_4242"))]);
    let steps = || [piece("end sk_live"), Step::Trailers(trailers.clone())];
    let (out, masked) = read(GuardedBody::new(Frames::new(steps()), &guarding("mask", "sk_live_4242")));
    assert_eq!(out, b"end sk_live");
    assert_eq!(masked.unwrap()["x-sum"], "************");
    let mut blocked = GuardedBody::new(Frames::new(steps()), &guarding("block", "sk_live_4242"));
    assert_eq!(data(&mut blocked), "end ");
    assert_eq!(look(&mut blocked).unwrap().unwrap().unwrap_err(), GuardedError::Leak);
    assert!(look(&mut blocked).unwrap().is_none());
    let (_, passed) = read(GuardedBody::new(Frames::new(steps()), &guarding("block", "another_value")));
    assert_eq!(passed.unwrap()["x-sum"], "sk_live_4242");
}

#[test]
fn a_broken_body_breaks_off_without_what_was_kept_back() {
    let bound = guarding("mask", "sk_live_4242");
    let mut body = GuardedBody::new(Frames::new([piece("a sk_live_424"), Step::Broken, piece("more")]), &bound);
    assert_eq!(data(&mut body), "a ");
    assert_eq!(look(&mut body).unwrap().unwrap().unwrap_err(), GuardedError::Upstream(Broken));
    assert!(look(&mut body).unwrap().is_none());
}
