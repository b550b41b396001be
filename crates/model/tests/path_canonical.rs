//! Canonical paths, one line per case, and against a slow oracle.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not take for tests"
)]

#[path = "../../testkit/src/corpus.rs"]
mod corpus;

use model::path::{PathError, canonical};
use proptest::prelude::*;

#[test]
fn canonical_paths() {
    use PathError::{
        Backslash, BrokenEncoding, Control, Delimiter, DotSegment, DoubleEncoding, EncodedBackslash, EncodedSlash,
        NotUtf8, Nul, Relative,
    };
    for (raw, wanted) in [
        ("/", Ok("/")),
        ("/v1/charges", Ok("/v1/charges")),
        ("/v1/charges/", Ok("/v1/charges/")),
        ("/V1//x", Ok("/V1//x")),
        ("//", Ok("//")),
        ("/%61dmin", Ok("/admin")),
        ("/a%20b+c", Ok("/a b+c")),
        ("/%C3%a9é", Ok("/éé")),
        ("/a.b/.c/d./...", Ok("/a.b/.c/d./...")),
        ("/a%2Eb/%2ewell-known", Ok("/a.b/.well-known")),
        ("/a;v=1/b%3Bc", Ok("/a;v=1/b;c")),
        ("/what%3Fnow%23", Ok("/what?now#")),
        ("/100%25", Ok("/100%")),
        ("/100%2525", Ok("/100%25")),
        ("/%25zz/%252", Ok("/%zz/%2")),
        ("/%2541", Ok("/%41")),
        ("", Err(Relative)),
        ("v1", Err(Relative)),
        ("*", Err(Relative)),
        ("%2Fv1", Err(Relative)),
        ("/a?b", Err(Delimiter)),
        ("/a#b", Err(Delimiter)),
        ("/%", Err(BrokenEncoding)),
        ("/%4", Err(BrokenEncoding)),
        ("/%4g", Err(BrokenEncoding)),
        ("/%+1", Err(BrokenEncoding)),
        ("/%u002e", Err(BrokenEncoding)),
        ("/%%32%65", Err(BrokenEncoding)),
        ("/%ff", Err(NotUtf8)),
        ("/%c0%ae%c0%ae/", Err(NotUtf8)),
        ("/%c0%af", Err(NotUtf8)),
        ("/%e0%80%ae", Err(NotUtf8)),
        ("/a%00", Err(Nul)),
        ("/a\0", Err(Nul)),
        ("/a%0d%0ab", Err(Control)),
        ("/a\tb", Err(Control)),
        ("/a%7f", Err(Control)),
        ("/a%2fb", Err(EncodedSlash)),
        ("/a%2Fb", Err(EncodedSlash)),
        ("/a%5cb", Err(EncodedBackslash)),
        ("/a%5Cb", Err(EncodedBackslash)),
        ("/a\\b", Err(Backslash)),
        ("/..\\x", Err(Backslash)),
        ("/.", Err(DotSegment)),
        ("/..", Err(DotSegment)),
        ("/a/../b", Err(DotSegment)),
        ("/a/./b", Err(DotSegment)),
        ("/a/%2e%2e/b", Err(DotSegment)),
        ("/a/%2E./b", Err(DotSegment)),
        ("/a/.%2e", Err(DotSegment)),
        ("/a/..;/b", Err(DotSegment)),
        ("/a/..;x=1/b", Err(DotSegment)),
        ("/a/.;/b", Err(DotSegment)),
        ("/a/..%3b/b", Err(DotSegment)),
        ("/a/%2e%2e%3Bx", Err(DotSegment)),
        ("/a/.. /b", Err(DotSegment)),
        ("/a/%20..%20/b", Err(DotSegment)),
        ("/a/.. ;x/b", Err(DotSegment)),
        ("/a%252eb", Err(DoubleEncoding)),
        ("/a/%252e%252e/b", Err(DoubleEncoding)),
        ("/a%252fb", Err(DoubleEncoding)),
        ("/a%255Cb", Err(DoubleEncoding)),
        ("/a%2500", Err(DoubleEncoding)),
        ("/a%250a", Err(DoubleEncoding)),
        ("/a%25252Fb", Err(DoubleEncoding)),
        ("/a%25%32%66b", Err(DoubleEncoding)),
        ("/a%2525%2532%2566b", Err(DoubleEncoding)),
        ("/a/..%253b/b", Err(DoubleEncoding)),
        ("/a/..%2520/b", Err(DoubleEncoding)),
    ] {
        assert_eq!(canonical(raw).as_deref(), wanted.as_ref().map(|path| *path), "{raw:?}");
    }
}

#[test]
fn long_paths_take_linear_time() {
    // A quadratic reading would take minutes for these.
    let nested = format!("/{}41", "%25".repeat(1_000_000));
    assert!(canonical(&nested).is_ok());
    let deep = format!("/%{}41", "25".repeat(1_000_000));
    assert!(canonical(&deep).is_ok());
}

/// Decodes the first encoded byte over and over; answers whether something dangerous came up or remains.
fn naive_is_dangerous(decoded: &str) -> bool {
    let mut bytes = decoded.as_bytes().to_vec();
    while let Some((at, byte)) = (0..bytes.len()).find_map(|at| {
        let digits = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%')?;
        let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
        u8::from_str_radix(digits, 16).ok().map(|byte| (at, byte))
    }) {
        if byte < 0x20 || [0x7f, b'.', b'/', b'\\'].contains(&byte) {
            return true;
        }
        bytes.splice(at..at + 3, [byte]);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.split('/').any(|segment| [".", ".."].contains(&segment.split(';').next().unwrap().trim_matches(' ')))
}

/// Decodes once; `raw` has no broken encoding.
fn naive_decode(raw: &str) -> String {
    let mut pieces = raw.split('%');
    let mut out = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        out.push(u8::from_str_radix(digits, 16).unwrap());
        out.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(out).unwrap()
}

fn wild() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        12 => prop::sample::select(vec![
            "/", "/", ".", "..", ";", "%", "%25", "%2e", "%2E", "%2f", "%5c", "%3b", "%32", "%65", "25", "2", "e", "a",
            "%41", "\\", " ", "%20", "%00", "%0a", "é", "%c3%a9", "%c0",
        ])
        .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..9).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_canonical_path_holds_nothing_dangerous(raw in wild()) {
        if let Ok(path) = canonical(&raw) {
            prop_assert!(path.starts_with('/'));
            prop_assert!(!path.contains(['\\', '\0']) && !path.contains(|c: char| c.is_ascii_control()));
            prop_assert!(!path.split('/').any(|segment| segment == "." || segment == ".."));
            prop_assert_eq!(path.matches('/').count(), raw.matches('/').count());
            prop_assert!(!naive_is_dangerous(&path), "{path}");
            prop_assert_eq!(&path, &naive_decode(&raw));
            if !raw.contains('%') {
                prop_assert_eq!(&path, &raw);
                prop_assert_eq!(canonical(&path), Ok(path.clone()));
            }
        }
    }

    #[test]
    fn only_the_dangerous_is_refused(raw in wild()) {
        if let Err(PathError::DoubleEncoding | PathError::DotSegment) = canonical(&raw) {
            prop_assert!(naive_is_dangerous(&naive_decode(&raw)), "{raw}");
        }
    }

    #[test]
    fn arbitrary_text_never_panics(raw in any::<String>()) {
        let _ = canonical(&raw);
        let _ = canonical(&format!("/{raw}"));
    }
}

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/path");

/// The rules once more, slowly: the canonical path, or nothing.
fn naive_canonical(raw: &str) -> Option<String> {
    if !raw.starts_with('/') || raw.contains(['?', '#', '\\']) || raw.chars().any(|c| c.is_ascii_control()) {
        return None;
    }
    let broken = |piece: &str| {
        piece.len() < 2 || !piece.is_char_boundary(2) || !piece[..2].chars().all(|digit| digit.is_ascii_hexdigit())
    };
    if raw.split('%').skip(1).any(broken) {
        return None;
    }
    let encoded: Vec<String> = raw.split('%').skip(1).map(|piece| piece[..2].to_ascii_lowercase()).collect();
    let forbidden = |digits: &String| {
        let byte = u8::from_str_radix(digits, 16).unwrap();
        byte < 0x20 || [0x7f, b'/', b'\\'].contains(&byte)
    };
    if encoded.iter().any(forbidden) {
        return None;
    }
    let mut bytes = Vec::new();
    for (number, piece) in raw.split('%').enumerate() {
        let rest = if number == 0 { piece } else { &piece[2..] };
        if number > 0 {
            bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        }
        bytes.extend_from_slice(rest.as_bytes());
    }
    let decoded = String::from_utf8(bytes).ok()?;
    (!naive_is_dangerous(&decoded)).then_some(decoded)
}

fn agrees(input: &[u8]) {
    let raw = String::from_utf8_lossy(input);
    assert_eq!(canonical(&raw).ok(), naive_canonical(&raw), "{raw:?}");
}

#[test]
fn kept_paths_agree_with_the_oracle() {
    let all = corpus::inputs(FOLDER);
    for (_, input) in &all {
        agrees(input);
    }
    let passed = all.iter().filter(|(_, input)| canonical(&String::from_utf8_lossy(input)).is_ok()).count();
    assert!(passed > 8 && all.len() - passed > 25, "{passed} of {}", all.len());
}

#[test]
#[ignore = "soak"]
fn changed_paths_agree_with_the_oracle() {
    let words: [&[u8]; 14] =
        [b"/", b".", b"..", b"%2e", b"%2f", b"%5C", b"%25", b"%", b"25", b"2e", b";", b"\\", b"%c0%af", b"/../"];
    corpus::mutate(FOLDER, &words, agrees);
}
