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
    for headers in [[("X-Api-Key", other.as_str())], [("Keyroll-Key", &other)], [("Keyroll_Key", &other)]] {
        let reply = rig.call("GET", "/r/", &headers, b"");
        assert_eq!(code(&reply), "client-key-ambiguous", "{headers:?}");
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(rig.call("GET", "/r/", &[("X-Api-Key", "theirs")], b"").status, 200);
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
