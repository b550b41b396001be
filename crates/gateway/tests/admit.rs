//! Phase 2 through the front door: what is refused, with a twin that is not, and who is let in.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{NOW, Rig, World, client, code, key, request};
use model::time::Timestamp;
use serde_json::json;
use testkit::Upstream;

#[test]
fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let key = key(1);
    let auth = format!("Keyroll-Key: {key}\r\n");
    // what, request, whether it passes
    for (what, bytes, passes) in [
        ("one Host", format!("GET /r/ HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), true),
        ("no Host", format!("GET /r/ HTTP/1.1\r\n{auth}\r\n"), false),
        ("two Hosts", format!("GET /r/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n{auth}\r\n"), false),
        ("an empty Host", format!("GET /r/ HTTP/1.1\r\nHost:\r\n{auth}\r\n"), false),
        ("a Host with a user", format!("GET /r/ HTTP/1.1\r\nHost: b@a\r\n{auth}\r\n"), false),
        ("a Host with a port that is none", format!("GET /r/ HTTP/1.1\r\nHost: a:x\r\n{auth}\r\n"), false),
        ("a Host with a port", format!("GET /r/ HTTP/1.1\r\nHost: a:8080\r\n{auth}\r\n"), true),
        ("absolute form", format!("GET http://a:80/r/ HTTP/1.1\r\nHost: A\r\n{auth}\r\n"), true),
        ("absolute form, other host", format!("GET http://b/r/ HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), false),
        ("absolute form, other port", format!("GET http://a:81/r/ HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), false),
        ("absolute form, other scheme", format!("GET ftp://a/r/ HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), false),
        ("OPTIONS /", format!("OPTIONS /r/ HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), true),
        ("OPTIONS *", format!("OPTIONS * HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), false),
        ("TRACE", format!("TRACE /r/ HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), false),
        ("CONNECT", format!("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n{auth}\r\n"), false),
        ("chunked", format!("POST /r/ HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), true),
        ("gzip", format!("POST /r/ HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: gzip\r\n\r\n"), false),
        (
            "gzip, chunked",
            format!("POST /r/ HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            false,
        ),
        (
            "chunked twice",
            format!(
                "POST /r/ HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\
                 Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            false,
        ),
        (
            "two lengths",
            format!("POST /r/ HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            false,
        ),
        ("a length with a sign", format!("POST /r/ HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: +1\r\n\r\na"), false),
        ("folding", format!("GET /r/ HTTP/1.1\r\nHost: a\r\n{auth}X: a\r\n b\r\n\r\n"), false),
        ("a bare line feed", format!("GET /r/ HTTP/1.1\r\nHost: a\r\n{auth}X: a\nY: b\r\n\r\n"), false),
        ("a bare carriage return", format!("GET /r/ HTTP/1.1\r\nHost: a\r\n{auth}X: a\rY: b\r\n\r\n"), false),
        ("a space before the colon", format!("GET /r/ HTTP/1.1\r\nHost: a\r\n{auth}X : a\r\n\r\n"), false),
        ("a fragment", format!("GET /r/x#frag HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), false),
        ("an encoded #", format!("GET /r/x%23frag HTTP/1.1\r\nHost: a\r\n{auth}\r\n"), true),
        (
            "a huge length",
            format!("POST /r/ HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: {}\r\n\r\n", u128::MAX),
            false,
        ),
        ("a NUL", format!("GET /r/ HTTP/1.1\r\nHost: a\r\n{auth}X: a\0b\r\n\r\n"), false),
    ] {
        let before = upstream.count();
        let mut connection = rig.connect();
        let reply = connection.call(bytes.as_bytes()).unwrap();
        let status = if passes { 200 } else { 400 };
        let status = if matches!(what, "TRACE" | "CONNECT") { 405 } else { status };
        assert_eq!(reply.status, status, "{what}: {}", reply.text());
        assert_eq!(upstream.count() - before, usize::from(passes), "{what}");
        if !passes {
            let wanted = if status == 405 { "method-not-allowed" } else { "request-invalid" };
            assert_eq!(code(&reply), wanted, "{what}");
            let next = connection.call(&request("GET", "/r/", &[], b""));
            assert!(next.is_err(), "{what}: the connection is closed");
        }
    }
}

#[test]
fn the_eye_on_line_feeds_cannot_be_led_astray() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let head = |value: &str| {
        format!("POST /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\nContent-Length: {value}\r\n\r\n", key(1))
    };
    let bare = format!("GET /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\nX: a\nX-Hidden: b\r\n\r\n", key(1));
    for value in ["12".to_owned(), format!("{}12", " ".repeat(60)), format!("{}12", "0".repeat(60))] {
        upstream.clear();
        let mut connection = rig.connect();
        let body = "a\nb\nc\n\n\r\n\n\nd";
        for _ in 0..2 {
            assert_eq!(connection.call(format!("{}{body}", head(&value)).as_bytes()).unwrap().status, 200);
            assert_eq!(upstream.last().body, body.as_bytes(), "{value:?}: the body arrives as it was sent");
        }
        // Also where it does not come at once.
        let (first, second) = bare.split_at(bare.len() - 10);
        connection.send(first.as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        let refused = connection.call(second.as_bytes()).unwrap();
        assert_eq!((refused.status, code(&refused).as_str()), (400, "request-invalid"), "{value:?}");
        assert!(connection.call(&request("GET", "/r/", &[], b"")).is_err(), "the connection is closed");
        assert_eq!(upstream.count(), 2);
    }
}

#[test]
fn transfer_encoding_beside_content_length_wins_and_the_connection_closes() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    for headers in
        ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
    {
        let smuggled = String::from_utf8(request("GET", "/r/smuggled", &[], b"")).unwrap();
        let bytes = format!(
            "POST /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\n{headers}\r\n\r\n5\r\nhello\r\n0\r\n\r\n{smuggled}",
            key(1)
        );
        upstream.clear();
        let mut connection = rig.connect();
        assert_eq!(connection.call(bytes.as_bytes()).unwrap().status, 200);
        assert!(connection.reply(false).is_err(), "nothing after it is read as a request");
        let [only] = &upstream.records()[..] else { panic!("one request reaches the upstream") };
        assert_eq!(only.body, b"hello");
        assert!(only.header("content-length").is_none() || only.header("transfer-encoding").is_none());
    }
}

#[test]
fn a_key_is_taken_from_wherever_it_stands_and_goes_no_further() {
    let upstream = Upstream::ok();
    let rig = Rig::to_with(&upstream, &json!({"inject": {"headers": {"X-Token": "{{api_key}}"}}}));
    let key = key(1);
    let user = format!("Basic {}", STANDARD.encode(format!("{key}:")));
    let password = format!("Basic {}", STANDARD.encode(format!("any:{key}")));
    let bearer = format!("Bearer {key}");
    for (name, value) in [
        ("Keyroll-Key", &key),
        ("Authorization", &bearer),
        ("Authorization", &user),
        ("Authorization", &password),
        ("X-Api-Key", &key),
        ("Api-Key", &key),
    ] {
        let reply = rig.raw(testkit::wire::request("GET", "/r/", &[("Host", "a"), (name, value)], b""));
        assert_eq!(reply.status, 200, "{name}: {value}");
        let record = upstream.last();
        assert_eq!(record.header("x-token").as_deref(), Some("sk_live_4242"));
        assert_eq!(record.header(name), None, "{name} is removed");
        assert!(!String::from_utf8_lossy(&record.head).contains("krk_"));
    }
    // A foreign Authorization beside our key is the client's own header.
    let reply = rig.call("GET", "/r/", &[("Authorization", "Bearer theirs"), ("X-Api-Key", "theirs")], b"");
    assert_eq!(reply.status, 200);
    assert_eq!(upstream.last().header("authorization").as_deref(), Some("Bearer theirs"));
    assert_eq!(upstream.last().header("x-api-key").as_deref(), Some("theirs"));
}

#[test]
fn bad_keys_get_one_and_the_same_answer() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    let mut disabled = client("disabled");
    disabled.disabled = true;
    let mut expired = client("expired");
    expired.expires_at = Some(Timestamp::from_millis(NOW));
    let mut ending = client("ending");
    ending.expires_at = Some(Timestamp::from_millis(NOW + 1));
    world.clients.extend([(key(2), disabled), (key(3), expired), (key(4), ending)]);
    let rig = Rig::start(world);
    let call = |key: &str| rig.raw(testkit::wire::request("GET", "/r/", &[("Host", "a"), ("Keyroll-Key", key)], b""));

    assert_eq!(call(&key(1)).status, 200);
    assert_eq!(call(&key(4)).status, 200);
    let mut answers = Vec::new();
    for bad in [&key(9), &key(2), &key(3), "krk_x", "no key at all", ""] {
        let reply = call(bad);
        assert_eq!(code(&reply), "client-key-invalid", "{bad}");
        let mut problem = reply.json();
        problem["request_id"] = json!("");
        answers.push(problem);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "nobody learns which it was");
    let missing = rig.raw("GET /r/ HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((missing.status, code(&missing).as_str()), (401, "client-key-missing"));
    assert_eq!(upstream.count(), 2);
    // An unknown route shows nothing to somebody without a key.
    let unknown = rig.raw("GET /nothing/ HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(code(&unknown), "client-key-missing");
    rig.clock.advance(1);
    assert_eq!(code(&call(&key(4))), "client-key-invalid", "it ends while connections stay open");
}

#[test]
fn two_keys_are_refused() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let other = key(1);
    let (token, bearer, tabbed) = (format!("Token {other}"), format!("Bearer {other}"), format!("Bearer\t{other}"));
    let basic = format!("Basic\t{}", STANDARD.encode(format!("x-{other}:")));
    let cookie = format!("a=b; key={other}");
    for header in [
        ("X-Api-Key", other.as_str()),
        ("Keyroll-Key", &other),
        ("Authorization", &token),
        ("Authorization", &tabbed),
        ("Authorization", &basic),
        ("Proxy-Authorization", &bearer),
        ("X-Api-Key", &bearer),
        ("Api_Key", &bearer),
        ("Cookie", &cookie),
    ] {
        let reply = rig.call("GET", "/r/", &[header], b"");
        assert_eq!((reply.status, code(&reply).as_str()), (400, "client-key-ambiguous"), "{header:?}");
    }
    assert_eq!(upstream.count(), 0);
    for header in [("X-Api-Key", "theirs"), ("Authorization", "Token krk_theirs"), ("Cookie", "a=krk_")] {
        assert_eq!(rig.call("GET", "/r/", &[header], b"").status, 200, "{header:?}");
    }
}

#[test]
fn keys_do_not_belong_into_urls() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    for path in [format!("/r/?api_key={}", key(1)), format!("/r/?a=b&c={}&d", key(9)), format!("/r/{}/x", key(1))] {
        let reply = rig.get(&path);
        assert_eq!((reply.status, code(&reply).as_str()), (400, "request-invalid"), "{path}");
        assert!(!reply.text().contains("krk_"));
        let alone = rig.raw(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(code(&alone), "request-invalid", "{path}");
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(rig.get("/r/krk_x?api_key=krk_abc").status, 200);
    // Nor into ids that are logged.
    assert_eq!(code(&rig.call("GET", "/r/", &[("X-Request-Id", &key(1))], b"")), "client-key-ambiguous");
}

#[test]
fn methods_are_written_in_capitals() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    for method in ["get", "Post", "pUT", "patch", "trace", "Trace", "connect", "options"] {
        let reply = rig.call(method, "/r/", &[], b"");
        assert_eq!((reply.status, code(&reply).as_str()), (400, "request-invalid"), "{method}");
    }
    assert_eq!(upstream.count(), 0);
    for method in ["GET", "POST", "PROPFIND", "my-method"] {
        assert_eq!(rig.call(method, "/r/", &[], b"").status, 200, "{method}");
        assert_eq!(upstream.last().method, method);
    }
}

#[test]
fn our_own_headers_are_obeyed_or_refused() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    for header in ["Keyroll_Environment", "keyroll.environment", "Keyroll_Key", "KEYROLL-KEY.", "keyroll.key"] {
        let reply = rig.call("GET", "/r/", &[(header, "production")], b"");
        let wanted = if header.ends_with("KEY.") { (200, None) } else { (400, Some("request-invalid")) };
        assert_eq!((reply.status, wanted.1.map(|_| code(&reply)).as_deref()), wanted, "{header}");
    }
    assert_eq!(rig.call("GET", "/r/", &[("KEYROLL-ENVIRONMENT", "production")], b"").status, 200);
    assert_eq!(code(&rig.call("GET", "/r/", &[("Keyroll-Environment", "staging")], b"")), "client-not-allowed");
}

#[test]
fn aliases_of_framing_go_no_further() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let aliases = [
        ("Transfer_Encoding", "chunked"),
        ("Content_Length", "5"),
        ("Content.Length", "5"),
        ("Keep_Alive", "timeout=5"),
        ("Proxy_Authorization", "Basic x"),
        ("Proxy.Connection", "close"),
        ("Http2_Settings", "AAAA"),
        ("X_Other", "1"),
    ];
    assert_eq!(rig.call("POST", "/r/", &aliases, b"hello, world").status, 200);
    let record = upstream.last();
    assert_eq!((record.body.as_slice(), record.all("content-length")), (&b"hello, world"[..], vec!["12".to_owned()]));
    assert_eq!(record.header("x_other").as_deref(), Some("1"));
    for (name, _) in &aliases[..7] {
        assert_eq!(record.header(name), None, "{name}");
    }
}

#[test]
fn addresses_and_loops() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    let mut far = client("far");
    far.allowed_ips = vec!["10.0.0.0/8".parse().unwrap()];
    let mut near = client("near");
    near.allowed_ips = vec!["10.0.0.0/8".parse().unwrap(), "127.0.0.0/8".parse().unwrap()];
    world.clients.extend([(key(2), far), (key(3), near)]);
    let rig = Rig::start(world);
    let call = |key: &str| rig.raw(testkit::wire::request("GET", "/r/", &[("Host", "a"), ("Keyroll-Key", key)], b""));
    assert_eq!(code(&call(&key(2))), "client-not-allowed");
    assert_eq!(call(&key(3)).status, 200);

    let looped = rig.call("GET", "/r/", &[("Via", "1.0 fred, 1.1 Keyroll (x)"), ("Connection", "via")], b"");
    assert_eq!((looped.status, code(&looped).as_str()), (508, "loop-detected"));
    assert_eq!(rig.call("GET", "/r/", &[("Via", "1.0 fred, 1.1 keyroller")], b"").status, 200);
    assert_eq!(upstream.last().all("via"), ["1.0 fred, 1.1 keyroller", "1.1 keyroll"]);
}
