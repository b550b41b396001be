//! Kept headers with keys in good and bad places, with what must come of each; and changed at random.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use testkit::corpus;

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/key");

fn key(fill: u8) -> String {
    token::encode(token::CLIENT_KEY, &[fill; 32])
}

/// Header lines: `{one}` and `{two}` are keys, and what stands in angle brackets is encoded in base64. What is no header
/// is left out.
fn headers(text: &[u8]) -> HeaderMap {
    let text = String::from_utf8_lossy(text).replace("{one}", &key(1)).replace("{two}", &key(2));
    let mut headers = HeaderMap::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = match value.split_once('<').and_then(|(before, rest)| Some((before, rest.split_once('>')?))) {
            Some((before, (plain, after))) => format!("{before}{}{after}", STANDARD.encode(plain)),
            None => value.to_owned(),
        };
        let name = HeaderName::from_bytes(name.trim().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value.trim())) {
            headers.append(name, value);
        }
    }
    headers
}

/// What must hold whatever the headers are.
fn check(input: &[u8]) -> &'static str {
    let before = headers(input);
    let mut after = before.clone();
    match take(&mut after) {
        Err(Ambiguous) => "ambiguous",
        Ok(Found::Missing) => {
            assert_eq!(after, before, "nothing is taken where there is no key");
            "missing"
        }
        Ok(found) => {
            assert!(after.len() < before.len());
            let taken: Vec<&HeaderName> = before.keys().filter(|name| !after.contains_key(*name)).collect();
            assert_eq!(taken.len(), 1, "one header carried it");
            for (name, value) in &after {
                assert!(!same_header(name.as_str(), taken[0].as_str()), "no alias of it is left");
                let bytes = value.as_bytes();
                let copy = [key(1), key(2)].iter().any(|key| bytes.windows(key.len()).any(|w| w == key.as_bytes()));
                assert!(!copy && !carries(value), "no copy of it is left");
            }
            match found {
                Found::Key(digest) => {
                    assert!([key(1), key(2)].iter().any(|key| sha256(key.as_bytes()) == digest));
                    "key"
                }
                _ => "malformed",
            }
        }
    }
}

#[test]
fn kept_headers_are_read_as_they_must_be() {
    for (name, input) in corpus::inputs(FOLDER) {
        let expected = name.rsplit_once('.').unwrap().1;
        assert_eq!(check(&input), expected, "{name}");
    }
}

#[test]
#[ignore = "soak"]
fn changed_headers_leave_no_key_behind() {
    let words: [&[u8]; 12] = [
        b"{one}",
        b"{two}",
        b"<{one}:>",
        b"Keyroll-Key: ",
        b"Authorization: Basic ",
        b"Authorization: Bearer ",
        b"X-Api-Key: ",
        b"\n",
        b"_",
        b":",
        b" ",
        b"krk_",
    ];
    corpus::mutate(FOLDER, &words, |input| {
        check(input);
    });
}
