//! Tables for what is taken out of a request and what is put in.

use http::{HeaderMap, HeaderName, HeaderValue};
use model::name::SecretName;
use model::snapshot::{BoundHeader, BoundText, HeaderFill};
use model::template::{Compiled, Facts, Place, Template, compile};
use outbound::inject::{
    Announced, InjectError, announced, inject_body, inject_headers, inject_target, remove_injected, strip_answer,
    strip_hop_by_hop,
};

use super::server::upstream;

const FACTS: Facts<'static> = Facts {
    request_id: "req-1",
    environment: "production",
    route: "payments",
    client: "shop",
    timestamp: "2026-11-23T14:12:00Z",
};

fn compiled(template: &str, place: Place) -> Compiled {
    let lookup = |name: &SecretName| match name.as_str() {
        "key" => Some("s3cret"),
        "odd" => Some("a b&c=\"d\"\\"),
        _ => None,
    };
    compile(&Template::parse(template).unwrap(), place, lookup).unwrap()
}

fn headers(list: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn shown(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

#[test]
fn hop_by_hop_headers_go() {
    // before, after
    type Row = (&'static [(&'static str, &'static str)], &'static [&'static str]);
    let table: &[Row] = &[
        (&[("accept", "*/*"), ("connection", "keep-alive")], &["accept: */*"]),
        (&[("connection", "close, X-Hop ,authorization"), ("x-hop", "1"), ("x-hop", "2"), ("authorization", "a")], &[]),
        (
            &[("connection", "x-one"), ("connection", "x-two"), ("x-one", "1"), ("x-two", "2"), ("x-three", "3")],
            &["x-three: 3"],
        ),
        (
            &[
                ("keep-alive", "timeout=5"),
                ("proxy-connection", "keep-alive"),
                ("proxy-authorization", "Basic x"),
                ("proxy-authenticate", "Basic"),
                ("transfer-encoding", "chunked"),
                ("upgrade", "websocket"),
                ("http2-settings", "AAAA"),
                ("te", "gzip"),
                ("trailer", "x-sum"),
                ("content-length", "5"),
            ],
            &["content-length: 5", "trailer: x-sum"],
        ),
        (
            &[("transfer_encoding", "x"), ("content.length", "5"), ("keep_alive", "x"), ("proxy_authorization", "x")],
            &[],
        ),
        (&[("te", "gzip, Trailers")], &["connection: te", "te: trailers"]),
        (&[("te", "trailers"), ("connection", "te, x-a"), ("x-a", "1")], &["connection: te", "te: trailers"]),
        // What is no name removes nothing.
        (&[("connection", ", ;, a b,"), ("a", "1")], &["a: 1"]),
    ];
    for (before, after) in table {
        let mut headers = headers(before);
        strip_hop_by_hop(&mut headers);
        assert_eq!(shown(&headers), *after);
        strip_hop_by_hop(&mut headers);
        assert_eq!(shown(&headers), *after, "twice is once");
    }
    let mut answer = headers(&[("te", "trailers"), ("connection", "te, x-a"), ("x-a", "1"), ("x-b", "2")]);
    strip_answer(&mut answer);
    assert_eq!(shown(&answer), ["x-b: 2"]);
}

#[test]
fn injected_headers_take_the_place_of_the_clients() {
    let bound = [
        BoundHeader { name: "x-api-key".parse().unwrap(), value: HeaderFill::Fill(compiled("{{key}}", Place::Header)) },
        BoundHeader {
            name: "x-trace".parse().unwrap(),
            value: HeaderFill::Fill(compiled("{{client}}/{{request_id}}", Place::Header)),
        },
        BoundHeader {
            name: "authorization".parse().unwrap(),
            value: HeaderFill::Ready(HeaderValue::from_static("Bearer s3cret")),
        },
    ];
    let mut sent = headers(&[
        ("Connection", "authorization"),
        ("X-Api-Key", "client"),
        ("X-Api-Key", "client2"),
        ("X_API_KEY", "client3"),
        ("x.api-key", "client4"),
        ("x-apikey", "kept"),
        ("authorization", "Bearer client"),
        ("accept", "*/*"),
    ]);
    strip_hop_by_hop(&mut sent);
    inject_headers(&mut sent, &bound, &FACTS).unwrap();
    assert_eq!(
        shown(&sent),
        ["accept: */*", "authorization: Bearer s3cret", "x-api-key: s3cret", "x-apikey: kept", "x-trace: shop/req-1"]
    );
    for name in ["authorization", "x-api-key", "x-trace"] {
        assert!(sent[name].is_sensitive());
    }
    assert!(!format!("{sent:?}").contains("s3cret"));

    let mut trailers = headers(&[("x_api_key", "client"), ("x-sum", "42")]);
    remove_injected(&mut trailers, &bound);
    assert_eq!(shown(&trailers), ["x-sum: 42"]);
}

#[test]
fn injected_parameters_take_the_place_of_the_clients() {
    let text =
        |name: &str, template: &str| BoundText { name: name.to_owned(), value: compiled(template, Place::Query) };
    let one = [text("api_key", "{{key}}")];
    let two = [text("api_key", "{{odd}}"), text("a b", "{{route}}")];
    // query, injected, outcome
    let table: &[(Option<&str>, &[BoundText], &str)] = &[
        (None, &[], "/base/p"),
        (Some(""), &[], "/base/p?"),
        (Some("a=%2f&&b=+x&c"), &[], "/base/p?a=%2f&&b=+x&c"),
        (None, &one, "/base/p?api_key=s3cret"),
        (Some(""), &one, "/base/p?api_key=s3cret"),
        (Some("a=%2f&&b=+x&c"), &one, "/base/p?a=%2f&&b=+x&c&api_key=s3cret"),
        (Some("api_key=client"), &one, "/base/p?api_key=s3cret"),
        (Some("a=1&api_key=client&b=2"), &one, "/base/p?a=1&b=2&api_key=s3cret"),
        (Some("api_key&a=1&api_key=x&api_key="), &one, "/base/p?a=1&api_key=s3cret"),
        (Some("%61pi%5Fkey=client&a=1"), &one, "/base/p?a=1&api_key=s3cret"),
        (Some("a=1;api_key=client;b=2"), &one, "/base/p?a=1;b=2&api_key=s3cret"),
        (Some("my_api_key=1&API_KEY=2&x=api_key"), &one, "/base/p?my_api_key=1&API_KEY=2&x=api_key&api_key=s3cret"),
        (Some("%zz=1&%=2"), &one, "/base/p?%zz=1&%=2&api_key=s3cret"),
        (Some("a+b=1&a%20b=2&x={{key}}"), &two, "/base/p?x={{key}}&api_key=a%20b%26c%3D%22d%22%5C&a%20b=payments"),
    ];
    let upstream = upstream("https://h.example/base/");
    for (query, injected, outcome) in table {
        let uri = inject_target(&upstream, "/p", *query, injected, &FACTS).unwrap();
        assert_eq!(uri.to_string(), *outcome);
    }
    assert_eq!(inject_target(&upstream, "/a b", None, &one, &FACTS), Err(InjectError::Target));
    let long = "x".repeat(70_000);
    assert_eq!(inject_target(&upstream, "/", Some(&long), &one, &FACTS), Err(InjectError::Target));
}

#[test]
fn injected_members_take_the_place_of_the_clients() {
    let text = |name: &str| BoundText { name: name.to_owned(), value: compiled("{{odd}}", Place::Body) };
    let value = r#""a b&c=\"d\"\\""#;
    // body, member, outcome with V for the value
    for (body, member, outcome) in [
        ("{}", "api_key", Some(r#"{"api_key":V}"#)),
        // Other members keep their order and every digit.
        (
            r#" { "z" : 1.10, "a": 12345678901234567890123, "b":[ 1,2 ] } "#,
            "k",
            Some(r#"{"z":1.10,"a":12345678901234567890123,"b":[ 1,2 ],"k":V}"#),
        ),
        (r#"{"k":1,"a":2,"k":3}"#, "k", Some(r#"{"k":V,"a":2}"#)),
        (r#"{"\u006b":1}"#, "k", Some(r#"{"k":V}"#)),
        (r#"{"a":{"x":1},"b":2}"#, "/a/k", Some(r#"{"a":{"x":1,"k":V},"b":2}"#)),
        (r#"{"b":2}"#, "/a/b/k", Some(r#"{"b":2,"a":{"b":{"k":V}}}"#)),
        (r#"{"a":[{"x":1},{}]}"#, "/a/1/k", Some(r#"{"a":[{"x":1},{"k":V}]}"#)),
        (r#"[{}]"#, "/0/k", None),
        (r#"{"a":[{}]}"#, "/a/1/k", None),
        (r#"{"a":[{}]}"#, "/a/00/k", None),
        (r#"{"a":[{}]}"#, "/a/-/k", None),
        (r#"{"a":1}"#, "/a/k", None),
        (r#"{"a":null}"#, "/a/k", None),
        ("{}", "/x~1y~0z", Some(r#"{"x/y~z":V}"#)),
        ("", "k", None),
        ("[]", "k", None),
        ("null", "k", None),
        ("{", "k", None),
        ("{} {}", "k", None),
        (r#"{"a":tru}"#, "k", None),
        (r#"{"a":"{{key}}"}"#, "k", Some(r#"{"a":"{{key}}","k":V}"#)),
    ] {
        let found = inject_body(body.as_bytes(), &[text(member)], &FACTS);
        let found = found.ok().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        assert_eq!(found, outcome.map(|outcome| outcome.replace('V', value)), "{body} {member}");
    }
    let both = inject_body(b"{}", &[text("/a/x"), text("/a/y")], &FACTS).unwrap();
    assert_eq!(both, r#"{"a":{"x":V,"y":V}}"#.replace('V', value));
    assert_eq!(inject_body(b"\xff", &[text("k")], &FACTS), Err(InjectError::NotJson));
    assert_eq!(inject_body(br#"{"a":1}"#, &[text("/a/k")], &FACTS), Err(InjectError::NoSuchPlace("/a/k".to_owned())));
}

#[test]
fn bodies_that_are_json_say_so() {
    for (kind, coding, json) in [
        ("application/json", None, true),
        ("Application/JSON; charset=utf-8", None, true),
        ("application/vnd.api+json", None, true),
        ("application/json", Some("identity"), true),
        ("application/json", Some("gzip"), false),
        ("text/plain", None, false),
        ("application/jsonp", None, false),
        ("+json", None, false),
        ("multipart/form-data; x=application/json", None, false),
    ] {
        let mut headers = headers(&[("content-type", kind)]);
        if let Some(coding) = coding {
            headers.insert("content-encoding", HeaderValue::from_static(coding));
        }
        assert_eq!(announced(&headers) == Announced::Json, json, "{kind} {coding:?}");
    }
    assert_eq!(announced(&HeaderMap::new()), Announced::Other);
}

#[test]
fn bodies_that_two_readers_would_read_differently_are_unreadable() {
    let json = ("content-type", "application/json");
    for (lines, expected) in [
        (&[json][..], Announced::Json),
        (&[json, ("content-encoding", "Identity, ")], Announced::Json),
        (&[("content_type", "application/json; a=\"b,c\"")], Announced::Json),
        (&[json, ("content-encoding", "gzip")], Announced::Unreadable),
        (&[json, ("content.encoding", "gzip")], Announced::Unreadable),
        (&[json, json], Announced::Unreadable),
        (&[("content-type", "text/plain"), json], Announced::Unreadable),
        (&[("content-type", "text/plain"), ("content_type", "a/b+json")], Announced::Unreadable),
        (&[("content-type", "text/plain, application/json")], Announced::Unreadable),
        (&[("content-type", "application/json, text/plain")], Announced::Unreadable),
        (&[("content-type", "text/plain"), ("content-encoding", "gzip")], Announced::Other),
        (&[], Announced::Other),
    ] {
        assert_eq!(announced(&headers(lines)), expected, "{lines:?}");
    }
}
