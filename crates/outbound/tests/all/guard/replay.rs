//! Kept answers through the guard, against the naive way to find values; and changed at random for as long as wanted.

#[path = "../../../../testkit/src/corpus.rs"]
mod corpus;

use bytes::Bytes;
use model::snapshot::Bound;
use outbound::guard::{BodyGuard, GuardedBody};
use serde_json::json;
use std::sync::Arc;

use super::frames::{Frames, read};
use super::proof::message;
use super::{bound, naive};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/guard");

/// Two values, one of which every habit of encoding spells otherwise, and credentials that hold one.
fn guarding() -> Arc<Bound> {
    let secrets = [("key", "sk_live_4242", true), ("other", "S k/\"?>~ü&+live=", true), ("login", "login", false)];
    let inject = json!({
        "query": {"other": "{{other}}"},
        "headers": {"Authorization": {"basic": {"username": "{{login}}", "password": "{{key}}"}}},
    });
    bound("mask", &secrets, &inject)
}

/// What the naive way finds is hidden, and nothing else, in pieces of this many bytes.
fn agrees(bound: &Arc<Bound>, text: &[u8], size: usize) {
    let mut guard = BodyGuard::new(Arc::clone(bound));
    let mut out = Vec::new();
    for piece in text.chunks(size.max(1)) {
        out.extend_from_slice(&guard.push(Bytes::copy_from_slice(piece)).unwrap());
    }
    out.extend_from_slice(&guard.finish());
    assert_eq!(out, naive(bound, text), "in pieces of {size}");
}

#[test]
fn kept_answers_come_out_as_the_naive_way_says() {
    let bound = guarding();
    let mut masked = 0;
    for (name, text) in corpus::inputs(FOLDER) {
        let expected = naive(&bound, &text);
        masked += usize::from(expected != text);
        for cut in 0..=text.len() {
            let (first, second) = text.split_at(cut);
            assert_eq!(read(GuardedBody::new(Frames::pieces([first, second]), &bound)).0, expected, "{name} at {cut}");
            assert_eq!(message(&bound, &text, cut), expected, "{name} at {cut}");
        }
        for size in [1, 2, 3, 5, 8, 13] {
            agrees(&bound, &text, size);
        }
    }
    assert!(masked > 20, "{masked} answers held something");
}

#[test]
#[ignore = "soak"]
fn changed_answers_come_out_as_the_naive_way_says() {
    let bound = guarding();
    let forms: Vec<&[u8]> = bound.forms().iter().collect();
    let mut size = 0;
    corpus::mutate(FOLDER, &forms, |text| {
        size = size % 17 + 1;
        agrees(&bound, text, size);
    });
}
