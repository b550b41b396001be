//! Phase 4 through the front door: what the upstream gets, byte for byte, and when it gets nothing.

mod common;

use common::{NOW, Rig, World, all_headers, code, key, request, secret};
use model::time::{Span, Timestamp};
use serde_json::{Value, json};
use testkit::{Connection, Upstream};

#[test]
fn injected_headers_arrive_byte_for_byte_and_the_clients_never_beside_them() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.add_secret(secret("partner"), Some("pk $1 {{api_key}} ü\t\"x\""));
    world.add_secret(secret("database"), Some("postgres://u:p%40@db/x?a=b"));
    world.route(
        "r",
        &upstream.url(),
        &json!({
            "inject": {"headers": {
                "Authorization": "Bearer {{api_key}}",
                "X-Partner-Key": "{{partner}}",
                "X-Database": "{{database}}",
                "X-Basic": {"basic": {"username": "{{api_key}}", "password": "p"}},
                "X-Facts": "{{route}} {{environment}} {{client}} {{request_id}} {{timestamp}}",
            }},
            "remove_headers": ["X-Debug", "Cookie"],
        }),
    );
    let rig = Rig::start(world);
    let key = key(1);
    let reply = rig.raw(testkit::wire::request(
        "GET",
        "/r/x",
        &[
            ("Host", "gateway.test"),
            ("Keyroll-Key", &key),
            ("Authorization", "Bearer client"),
            ("x_partner_key", "client"),
            ("X.Partner-Key", "client"),
            ("X_DATABASE", "client"),
            ("X-Basic", "client"),
            ("X-Basic", "client"),
            ("Connection", "close, authorization, x-partner-key, x-hop, host"),
            ("X-Hop", "1"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Authorization", "Basic x"),
            ("Proxy-Connection", "keep-alive"),
            ("Upgrade", "websocket"),
            ("TE", "gzip"),
            ("Expect", "100-continue"),
            ("Keyroll-Trace", "1"),
            ("keyroll_other", "1"),
            ("x_debug", "1"),
            ("Cookie", "a=b"),
            ("Accept", "text/plain; q={{api_key}}"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("X-Request-Id", "client.id-1_2"),
        ],
        b"",
    ));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let record = upstream.last();
    let mut expected: Vec<(&str, &str)> = vec![
        ("authorization", "Bearer sk_live_4242"),
        ("x-partner-key", "pk $1 {{api_key}} ü\t\"x\""),
        ("x-database", "postgres://u:p%40@db/x?a=b"),
        ("x-basic", "Basic c2tfbGl2ZV80MjQyOnA="),
        ("x-facts", "r production app client.id-1_2 2026-11-23T14:00:00.000Z"),
        ("accept", "text/plain; q={{api_key}}"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-request-id", "client.id-1_2"),
        ("via", "1.1 keyroll"),
    ];
    let host = upstream.address().to_string();
    expected.push(("host", &host));
    let mut headers = all_headers(&record.headers);
    // Whether the guard asks for something is its own affair.
    headers.remove("accept-encoding");
    let expected = expected.into_iter().map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).collect();
    assert_eq!(headers, expected);
}

#[test]
fn a_request_id_that_is_not_sane_is_replaced() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    for bad in ["a b", "a/b", "{{api_key}}", &"x".repeat(129)] {
        assert_eq!(rig.call("GET", "/r/", &[("X-Request-Id", bad), ("X_Request_Id", "x")], b"").status, 200);
        let [id] = &upstream.last().all("x-request-id")[..] else { panic!("one id") };
        assert!(id.starts_with("req_"), "{id}");
        assert_eq!(upstream.last().header("x_request_id"), None);
    }
    let problem = rig.call("GET", "/nothing/", &[("X-Request-Id", "mine")], b"").json();
    assert_eq!(problem["request_id"], "mine");
}

#[test]
fn query_parameters_are_injected_and_the_rest_stays() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.add_secret(secret("odd"), Some("a&b=c d%"));
    world.route("r", &upstream.url(), &json!({"inject": {"query": {"key": "{{odd}}"}}}));
    let rig = Rig::start(world);
    for (path, target) in [
        ("/r/x", "/x?key=a%26b%3Dc%20d%25"),
        ("/r/x?a=%20&b", "/x?a=%20&b&key=a%26b%3Dc%20d%25"),
        ("/r/x?key=1&a=1&k%65y=2", "/x?a=1&key=a%26b%3Dc%20d%25"),
    ] {
        assert_eq!(rig.get(path).status, 200);
        assert_eq!(upstream.last().target, target);
    }
}

#[test]
fn members_of_json_bodies() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.add_secret(secret("odd"), Some("q\"\\\n"));
    world.route("r", &upstream.url(), &json!({"inject": {"body": {"token": "{{odd}}", "/auth/key": "{{api_key}}"}}}));
    let rig = Rig::start(world);
    let json = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    for (method, kind) in
        [("POST", "application/json"), ("PUT", "Application/JSON; charset=utf-8"), ("PATCH", "application/a+json")]
    {
        let reply = rig.call(method, "/r/", &[("Content-Type", kind)], br#"{"token":"client","n":1.50}"#);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let record = upstream.last();
        assert_eq!(json(&record.body), json!({"token": "q\"\\\n", "n": 1.5, "auth": {"key": "sk_live_4242"}}));
        assert_eq!(record.header("content-length"), Some(record.body.len().to_string()));
    }
    // Chunked bodies too.
    let head = format!("POST /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\nContent-Type: application/json\r\n", key(1));
    assert_eq!(rig.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n1\r\n}}\r\n0\r\n\r\n")).status, 200);
    assert_eq!(json(&upstream.last().body)["auth"]["key"], "sk_live_4242");
    // Other requests pass without.
    for (method, kind) in [("POST", "text/plain"), ("DELETE", "application/json")] {
        assert_eq!(rig.call(method, "/r/", &[("Content-Type", kind)], b"not json").status, 200);
        assert_eq!(upstream.last().body, b"not json");
    }
    let before = upstream.count();
    for bad in ["", "[]", "1", "{", "{} {}", "\"x\""] {
        let reply = rig.call("POST", "/r/", &[("Content-Type", "application/json")], bad.as_bytes());
        assert_eq!((reply.status, code(&reply).as_str()), (400, "body-not-json"), "{bad}");
    }
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024));
    let reply = rig.call("POST", "/r/", &[("Content-Type", "application/json")], large.as_bytes());
    assert_eq!(code(&reply), "request-too-large");
    assert_eq!(upstream.count(), before);
}

#[test]
fn what_cannot_be_filled_is_not_sent() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    let body = json!({"body": {"token": "{{api_key}}"}});
    world.route("r", &upstream.url(), &json!({"inject": body, "remove_headers": ["X-Debug"]}));
    world.route("plain", &upstream.url(), &json!({}));
    let typed = json!({"headers": {"Content-Type": "application/json"}, "body": {"token": "{{api_key}}"}});
    world.route("typed", &upstream.url(), &json!({"inject": typed}));
    world.route("removed", &upstream.url(), &json!({"inject": body, "remove_headers": ["Content-Type"]}));
    let rig = Rig::start(world);
    let json = ("Content-Type", "application/json");
    for headers in [
        &[json, ("Content-Encoding", "gzip")][..],
        &[json, ("Content-Encoding", "identity, br")],
        &[json, ("Content_Encoding", "gzip")],
        &[json, ("Content-Encoding", "gzip"), ("Connection", "content-encoding")],
        &[json, ("Content-Type", "text/plain")],
        &[("Content-Type", "text/plain"), json],
        &[json, json],
        &[json, ("Content_Type", "text/plain")],
        &[("Content-Type", "text/plain, application/json")],
    ] {
        for method in ["POST", "PUT", "PATCH"] {
            let reply = rig.call(method, "/r/", headers, b"{}");
            assert_eq!((reply.status, code(&reply).as_str()), (415, "body-not-readable"), "{method} {headers:?}");
        }
        assert_eq!(upstream.count(), 0);
    }
    // What can be filled is filled, however hard the client makes it.
    let odd = [b"application/json; a=\"".to_vec(), vec![0xfc], b"\"".to_vec()].concat();
    let mut raw =
        format!("POST /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\nContent-Length: 2\r\n", key(1)).into_bytes();
    raw.extend_from_slice(&[b"Content-Type: ", &odd[..], b"\r\n\r\n{}"].concat());
    assert_eq!(rig.raw(raw).status, 200);
    assert_eq!(upstream.last().body, br#"{"token":"sk_live_4242"}"#);
    for (path, headers) in [
        ("/r/", &[json][..]),
        ("/r/", &[json, ("Connection", "content-type")]),
        ("/r/", &[json, ("Content-Encoding", "Identity")]),
        ("/r/", &[("Content_Type", "application/json")]),
        ("/removed/", &[json]),
        ("/typed/", &[("Content-Type", "text/plain")]),
    ] {
        assert_eq!(rig.call("POST", path, headers, b"{}").status, 200, "{path} {headers:?}");
        assert_eq!(upstream.last().body, br#"{"token":"sk_live_4242"}"#, "{path} {headers:?}");
    }
    // Elsewhere, and for what is not JSON, nothing of this matters.
    let gzip = ("Content-Encoding", "gzip");
    for (path, headers) in [("/plain/", [json, gzip]), ("/r/", [("Content-Type", "text/plain"), gzip])] {
        assert_eq!(rig.call("POST", path, &headers, b"packed").status, 200);
        assert_eq!(upstream.last().body, b"packed");
    }
}

#[test]
fn bodies_that_are_filled_are_held_in_bounded_memory() {
    let upstream = Upstream::ok();
    let settings = json!({"inject": {"body": {"token": "{{api_key}}"}}, "max_request_body": 64 * 1024 * 1024});
    let rig = Rig::to_with(&upstream, &settings);
    let body = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    let json = ("Content-Type", "application/json");
    let (fits, large) = (body(8 * 1024 * 1024), body(8 * 1024 * 1024 + 1));
    assert_eq!(rig.call("POST", "/r/", &[json], fits.as_bytes()).status, 200);
    assert!(upstream.last().body.len() > fits.len());
    let before = upstream.count();
    let head = format!("POST /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\nContent-Type: application/json\r\n", key(1));
    let announced = rig.raw(format!("{head}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", large.len()));
    assert_eq!((announced.status, code(&announced).as_str()), (413, "request-too-large"));
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    assert_eq!(code(&rig.raw(chunked)), "request-too-large");
    assert_eq!(upstream.count(), before);
    assert_eq!(rig.call("POST", "/r/", &[], large.as_bytes()).status, 200, "what is streamed may be longer");
}

#[test]
fn bodies_may_not_be_longer_than_the_route_allows() {
    let upstream = Upstream::ok();
    let rig = Rig::to_with(&upstream, &json!({"max_request_body": 10}));
    let chunked = |body: &str| {
        let head = format!("POST /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\n", key(1));
        rig.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
    };
    assert_eq!(rig.call("POST", "/r/", &[], b"0123456789").status, 200);
    assert_eq!(chunked("0123456789").status, 200);
    assert_eq!(upstream.last().body, b"0123456789");
    let before = upstream.count();
    let announced = rig.call("POST", "/r/", &[], b"0123456789a");
    assert_eq!((announced.status, code(&announced).as_str()), (413, "request-too-large"));
    let streamed = chunked("0123456789a");
    assert_eq!((streamed.status, code(&streamed).as_str()), (413, "request-too-large"));
    assert_eq!(upstream.count(), before, "no whole request arrives");
}

#[test]
fn trailers_cannot_carry_what_headers_may_not() {
    let upstream = Upstream::ok();
    let rig = Rig::to_with(&upstream, &json!({"remove_headers": ["X-Debug"]}));
    let names = "X-Sum, Authorization, X-Debug, Keyroll-Key, Connection, Content_Length, X-Copy";
    let head = format!("POST /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\nTrailer: {names}\r\n", key(1));
    let trailers = "X-Sum: 1\r\nAuthorization: Bearer client\r\nX-Debug: 1\r\nKeyroll-Key: krk_x\r\nConnection: x\r\n";
    let trailers = format!("{trailers}Content_Length: 5\r\nX-Copy: {}\r\n", key(1));
    let body = format!("Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n{trailers}\r\n");
    assert_eq!(rig.raw(format!("{head}{body}")).status, 200);
    let record = upstream.last();
    assert_eq!(record.body, b"hi");
    let trailers: Vec<String> = record.trailers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    assert_eq!(trailers, ["x-sum"]);
}

#[test]
fn where_a_secret_cannot_be_used_nothing_is_sent() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    let mut strict = secret("strict");
    strict.strict_expiry = true;
    strict.expires_at = Some(Timestamp::from_millis(NOW).plus(Span::from_secs(60)));
    world.add_secret(strict, Some("s"));
    world.add_secret(secret("sealed"), None);
    world.add_secret(secret("lines"), Some("a\nb"));
    let mut elsewhere = secret("elsewhere");
    elsewhere.limits.allowed_hosts = Some(["api.example.com".parse().unwrap()].into());
    world.add_secret(elsewhere, Some("e"));
    let mut here = secret("here");
    here.limits.allowed_hosts = Some(["127.0.0.1".parse().unwrap()].into());
    world.add_secret(here, Some("h"));
    for name in ["strict", "sealed", "lines", "elsewhere", "here", "absent"] {
        world.route(name, &upstream.url(), &json!({"inject": {"headers": {"X-K": format!("{{{{{name}}}}}")}}}));
    }
    let rig = Rig::start(world);
    for (route, wanted) in [
        ("strict", None),
        ("here", None),
        ("sealed", Some("secret-unusable")),
        ("lines", Some("secret-unusable")),
        ("elsewhere", Some("secret-not-allowed")),
        ("absent", Some("secret-not-found")),
    ] {
        let reply = rig.get(&format!("/{route}/"));
        let got = (reply.status == 503).then(|| code(&reply));
        assert_eq!((reply.status == 200, got.as_deref()), (wanted.is_none(), wanted), "{route}");
    }
    rig.clock.advance(60_000);
    assert_eq!(code(&rig.get("/strict/")), "secret-expired");
    assert_eq!(rig.get("/here/").status, 200);
    assert_eq!(upstream.count(), 3);
}

#[test]
fn the_hosts_of_secrets_are_looked_at_once_more_before_sending() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    let rig = Rig::start(world);
    assert_eq!(rig.get("/r/").status, 200);
    // A snapshot that is wrong about it: what binding should have caught, the last look catches.
    let mut wrong = rig.world.snapshot();
    let route = std::sync::Arc::get_mut(wrong.routes.get_mut("r").unwrap()).unwrap();
    let bound = std::sync::Arc::get_mut(route.environments.get_mut("production").unwrap()).unwrap();
    bound.host_limits = vec![vec!["127.0.0.1".parse().unwrap()], vec!["*.example.com".parse().unwrap()]];
    rig.snapshot.store(Some(std::sync::Arc::new(wrong)));
    assert_eq!(code(&rig.get("/r/")), "secret-not-allowed");
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let mut connection: Connection = rig.connect();
    let whole = request("POST", "/r/", &[("Expect", "100-continue")], b"hello");
    let (head, body) = whole.split_at(whole.len() - 5);
    connection.send(head).unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(connection.stream(), &mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 100 "), "{line}");
    connection.send(body).unwrap();
    line.clear();
    std::io::BufRead::read_line(connection.stream(), &mut line).unwrap();
    assert_eq!(connection.reply(false).unwrap().status, 200);
    assert_eq!(upstream.last().body, b"hello");
    // One that may not send it is told so before it does.
    let whole = request("POST", "/nothing/", &[("Expect", "100-continue")], b"hello");
    connection.send(&whole[..whole.len() - 5]).unwrap();
    line.clear();
    std::io::BufRead::read_line(connection.stream(), &mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 404 "), "{line}");
}

#[test]
fn a_refusal_is_not_lost_under_a_body_that_is_still_coming() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let body = vec![b'x'; 900 * 1024];
    let mut connection = rig.connect();
    for _ in 0..5 {
        let reply = connection.call(&request("POST", "/nothing/", &[], &body)).unwrap();
        assert_eq!(code(&reply), "route-not-found");
    }
    assert_eq!(connection.call(&request("GET", "/r/", &[], b"")).unwrap().status, 200);
}
