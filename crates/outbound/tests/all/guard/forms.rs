//! The forms of an injected value, in headers, bodies and trailers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use model::snapshot::Bound;
use outbound::guard::{GuardedBody, Leak, guard_headers, is_needed, mask_header};
use serde_json::json;

use super::frames::{Frames, Step, read};
use super::{bound, guarding};

const VALUE: &str = "S k/\"?>~ü&+live=";

/// What is left of `text` in a header, a trailer and a body.
fn shown(bound: &Arc<Bound>, text: &str) -> String {
    let mut headers = HeaderMap::new();
    headers.insert("x-echo", HeaderValue::from_bytes(text.as_bytes()).unwrap());
    let steps = [Step::Data(Bytes::copy_from_slice(text.as_bytes())), Step::Trailers(headers.clone())];
    let (body, trailers) = read(GuardedBody::new(Frames::new(steps), bound));
    guard_headers(&mut headers, bound).unwrap();
    assert_eq!(headers["x-echo"].as_bytes(), body, "header and body differ for {text}");
    assert_eq!(trailers.unwrap()["x-echo"].as_bytes(), body, "trailer and body differ for {text}");
    String::from_utf8(body).unwrap()
}

#[test]
fn every_listed_form_is_masked_everywhere() {
    let bound = guarding("mask", VALUE);
    let json = serde_json::to_string(VALUE).unwrap();
    let json = &json[1..json.len() - 1];
    for (form, text) in [
        ("as inserted", VALUE.to_owned()),
        ("in lower case", VALUE.to_ascii_lowercase()),
        ("percent, upper", "S%20k%2F%22%3F%3E~%C3%BC%26%2Blive%3D".to_owned()),
        ("percent, lower", "S%20k%2f%22%3f%3e~%c3%bc%26%2blive%3d".to_owned()),
        ("percent, space as plus", "S+k%2F%22%3F%3E~%C3%BC%26%2Blive%3D".to_owned()),
        ("form", "S+k%2F%22%3F%3E%7E%C3%BC%26%2Blive%3D".to_owned()),
        ("form, lower", "S+k%2f%22%3f%3e%7e%c3%bc%26%2blive%3d".to_owned()),
        ("in a path", "S%20k/%22%3F%3E~%C3%BC%26%2Blive%3D".to_owned()),
        ("JSON", json.to_owned()),
        ("JSON, slash", json.replace('/', "\\/")),
        ("JSON, ASCII", json.replace('ü', "\\u00fc")),
        ("JSON, ASCII, upper", json.replace('ü', "\\u00FC")),
        ("JSON, slash and ASCII", json.replace('/', "\\/").replace('ü', "\\u00fc")),
        ("JSON, Go", json.replace('&', "\\u0026").replace('>', "\\u003e")),
    ] {
        for (before, after) in [("", ""), ("<", ">"), ("key=", "&x=1")] {
            let expected = format!("{before}{}{after}", "*".repeat(text.len()));
            assert_eq!(shown(&bound, &format!("{before}{text}{after}")), expected, "{form}");
        }
    }
    for text in ["S k/\"?>~ü&+live", "S%20k%2F", "nothing of it", "****"] {
        assert_eq!(shown(&bound, text), text);
    }
}

#[test]
fn base64_is_masked_at_each_alignment() {
    let bound = guarding("mask", VALUE);
    for before in ["", "u", "us", "use:", "users"] {
        for after in ["", "!", "!!", ":more"] {
            for alphabet in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                let text = alphabet.encode(format!("{before}{VALUE}{after}"));
                let shown = shown(&bound, &text);
                let hidden = shown.bytes().filter(|byte| *byte == b'*').count();
                // The characters that the value alone decides; at most one at either end holds bits of neighbours.
                let (first, last) = ((before.len() * 8).div_ceil(6), (before.len() + VALUE.len()) * 8 / 6);
                assert_eq!(hidden, last - first, "{before} {after}: {shown}");
                assert!(shown[first..last].bytes().all(|byte| byte == b'*'), "{before} {after}: {shown}");
            }
        }
    }
    let other = STANDARD.encode("a value that nobody injected");
    assert_eq!(shown(&bound, &other), other);
}

#[test]
fn basic_credentials_are_masked_as_they_are_sent() {
    let secrets = [("user", "a-login", true), ("password", "correct horse", true), ("region", "eu-central-1", false)];
    let basic = |username: &str, password: &str| json!({"headers": {"Authorization": {"basic": {"username": username, "password": password}}}});
    let sent = STANDARD.encode("a-login:correct horse");
    let guarded = bound("mask", &secrets, &basic("{{user}}", "{{password}}"));
    assert_eq!(shown(&guarded, &format!("Basic {sent};")), format!("Basic {};", "*".repeat(sent.len())));
    assert_eq!(shown(&guarded, "a-login"), "a-login", "short values are not looked for");
    // What is not sensitive may be seen, in basic credentials too.
    let mut open = basic("{{region}}", "{{region}}");
    open["query"] = json!({"key": "{{password}}"});
    let sent = STANDARD.encode("eu-central-1:eu-central-1");
    assert_eq!(shown(&bound("mask", &secrets, &open), &sent), sent);
}

#[test]
fn what_is_open_short_or_built_in_is_left() {
    let secrets = [("open", "public_value", false), ("short", "7letter", true), ("key", "sk_live_4242", true)];
    let inject = json!({"headers": {"A": "{{open}}", "B": "{{short}}", "C": "{{key}} {{environment}} {{route}}"}});
    let text = "public_value 7letter sk_live_4242 e r";
    assert_eq!(shown(&bound("mask", &secrets, &inject), text), "public_value 7letter ************ e r");
    assert_eq!(shown(&bound("off", &secrets, &inject), text), text);
    let without = bound("mask", &secrets, &json!({"headers": {"A": "{{open}}", "B": "{{short}}"}}));
    assert!(!is_needed(&without) && without.needles().is_none());
    assert!(!is_needed(&bound("off", &secrets, &inject)));
    assert!(is_needed(&bound("block", &secrets, &inject)));
}

#[test]
fn names_of_headers_are_masked_too() {
    let bound = guarding("mask", "SK_live_4242");
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-sk_live_4242-y", "one"), ("x-sk_live_4242-y", "SK_live_4242"), ("x-other", "other")] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    guard_headers(&mut headers, &bound).unwrap();
    let values: Vec<_> = headers.get_all("x-************-y").iter().collect();
    assert_eq!(values, ["one", "************"]);
    assert_eq!(headers["x-other"], "other");
    assert_eq!(headers.len(), 3);
}

#[test]
fn blocking_finds_names_and_values() {
    let bound = guarding("block", "sk_live_4242");
    for (name, value, expected) in [
        ("x-echo", "key sk_live_4242", Err(Leak)),
        ("x-sk_live_4242", "value", Err(Leak)),
        ("x-echo", "key sk_live_4243", Ok(())),
    ] {
        let mut headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
        assert_eq!(guard_headers(&mut headers, &bound), expected, "{name}: {value}");
    }
    let needles = bound.needles().unwrap();
    assert_eq!(mask_header(needles, &HeaderValue::from_static("k=sk_live_4242")).unwrap(), "k=************");
    assert_eq!(mask_header(needles, &HeaderValue::from_static("k=sk_live_")), None);
}
