//! Phases 5 to 7 through the front door: the answer, the failures of either side, and what is counted.

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::{NOW, Rig, World, code, key, request};
use gateway::Limits;
use model::time::Timestamp;
use serde_json::json;
use testkit::{Answer, Upstream};

#[test]
fn an_upstreams_own_answer_passes_and_is_marked_as_its_own() {
    let upstream = Upstream::start(|_| {
        Answer::text(401, "who are you?")
            .header("WWW-Authenticate", "Bearer")
            .header("Proxy-Status", "keyroll; error=connection_refused")
            .header("Proxy-Status", "cdn; hit")
            .header("Via", "1.1 cdn")
            .header("Connection", "x-hop")
            .header("X-Hop", "1")
            .header("Keep-Alive", "timeout=5")
            .header("TE", "trailers")
            .header("Transfer_Encoding", "chunked")
            .header("Set-Cookie", "a=1")
            .header("Set-Cookie", "b=2")
    });
    let rig = Rig::to(&upstream);
    let reply = rig.get("/r/");
    assert_eq!((reply.status, reply.text().as_str()), (401, "who are you?"));
    let headers = common::all_headers(&reply.headers);
    assert_eq!(headers["proxy-status"], ["cdn; hit", "keyroll; received-status=401"]);
    assert_eq!(headers["via"], ["1.1 cdn", "1.1 keyroll"]);
    assert_eq!(headers["set-cookie"], ["a=1", "b=2"]);
    assert_eq!(headers["www-authenticate"], ["Bearer"]);
    for name in ["x-hop", "keep-alive", "te", "transfer_encoding", "connection"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    // Redirects are the client's to follow.
    upstream.answer_with(|_| Answer::text(302, "").header("Location", "https://elsewhere.test/x"));
    let redirect = rig.get("/r/");
    assert_eq!((redirect.status, redirect.header("location").as_deref()), (302, Some("https://elsewhere.test/x")));
}

#[test]
fn answers_without_a_body() {
    let upstream = Upstream::start(|request| match request.target.as_str() {
        "/head" => Answer::text(200, "0123456789"),
        "/304" => Answer::text(304, "").header("ETag", "\"x\""),
        _ => Answer::text(204, ""),
    });
    let rig = Rig::to(&upstream);
    let mut connection = rig.connect();
    let head = connection.call(&request("HEAD", "/r/head", &[], b"")).unwrap();
    assert_eq!(head.header("content-length").as_deref(), Some("10"));
    for (path, status) in [("/r/204", 204), ("/r/304", 304), ("/r/204", 204)] {
        assert_eq!(connection.call(&request("GET", path, &[], b"")).unwrap().status, status);
    }
    let refused = connection.call(&request("HEAD", "/nothing/", &[], b"")).unwrap();
    assert_eq!(refused.status, 404);
    assert_eq!(connection.call(&request("GET", "/r/204", &[], b"")).unwrap().status, 204);
    assert_eq!(upstream.connections(), 1, "the upstream's connection is used again");
}

#[test]
fn ten_mebibytes_each_way() {
    let upstream = Upstream::start(|request| Answer::text(200, request.body.clone()));
    let rig = Rig::to(&upstream);
    let body: Vec<u8> = (0..10 * 1024 * 1024_u32).map(|number| (number % 251) as u8).collect();
    let reply = rig.call("POST", "/r/", &[], &body);
    assert_eq!(reply.status, 200);
    assert!(reply.body == body, "what comes back is what was sent");
}

#[test]
fn events_are_passed_on_as_they_come() {
    let upstream = Upstream::start(|_| {
        let event = |text: &str| (Duration::from_millis(400), text.as_bytes().to_vec());
        Answer::chunks(200, vec![(Duration::ZERO, b"data: 1\n\n".to_vec()), event("data: 2\n\n")])
            .header("Content-Type", "text/event-stream")
    });
    let rig = Rig::to(&upstream);
    let mut connection = rig.connect();
    let start = Instant::now();
    connection.send(&request("GET", "/r/", &[], b"")).unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.windows(7).any(|window| window == b"data: 1") {
        let count = connection.stream().read(&mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..count]);
    }
    assert!(start.elapsed() < Duration::from_millis(350), "the first event did not wait for the second");
}

#[test]
fn an_answer_that_is_cut_off_never_looks_whole() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let upstream = Upstream::start(move |_| Answer::raw(bytes));
        let rig = Rig::to(&upstream);
        let result = rig.connect().call(&request("GET", "/r/", &[], b""));
        assert!(result.is_err(), "{bytes:?} gave {result:?}");
    }
}

#[test]
fn broken_answers_are_the_upstreams_fault() {
    for (bytes, what) in [
        ("", "no answer"),
        ("SSH-2.0-x\r\n", "not HTTP"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "an unsolicited 101"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "two framings"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "two lengths"),
    ] {
        let upstream = Upstream::start(move |_| Answer::raw(bytes));
        let rig = Rig::to(&upstream);
        let reply = rig.get("/r/");
        assert_eq!((reply.status, code(&reply).as_str()), (502, "upstream-protocol-error"), "{what}");
    }
}

#[test]
fn interim_answers_have_an_end() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    for (count, status) in [(100, 200), (40_000, 502)] {
        let bytes = interim.repeat(count) + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let upstream = Upstream::start(move |_| Answer::raw(bytes.clone()));
        let reply = Rig::to(&upstream).get("/r/");
        assert_eq!(reply.status, status, "{count}: {}", reply.text());
        if status != 200 {
            assert_eq!(code(&reply), "upstream-protocol-error");
        }
    }
}

#[test]
fn failures_on_the_way_are_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let slow = Upstream::start(|_| Answer::text(200, "late").after(Duration::from_secs(2)));
    let authority = testkit::Authority::new();
    let foreign = Upstream::tls(&authority, &["127.0.0.1"], |_| Answer::text(200, "secure"));
    let mut world = World::new();
    world.route("gone", &format!("http://{free}"), &json!({}));
    world.route("slow", &slow.url(), &json!({"timeouts": {"response": "200ms"}}));
    world.route("patient", &slow.url(), &json!({}));
    world.route("foreign", &foreign.url(), &json!({}));
    world.route("known", &foreign.url(), &json!({"tls": {"ca": authority.ca_pem()}}));
    let rig = Rig::start(world);
    for (path, status, wanted, proxy_status) in [
        ("/gone/", 502, "upstream-unreachable", "keyroll; error=connection_refused"),
        ("/slow/", 504, "upstream-timeout", "keyroll; error=http_response_timeout"),
        ("/foreign/", 502, "upstream-tls-failed", "keyroll; error=tls_certificate_error"),
    ] {
        let reply = rig.get(path);
        assert_eq!((reply.status, code(&reply).as_str()), (status, wanted), "{path}");
        assert_eq!(reply.header("proxy-status").as_deref(), Some(proxy_status), "{path}");
        assert!(!reply.text().contains("sk_live"), "{path}");
    }
    assert_eq!(rig.get("/patient/").status, 200);
    assert_eq!(rig.get("/known/").text(), "secure");
    assert_eq!(foreign.last().header("authorization").as_deref(), Some("Bearer sk_live_4242"));
    assert_eq!(foreign.count(), 1);
}

#[test]
fn a_clients_broken_body_is_its_own_fault() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let head = format!("POST /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\nTransfer-Encoding: chunked\r\n\r\n", key(1));
    assert_eq!(rig.raw(format!("{head}3\r\nabc\r\n0\r\n\r\n")).status, 200);
    for broken in ["zz\r\nabc\r\n0\r\n\r\n", "3\r\nabcX\r\n0\r\n\r\n", "3\r\nabc\r\nzz\r\n"] {
        let reply = rig.raw(format!("{head}{broken}"));
        assert_eq!((reply.status, code(&reply).as_str()), (400, "body-invalid"), "{broken:?}");
    }
    assert_eq!(upstream.count(), 1, "no whole request arrives");
    // A client that goes away in the middle is not taken for one that was done.
    let mut gone = rig.connect();
    gone.send(format!("{head}3\r\nab").as_bytes()).unwrap();
    gone.stream().get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    if let Ok(reply) = gone.reply(false) {
        assert_eq!(reply.status, 400);
    }
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_client_that_stops_in_the_middle_of_a_body_is_given_up() {
    let upstream = Upstream::ok();
    let rig = Rig::to_with(&upstream, &json!({"timeouts": {"idle": "200ms"}}));
    let whole = request("POST", "/r/", &[], b"0123456789");
    let mut connection = rig.connect();
    connection.send(&whole[..whole.len() - 5]).unwrap();
    let reply = connection.reply(false).unwrap();
    assert_eq!((reply.status, code(&reply).as_str()), (408, "request-timeout"));
    assert_eq!(upstream.count(), 0);
    assert_eq!(rig.raw(&whole).status, 200);
}

#[test]
fn uses_are_counted_by_how_they_ended() {
    let upstream = Upstream::start(|request| match request.target.as_str() {
        "/close" => Answer::raw(""),
        "/slack" => Answer::text(200, r#"{"ok":false,"error":"invalid_auth"}"#),
        target => Answer::text(target.trim_start_matches('/').parse().unwrap_or(200), "x"),
    });
    let dead = json!({"dead": [401, {"status": 200, "body_contains": "invalid_auth"}]});
    let mut world = World::new();
    world.route("r", &upstream.url(), &dead);
    world.route("gone", "http://127.0.0.1:9", &json!({"timeouts": {"connect": "500ms"}}));
    let rig = Rig::start(world);
    let count = |path: &str| {
        // Not to be sent twice where a kept connection is closed under it.
        rig.call("POST", path, &[], b"");
        // What depends on the body is counted when the body has gone out.
        let until = Instant::now() + Duration::from_secs(2);
        loop {
            let drained = rig.world.drained("api_key", path.split('/').nth(1).unwrap());
            if drained.is_some_and(|drained| drained.counts.iter().any(|count| *count > 0)) || Instant::now() > until {
                return drained;
            }
        }
    };
    // accepted, rejected, refused, throttled, failed, unreachable
    for (path, counts) in [
        ("/r/201", [1, 0, 0, 0, 0, 0]),
        ("/r/404", [1, 0, 0, 0, 0, 0]),
        ("/r/401", [0, 1, 0, 0, 0, 0]),
        ("/r/403", [0, 0, 1, 0, 0, 0]),
        ("/r/429", [0, 0, 0, 1, 0, 0]),
        ("/r/503", [0, 0, 0, 0, 1, 0]),
        ("/r/close", [0, 0, 0, 0, 0, 1]),
    ] {
        let drained = count(path).unwrap();
        assert_eq!(drained.counts, counts, "{path}");
        assert_eq!(drained.last_used, Some(Timestamp::from_millis(NOW)), "{path}");
    }
    let slack = rig.get("/r/slack");
    assert_eq!(slack.status, 200);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(rig.world.drained("api_key", "r").unwrap().counts, [0, 1, 0, 0, 0, 0]);
    rig.get("/gone/");
    assert_eq!(rig.world.drained("api_key", "gone"), None, "nothing was sent");
    rig.get("/r/../x");
    rig.get("/unknown/");
    assert_eq!(rig.world.drained("api_key", "r"), None);
}

#[test]
fn a_client_that_goes_away_leaves_a_use_behind() {
    let upstream = Upstream::start(|_| Answer::text(200, "late").after(Duration::from_secs(4)));
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    let rig = Rig::with(world, Limits { half_closed: Duration::from_millis(300), ..Limits::default() });
    let mut connection = rig.connect();
    connection.stream().get_mut().write_all(&request("GET", "/r/", &[], b"")).unwrap();
    upstream.wait_for(1);
    drop(connection);
    let until = Instant::now() + Duration::from_secs(3);
    // Drained in between, the use and how it ended may come in two parts.
    let mut unreachable = 0;
    while unreachable == 0 {
        assert!(Instant::now() < until, "no use was counted");
        unreachable = rig.world.drained("api_key", "r").map_or(0, |drained| drained.counts[5]);
    }
    assert_eq!(unreachable, 1);
}

#[test]
fn a_client_that_has_closed_its_side_gets_its_answer() {
    let event = |after: u64, text: &str| (Duration::from_millis(after), text.as_bytes().to_vec());
    let events = vec![event(0, "one "), event(300, "two "), event(300, "three")];
    let upstream = Upstream::start(move |request| match request.target.as_str() {
        "/stream" => Answer::chunks(200, events.clone()),
        _ => Answer::text(200, "late").after(Duration::from_millis(300)),
    });
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    let rig = Rig::with(world, Limits { half_closed: Duration::from_millis(450), ..Limits::default() });
    let (get, post) = (request("GET", "/r/", &[], b""), request("POST", "/r/", &[], b"body"));
    let both = [get.clone(), post.clone()].concat();
    let stream = request("GET", "/r/stream", &[], b"");
    for (sent, answers) in
        [(get, &["late"][..]), (post, &["late"]), (both, &["late", "late"]), (stream, &["one two three"])]
    {
        let mut connection = rig.connect();
        connection.send(&sent).unwrap();
        connection.stream().get_ref().shutdown(std::net::Shutdown::Write).unwrap();
        let start = Instant::now();
        for wanted in answers {
            let reply = connection.reply(false).unwrap();
            assert_eq!((reply.status, reply.text().as_str()), (200, *wanted));
        }
        assert_eq!(connection.stream().read(&mut [0]).unwrap(), 0, "then the connection ends");
        assert!(start.elapsed() < Duration::from_secs(2));
    }
    // An idle connection, and one in the middle of a request, end at once.
    for sent in [&b""[..], b"GET /r/ HTTP/1.1\r\n"] {
        let mut connection = rig.connect();
        connection.send(sent).unwrap();
        connection.stream().get_ref().shutdown(std::net::Shutdown::Write).unwrap();
        let start = Instant::now();
        let _ = connection.stream().read_to_end(&mut Vec::new());
        assert!(start.elapsed() < Duration::from_millis(300));
    }
}

#[test]
fn an_http_1_0_client_sees_that_an_answer_was_cut_off() {
    let chunked = |end: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n{end}");
    let old = format!("GET /r/ HTTP/1.0\r\nHost: a\r\nKeyroll-Key: {}\r\n\r\n", key(1));
    let whole = chunked("0\r\n\r\n");
    let upstream = Upstream::start(move |_| Answer::raw(whole.clone()));
    let rig = Rig::to(&upstream);
    let reply = rig.raw(&old);
    assert_eq!((reply.status, reply.text().as_str(), reply.header("content-length")), (200, "abc", None));
    let cut = chunked("");
    upstream.answer_with(move |_| Answer::raw(cut.clone()));
    let result = rig.connect().call(old.as_bytes());
    assert!(result.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset), "{result:?}");
    // A drain that is out of patience cuts off, too.
    upstream.answer_with(|_| {
        Answer::chunks(200, vec![(Duration::ZERO, b"abc".to_vec()), (Duration::from_secs(5), b"d".to_vec())])
    });
    let mut connection = rig.connect();
    connection.send(old.as_bytes()).unwrap();
    upstream.wait_for(3);
    std::thread::sleep(Duration::from_millis(100));
    rig.running.abort();
    let result = connection.reply(false);
    assert!(result.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset), "{result:?}");
}
