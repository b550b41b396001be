//! Where a client key may stand, and what is none.

use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::header::HeaderName;

use super::*;

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    headers
}

fn key(fill: u8) -> String {
    token::encode(token::CLIENT_KEY, &[fill; 32])
}

#[test]
fn a_key_is_found_wherever_an_sdk_puts_it() {
    let key = key(1);
    let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
    for (name, value) in [
        ("Keyroll-Key", key.clone()),
        ("keyroll_key", key.clone()),
        ("Authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer  {key}")),
        ("Authorization", format!("Bearer\t{key}")),
        ("Authorization", format!("Basic\t{}", STANDARD.encode(format!("{key}:")))),
        ("Authorization", basic(format!("{key}:"))),
        ("Authorization", basic(key.clone())),
        ("Authorization", basic(format!("user:{key}"))),
        ("Authorization", basic(format!("{key}:x:y"))),
        ("Authorization", format!("basic {}", STANDARD_NO_PAD.encode(format!("api:{key}")))),
        ("X-Api-Key", key.clone()),
        ("X_API.Key", key.clone()),
        ("api-key", key.clone()),
    ] {
        let mut headers = headers(&[("accept", "*/*"), (name, &value)]);
        assert_eq!(take(&mut headers), Ok(Found::Key(sha256(key.as_bytes()))), "{name}: {value}");
        assert_eq!(headers.len(), 1, "{name} is taken out");
    }
}

#[test]
fn what_is_not_ours_stays_the_clients() {
    for (name, value) in [
        ("Authorization", "Bearer sk_live_1"),
        ("Authorization", "Basic !!!"),
        ("Authorization", "Basic dXNlcjpwYXNz"),
        ("Authorization", "Digest krk_x"),
        ("X-Api-Key", "abc"),
        ("Cookie", "krk_1"),
    ] {
        let mut headers = headers(&[(name, value)]);
        assert_eq!(take(&mut headers), Ok(Found::Missing), "{name}: {value}");
        assert_eq!(headers.len(), 1, "{name}");
    }
    let key = key(1);
    let mut both = headers(&[("Authorization", "Bearer sk_live_1"), ("Keyroll-Key", &key)]);
    assert!(matches!(take(&mut both), Ok(Found::Key(_))));
    assert!(both.contains_key("authorization"));
}

#[test]
fn a_key_that_is_none_is_not_a_missing_one() {
    for (name, value) in
        [("Keyroll-Key", "abc"), ("Keyroll-Key", ""), ("X-Api-Key", "krk_abc"), ("Authorization", "Bearer krk_")]
    {
        assert_eq!(take(&mut headers(&[(name, value)])), Ok(Found::Malformed), "{name}: {value}");
    }
}

#[test]
fn two_keys_are_ambiguous() {
    let (one, two) = (key(1), key(2));
    let pair = format!("Basic {}", STANDARD.encode(format!("{one}:{two}")));
    let bearer = format!("Bearer {one}");
    for lines in [
        vec![("Keyroll-Key", one.as_str()), ("Keyroll-Key", &one)],
        vec![("Keyroll-Key", &one), ("Keyroll_Key", &one)],
        vec![("Keyroll-Key", &one), ("X-Api-Key", &two)],
        vec![("Authorization", &bearer), ("Api-Key", &two)],
        vec![("Authorization", &bearer), ("Authorization", "Bearer other")],
        vec![("X-Api-Key", "other"), ("X-Api-Key", &one)],
        vec![("X-Api-Key", &one), ("X_Api_Key", "other")],
        vec![("Authorization", &pair)],
    ] {
        assert_eq!(take(&mut headers(&lines)), Err(Ambiguous), "{lines:?}");
    }
}

#[test]
fn copies_of_a_key_are_found_wherever_they_stand() {
    let (one, two) = (key(1), key(2));
    assert_eq!(one.len(), LENGTH);
    for text in [&one, &format!("Token {one}"), &format!("a krk_ krk_x{one}b"), &format!("a={two}; b")] {
        assert!(holds(text.as_bytes()), "{text}");
    }
    for text in ["", "krk_", "krk_abc", &one.replace("krk", "krt"), &one[..52], &format!("{}!", &one[..52])] {
        assert!(!holds(text.as_bytes()), "{text}");
    }
    let hidden = format!("basic {}", STANDARD.encode(format!("a-{two}:b")));
    for (name, value) in [
        ("Authorization", format!("Token {two}")),
        ("Authorization", hidden.clone()),
        ("Proxy-Authorization", hidden),
        ("X-Api-Key", format!("Bearer {two}")),
        ("Cookie", format!("a=b; key={two}")),
        ("X-Any", one.clone()),
    ] {
        let with = |key: &str| take(&mut headers(&[("Keyroll-Key", key), (name, &value)]));
        assert_eq!(with(&one), Err(Ambiguous), "{name}: {value}");
        let alone = take(&mut headers(&[(name, &value)]));
        assert_eq!(alone, Ok(Found::Missing), "{name}: {value}");
    }
}
