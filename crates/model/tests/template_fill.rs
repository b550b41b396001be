//! Values put into templates, one line per case.

#![allow(clippy::expect_used, reason = "helpers of tests, which clippy does not take for tests")]

use base64::Engine as _;
use model::name::SecretName;
use model::template::{CompileError, Compiled, Facts, Place, Refusal, Template, compile, compile_basic};

const FACTS: Facts<'static> = Facts {
    request_id: "req/1 ü",
    environment: "staging",
    route: "payments",
    client: "shop",
    timestamp: "2026-11-23T14:12:00.000Z",
};

fn lookup(name: &SecretName) -> Option<&'static str> {
    Some(match name.as_str() {
        "key" => "sk_live_1",
        "odd" => r#"{{key}} $1 \{{ "&+/=?%"#,
        "wide" => "pässword€𝄞",
        "lines" => "-----BEGIN\r\nEND-----\n",
        "colon" => "user:name",
        "nul" => "a\0b",
        "tab" => "a\tb",
        _ => return None,
    })
}

fn parse(text: &str) -> Template {
    text.parse().expect("a good template")
}

fn filled(compiled: &Compiled) -> String {
    let mut bytes = b"kept ".to_vec();
    compiled.fill(&FACTS, &mut bytes);
    let mut text = String::from("kept ");
    compiled.fill_text(&FACTS, &mut text);
    assert_eq!(bytes, text.as_bytes());
    if let Some(fixed) = compiled.fixed() {
        assert_eq!([b"kept ", fixed].concat(), bytes);
    }
    text.strip_prefix("kept ").expect("what was there stays").to_owned()
}

#[test]
fn values_in_their_places() {
    use Place::{Body, Header, Query};
    for (text, place, wanted) in [
        ("", Header, ""),
        ("Bearer {{key}}", Header, "Bearer sk_live_1"),
        ("{{key}}{{ key }}", Header, "sk_live_1sk_live_1"),
        ("{{odd}}", Header, r#"{{key}} $1 \{{ "&+/=?%"#),
        ("{{wide}}", Header, "pässword€𝄞"),
        ("{{tab}}", Header, "a\tb"),
        (r"\{{key}}", Header, "{{key}}"),
        ("{{environment}}.{{route}}.{{client}}", Header, "staging.payments.shop"),
        ("{{timestamp}} {{request_id}} {{key}}", Header, "2026-11-23T14:12:00.000Z req/1 ü sk_live_1"),
        ("{{key}}", Query, "sk_live_1"),
        ("a-Z.0_9~", Query, "a-Z.0_9~"),
        ("a b&c=d#", Query, "a%20b%26c%3Dd%23"),
        ("{{odd}}", Query, "%7B%7Bkey%7D%7D%20%241%20%5C%7B%7B%20%22%26%2B%2F%3D%3F%25"),
        ("{{wide}}", Query, "p%C3%A4ssword%E2%82%AC%F0%9D%84%9E"),
        ("{{lines}}", Query, "-----BEGIN%0D%0AEND-----%0A"),
        ("{{nul}}", Query, "a%00b"),
        ("{{request_id}}", Query, "req%2F1%20%C3%BC"),
        ("é{{key}}{{timestamp}}", Query, "%C3%A9sk_live_12026-11-23T14%3A12%3A00.000Z"),
        ("{{lines}}", Body, "-----BEGIN\r\nEND-----\n"),
        ("{{odd}}\n{{request_id}}", Body, "{{key}} $1 \\{{ \"&+/=?%\nreq/1 ü"),
    ] {
        let compiled = compile(&parse(text), place, lookup).unwrap();
        assert_eq!(filled(&compiled), wanted, "{text} {place:?}");
        let builtin = ["request_id", "environment", "timestamp"].iter().any(|word| text.contains(word));
        assert_eq!(compiled.fixed().is_none(), builtin, "{text}");
    }
}

#[test]
fn what_cannot_be_compiled() {
    for (text, place, wanted) in [
        ("{{key}} {{other}}", Place::Body, "there is no secret other"),
        ("{{lines}}", Place::Header, "the value of lines holds a line break"),
        ("{{nul}}", Place::Header, "the value of nul holds a line break or another control"),
        ("{{tab}}", Place::BasicPassword, "the value of tab holds"),
        ("{{colon}}", Place::BasicUsername, "the value of colon holds a colon"),
        ("a\n{{key}}", Place::Header, "column 2: '\\n' may not stand in a header value"),
    ] {
        let error = compile(&parse(text), place, lookup).unwrap_err().to_string();
        assert!(error.contains(wanted), "{text}: {error}");
    }
}

#[test]
fn basic_authentication() {
    for (username, password, plain) in [
        ("{{key}}", "{{wide}}", "sk_live_1:pässword€𝄞"),
        ("user", "", "user:"),
        ("", "{{odd}}", ":{{key}} $1 \\{{ \"&+/=?%"),
        ("{{key}}", "{{colon}}:x", "sk_live_1:user:name:x"),
        ("{{client}}-{{key}}", "{{key}}", "shop-sk_live_1:sk_live_1"),
        ("{{key}}", "{{timestamp}}", "sk_live_1:2026-11-23T14:12:00.000Z"),
    ] {
        let compiled = compile_basic(&parse(username), &parse(password), lookup).unwrap();
        let text = filled(&compiled);
        let encoded = text.strip_prefix("Basic ").unwrap();
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        assert_eq!(decoded, plain.as_bytes(), "{username} {password}");
        let builtin = username.contains("client") || password.contains("timestamp");
        assert_eq!(compiled.fixed().is_none(), builtin);
    }
    // RFC 7617, section 2.
    let compiled = compile_basic(&parse("Aladdin"), &parse("open sesame"), lookup).unwrap();
    assert_eq!(compiled.fixed(), Some(&b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="[..]));
}

#[test]
fn basic_authentication_refuses_what_would_shift_the_border() {
    let refused =
        |username: &str, password: &str| compile_basic(&parse(username), &parse(password), lookup).unwrap_err();
    let name = "colon".parse::<SecretName>().unwrap();
    assert_eq!(refused("{{colon}}", "x"), CompileError::Refused { name, refusal: Refusal::Colon });
    assert!(matches!(refused("a:b", "x"), CompileError::Template(error) if error.column() == 2));
    assert!(matches!(refused("{{timestamp}}", "x"), CompileError::Template(_)));
    assert!(matches!(refused("{{request_id}}", "x"), CompileError::Template(_)));
    assert!(matches!(refused("x", "{{lines}}"), CompileError::Refused { .. }));
    assert!(matches!(refused("x", "{{other}}"), CompileError::Missing { .. }));
}

#[test]
fn an_odd_request_id_does_not_leave_its_header() {
    let facts = Facts { request_id: "a\r\nEvil: 1\0\u{7f}\t", ..FACTS };
    let mut out = Vec::new();
    compile(&parse("{{request_id}}"), Place::Header, lookup).unwrap().fill(&facts, &mut out);
    assert_eq!(out, b"a__Evil: 1__\t");
    assert!(http::HeaderValue::from_bytes(&out).is_ok());
}

#[test]
fn nothing_shows_a_value() {
    let compiled = compile(&parse("Bearer {{key}}"), Place::Header, lookup).unwrap();
    assert_eq!(format!("{compiled:?}"), "Compiled(…)");
    for name in ["{{nul}}", "{{lines}}"] {
        let error = compile(&parse(name), Place::Header, lookup).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("BEGIN"));
    }
}
