//! Answers that come compressed although they were asked not to: unpacked, looked at, and plain from there on.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Body as _;
use outbound::guard::{GuardedBody, GuardedError, ReadError, Readable, Reading, Unreadable};
use proptest::prelude::*;

use super::frames::{Frames, Step, data, look};
use super::{guarding, naive};

const TEXT: &[u8] = include_bytes!("packed/text.txt");
const TEXT_BR: &[u8] = include_bytes!("packed/text.br");
const WIDE_BR: &[u8] = include_bytes!("packed/window24.br");
const LARGE_WINDOW_BR: &[u8] = include_bytes!("packed/large-window.br");
/// 1 GiB of zeros.
const ZEROS_BR: &[u8] = include_bytes!("packed/zeros.br");

pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn bare(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Brotli that stores the bytes as they are (RFC 7932 section 9.2), for texts that come about in a test.
fn brotli(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, piece) in text.chunks(1 << 16).enumerate() {
        // The first of them stands behind the one bit that says how large the window is.
        let shift = u32::from(number == 0);
        let head = (u32::try_from(piece.len() - 1).unwrap() << (3 + shift)) | (1 << (19 + shift));
        out.extend_from_slice(&head.to_le_bytes()[..3]);
        out.extend_from_slice(piece);
    }
    out.push(if text.is_empty() { 0x06 } else { 0x03 });
    out
}

/// A way to pack, by its name.
type Packing = (&'static str, fn(&[u8]) -> Vec<u8>);

const PACKINGS: [Packing; 9] = [
    ("gzip", gzip),
    ("X-GZip", gzip),
    ("deflate", zlib),
    ("deflate", bare),
    ("br", brotli),
    ("identity, gzip, identity", gzip),
    ("gzip,br", |text| brotli(&gzip(text))),
    ("br , deflate, gzip", |text| gzip(&zlib(&brotli(text)))),
    // Members that follow each other are one text.
    ("gzip", |text| {
        let (first, second) = text.split_at(text.len() / 2);
        [gzip(first), gzip(b""), gzip(second)].concat()
    }),
];

fn reading(codings: &str) -> Result<Reading, Unreadable> {
    let mut headers = HeaderMap::new();
    headers.insert("content-encoding", HeaderValue::from_str(codings).unwrap());
    Reading::of(StatusCode::OK, &mut headers, false)
}

/// What is unpacked from these pieces, and how it ended.
fn unpack<'a>(codings: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Result<(), Unreadable>) {
    let mut body = Readable::new(Frames::pieces(pieces), reading(codings).unwrap());
    let mut out = Vec::new();
    loop {
        match look(&mut body).expect("it does not wait") {
            Some(Ok(frame)) => out.extend_from_slice(&frame.into_data().unwrap()),
            Some(Err(ReadError::Unreadable(unreadable))) => {
                assert!(look(&mut body).unwrap().is_none(), "nothing comes after an error");
                return (out, Err(unreadable));
            }
            Some(Err(ReadError::Upstream(_))) => panic!("nothing is broken"),
            None => {
                assert!(body.is_end_stream());
                return (out, Ok(()));
            }
        }
    }
}

#[test]
fn every_coding_is_undone_wherever_it_is_cut() {
    for (codings, pack) in PACKINGS {
        let packed = pack(TEXT);
        for size in [1, 2, 3, 7, 64, packed.len()] {
            let (out, end) = unpack(codings, packed.chunks(size));
            assert!(out == TEXT && end == Ok(()), "{codings} in pieces of {size}: {end:?}");
        }
        for text in [b"".as_slice(), b"x"] {
            assert_eq!(unpack(codings, [pack(text).as_slice()]), (text.to_vec(), Ok(())), "{codings}");
        }
        assert_eq!(unpack(codings, []), (Vec::new(), Ok(())), "nothing at all is a whole answer");
    }
    for packed in [TEXT_BR, WIDE_BR] {
        for size in [1, 5, packed.len()] {
            let (out, end) = unpack("br", packed.chunks(size));
            assert!(out == TEXT && end == Ok(()), "in pieces of {size}: {end:?}");
        }
    }
    // All optional parts of a head.
    let plain = gzip(TEXT);
    let parts =
        [&[0x1f, 0x8b, 8, 0x1f][..], &plain[4..10], b"\x03\x00abc", b"name\0", b"comment\0", b"\x12\x34", &plain[10..]];
    for size in [1, 1000] {
        assert!(unpack("gzip", parts.concat().chunks(size)) == (TEXT.to_vec(), Ok(())));
    }
}

#[test]
fn what_is_damaged_never_looks_whole() {
    for (codings, pack) in PACKINGS {
        let packed = pack(b"a text that is not whole unless all of it comes");
        for length in 1..packed.len() {
            // Between two members, a text of several could be whole.
            let (_, end) = unpack(codings, [&packed[..length]]);
            let between = gzip(&b"a text that is not whole unless all of it comes"[..23]).len();
            let whole =
                packed.starts_with(&gzip(b"a text that is not whol")) && (length == between || length == between + 20);
            assert_eq!(end.is_ok(), whole, "{codings}, {length} of {} bytes", packed.len());
        }
        let (_, end) = unpack(codings, [packed.as_slice(), b"x"]);
        assert_eq!(end, Err(Unreadable::Damaged), "{codings}: something follows");
    }
    let mut sum = gzip(TEXT);
    let at = sum.len() - 5;
    sum[at] ^= 1;
    assert_eq!(unpack("gzip", [sum.as_slice()]).1, Err(Unreadable::Damaged));
    let mut flags = gzip(TEXT);
    flags[3] = 0x20;
    for (codings, packed) in
        [("gzip", flags.as_slice()), ("br", LARGE_WINDOW_BR), ("gzip", TEXT), ("br", TEXT), ("deflate", TEXT)]
    {
        assert_eq!(unpack(codings, [packed]).1, Err(Unreadable::Damaged), "{codings}");
    }
}

#[test]
fn what_is_not_known_is_not_read() {
    for codings in ["zstd", "gzip, dcb", "compress", "gzip, gzip, gzip, gzip", "x-unknown", "aws-chunked", "****"] {
        assert_eq!(reading(codings).unwrap_err(), Unreadable::Coding, "{codings}");
    }
    for codings in ["", "identity", "Identity, identity", "gzip, gzip, gzip", ",gzip,"] {
        assert!(reading(codings).is_ok(), "{codings}");
    }
    let read = |status: u16, headers: &[(&str, &str)], empty| {
        let mut headers: HeaderMap =
            headers.iter().map(|(n, v)| (n.parse::<HeaderName>().unwrap(), v.parse().unwrap())).collect();
        Reading::of(StatusCode::from_u16(status).unwrap(), &mut headers, empty).map(drop)
    };
    let range = ("content-range", "bytes 0-9/100");
    for (status, headers, empty, expected) in [
        (206, &[range][..], false, Err(Unreadable::Part)),
        (206, &[("content-type", "multipart/byteranges")], false, Err(Unreadable::Part)),
        (200, &[range], false, Err(Unreadable::Part)),
        (226, &[("im", "diffe")], false, Err(Unreadable::Part)),
        (416, &[("content-range", "bytes */100")], false, Ok(())),
        (206, &[range], true, Ok(())),
        (200, &[("accept-ranges", "bytes")], false, Ok(())),
        (304, &[("content-encoding", "zstd")], true, Ok(())),
    ] {
        assert_eq!(read(status, headers, empty), expected, "{status} {headers:?}");
    }
}

#[test]
fn the_head_speaks_of_what_is_passed_on() {
    let all = [
        ("content-encoding", "gzip"),
        ("content-length", "123"),
        ("content-digest", "sha-256=:AAAA:"),
        ("repr-digest", "sha-256=:AAAA:"),
        ("digest", "sha-256=AAAA"),
        ("content-md5", "AAAA"),
        ("etag", "\"tag\""),
        ("vary", "Accept-Encoding"),
        ("content-type", "text/plain"),
    ];
    let headers =
        || -> HeaderMap { all.iter().map(|(n, v)| (n.parse::<HeaderName>().unwrap(), v.parse().unwrap())).collect() };
    let kept = [("content-type", "text/plain"), ("etag", "W/\"tag\""), ("vary", "Accept-Encoding")];
    let sorted = |headers: &HeaderMap| {
        let mut all: Vec<_> = headers.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
        all.sort();
        all
    };
    let expected: Vec<_> = kept.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    // The answer itself; the one to HEAD, and a 304, which stand for it.
    for (status, empty) in [(200, false), (200, true), (304, true)] {
        let mut changed = headers();
        Reading::of(StatusCode::from_u16(status).unwrap(), &mut changed, empty).unwrap();
        assert_eq!(sorted(&changed), expected, "{status} {empty}");
    }
    // What is plain, or cannot be unpacked and need not be, is left as it is.
    for (coding, empty) in [("identity", false), ("zstd", true)] {
        let mut same = headers();
        same.insert("content-encoding", HeaderValue::from_static(coding));
        let before = same.clone();
        Reading::of(StatusCode::OK, &mut same, empty).unwrap();
        assert_eq!(same, before);
    }
    let mut empty = headers();
    empty.insert("content-length", HeaderValue::from_static("0"));
    empty.insert("etag", HeaderValue::from_static("W/\"weak\""));
    Reading::of(StatusCode::OK, &mut empty, true).unwrap();
    assert_eq!(
        (&empty["content-length"], &empty["etag"]),
        (&HeaderValue::from_static("0"), &HeaderValue::from_static("W/\"weak\""))
    );
}

proptest! {
    // Whatever is packed, cut and unpacked, nothing of the value comes through and all else does.
    #[test]
    fn a_packed_value_is_masked_as_if_it_came_plain(
        value in "[ab/ü \"]{8,12}",
        parts in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..80, "[ab/%]{0,3}"), 0..8),
        packing in prop::sample::select(PACKINGS.to_vec()),
        cuts in proptest::collection::vec(1usize..30, 1..12),
    ) {
        let bound = guarding("mask", &value);
        let forms: Vec<&[u8]> = bound.forms().iter().collect();
        let mut text = Vec::new();
        for (form, length, filler) in &parts {
            let form = form.get(&forms);
            text.extend_from_slice(&form[..form.len().min(*length)]);
            text.extend_from_slice(filler.as_bytes());
        }
        let (codings, pack) = packing;
        let packed = pack(&text);
        let mut pieces = Vec::new();
        let mut rest = packed.as_slice();
        for cut in cuts.iter().cycle().take(packed.len()) {
            let (piece, left) = rest.split_at(rest.len().min(*cut));
            pieces.push(piece);
            rest = left;
        }
        let mut body = GuardedBody::new(Readable::new(Frames::pieces(pieces), reading(codings).unwrap()), &bound);
        let mut out = Vec::new();
        while let Some(frame) = look(&mut body).expect("it does not wait") {
            out.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        prop_assert_eq!(out, naive(&bound, &text));
    }
}

#[test]
fn an_event_is_unpacked_at_once() {
    let events: [&[u8]; 2] = [b"data: 1\n\n", b"data: sk_live_4242\n\n"];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let gzip = events.map(|event| {
        encoder.write_all(event).unwrap();
        encoder.flush().unwrap();
        std::mem::take(encoder.get_mut())
    });
    let hex =
        |text: &str| (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
    let br: [Vec<u8>; 2] = [hex("0b0480646174613a20310a0a"), hex("980008646174613a20736b5f6c6976655f343234320a0a")];
    let bound = guarding("mask", "sk_live_4242");
    for (codings, packed) in [("gzip", gzip), ("br", br)] {
        let steps = packed.into_iter().flat_map(|event| [Step::Data(Bytes::from(event)), Step::Wait]);
        let mut body = GuardedBody::new(Readable::new(Frames::new(steps), reading(codings).unwrap()), &bound);
        for expected in ["data: 1\n\n", "data: ************\n\n"] {
            assert_eq!(data(&mut body), expected, "{codings}");
            assert!(look(&mut body).is_none(), "{codings}");
        }
        // Without its end it is not whole.
        let unreadable = GuardedError::Upstream(ReadError::Unreadable(Unreadable::Damaged));
        assert_eq!(look(&mut body).unwrap().unwrap().unwrap_err(), unreadable, "{codings}");
    }
}

#[test]
fn trailers_follow_what_is_unpacked() {
    let mut trailers = HeaderMap::new();
    trailers.insert("content-digest", HeaderValue::from_static("sha-256=:AAAA:"));
    trailers.insert("x-sum", HeaderValue::from_static("sk_live_4242"));
    let steps = |packed: Vec<u8>| [Step::Data(Bytes::from(packed)), Step::Trailers(trailers.clone())];
    let bound = guarding("mask", "sk_live_4242");
    let mut body = GuardedBody::new(Readable::new(Frames::new(steps(gzip(b"text"))), reading("gzip").unwrap()), &bound);
    assert_eq!(data(&mut body), "text");
    let left = look(&mut body).unwrap().unwrap().unwrap().into_trailers().unwrap();
    assert_eq!((left.len(), &left["x-sum"]), (1, &HeaderValue::from_static("************")));
    assert!(body.is_end_stream() && look(&mut body).unwrap().is_none());
    let cut = gzip(b"text")[..15].to_vec();
    let mut body = Readable::new(Frames::new(steps(cut)), reading("gzip").unwrap());
    let end = std::iter::from_fn(|| look(&mut body).unwrap()).find_map(Result::err);
    assert_eq!(end, Some(ReadError::Unreadable(Unreadable::Damaged)));
}

#[test]
fn a_little_that_becomes_a_lot_comes_in_small_pieces() {
    let zeros = vec![0; 16 << 20];
    let once = gzip(&zeros);
    for (codings, packed, length) in [
        ("gzip", once.clone(), 16 << 20),
        ("gzip, gzip", gzip(&once), 16 << 20),
        ("br", ZEROS_BR.to_vec(), 1_u64 << 30),
    ] {
        let mut body = Readable::new(Frames::pieces([packed.as_slice()]), reading(codings).unwrap());
        let mut read = 0;
        while let Some(frame) = look(&mut body).unwrap() {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= 16 * 1024, "{codings}: {}", piece.len());
            read += u64::try_from(piece.len()).unwrap();
        }
        assert_eq!(read, length, "{codings}");
    }
}
