//! Requests that are refused with the incoming credential, and sent once more with the outgoing one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests, but outside of a test function")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{NOW, Plan, Rig, World, code, key, request, secret};
use model::snapshot::Sign;
use model::time::Timestamp;
use serde_json::{Value, json};
use testkit::{Answer, Authority, LeakWatch, Reply, Upstream};

const OUTGOING: &str = "sk_live_outgoing_0001";
const INCOMING: &str = "sk_live_incoming_0002";

fn world_to(url: &str, settings: &Value) -> World {
    let mut world = World::new();
    world.add_secret(secret("api_key"), Some(OUTGOING));
    world.add_secret(secret("api_key_v2"), Some(INCOMING));
    world.route("r", url, settings);
    world.trials.push(Plan::new("r", "api_key", "api_key_v2"));
    world
}

/// A gateway whose upstream answers by the credential.
fn rig(upstream: &Upstream, settings: &Value) -> Rig {
    Rig::start(world_to(&upstream.url(), settings))
}

/// An upstream that answers the incoming credential and the outgoing one so.
fn judging(incoming: Answer, outgoing: Answer) -> Upstream {
    Upstream::start(move |request| {
        let all = [request.head.clone(), request.body.clone()].concat();
        let is = |value: &str| all.windows(value.len()).any(|window| window == value.as_bytes());
        match (is(INCOMING), is(OUTGOING)) {
            (true, false) => incoming.clone(),
            (false, true) => outgoing.clone(),
            _ => Answer::text(500, "one credential at a time"),
        }
    })
}

fn dead() -> Answer {
    Answer::text(401, "first")
}

fn taken() -> Answer {
    Answer::text(200, "second")
}

/// What was counted for both: outgoing and incoming.
fn counted(rig: &Rig) -> [[u64; 6]; 2] {
    ["api_key", "api_key_v2"].map(|name| rig.world.drained(name, "r").map_or([0; 6], |drained| drained.counts))
}

fn one(outcome: usize) -> [u64; 6] {
    std::array::from_fn(|index| u64::from(index == outcome))
}

const NONE: [u64; 6] = [0; 6];

#[test]
fn each_answer_says_what_it_says() {
    let answer = |status: u16, text: &str| Answer::text(status, text);
    let (needed, not_needed) = (Some(Timestamp::from_millis(NOW)), None);
    // with incoming, with outgoing; what the client gets, the sign, counts of the outgoing and of the incoming one
    for (first, second, status, text, sign, outgoing, incoming, when) in [
        (answer(200, "a"), taken(), 200, "a", Sign::Alive, NONE, one(0), not_needed),
        (answer(404, "a"), taken(), 404, "a", Sign::Alive, NONE, one(0), not_needed),
        (answer(403, "a"), taken(), 403, "a", Sign::Refused, NONE, one(2), not_needed),
        (answer(429, "a"), taken(), 429, "a", Sign::Unclear, NONE, one(3), not_needed),
        (answer(500, "a"), taken(), 500, "a", Sign::Unclear, NONE, one(4), not_needed),
        (Answer::raw(""), taken(), 502, "", Sign::Unclear, NONE, one(5), not_needed),
        (dead(), taken(), 200, "second", Sign::Pair, one(0), one(1), needed),
        (dead(), answer(403, "b"), 403, "b", Sign::Pair, one(2), one(1), needed),
        (dead(), answer(404, "b"), 404, "b", Sign::Pair, one(0), one(1), needed),
        (dead(), answer(401, "b"), 401, "b", Sign::BothDead, one(1), one(1), not_needed),
        (dead(), answer(429, "b"), 401, "first", Sign::Unpaired, one(3), one(1), not_needed),
        (dead(), answer(503, "b"), 401, "first", Sign::Unpaired, one(4), one(1), not_needed),
        (dead(), Answer::raw(""), 401, "first", Sign::Unpaired, one(5), one(1), not_needed),
        (dead(), Answer::raw("what?\r\n\r\n"), 401, "first", Sign::Unpaired, one(4), one(1), not_needed),
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let upstream = judging(first.clone(), second.clone());
            let rig = rig(&upstream, &json!({}));
            let reply = rig.call(method, "/r/x", &[], b"body");
            let what = format!("{method} {status} {text} {sign:?}");
            assert_eq!(reply.status, status, "{what}");
            assert!(status == 502 || reply.text() == text, "{what}: {}", reply.text());
            assert_eq!(rig.world.trials[0].drained(), (vec![(sign, 1)], when), "{what}");
            assert_eq!(counted(&rig), [outgoing, incoming], "{what}");
            assert_eq!(upstream.count(), 1 + usize::from(outgoing != NONE), "{what}");
        }
    }
}

#[test]
fn with_the_outgoing_one_there_is_no_second_try() {
    for (status, sign) in [
        (200, Sign::OutgoingAlive),
        (404, Sign::OutgoingAlive),
        (401, Sign::OutgoingDead),
        (403, Sign::OutgoingUnclear),
        (429, Sign::OutgoingUnclear),
        (500, Sign::OutgoingUnclear),
    ] {
        let upstream = Upstream::start(move |_| Answer::text(status, "once"));
        let mut world = world_to(&upstream.url(), &json!({}));
        world.trials[0].weight = "0.01%";
        let rig = Rig::start(world);
        assert_eq!(rig.get("/r/").status, status);
        assert_eq!(rig.world.trials[0].drained(), (vec![(sign, 1)], Some(Timestamp::from_millis(NOW))));
        assert_eq!(upstream.count(), 1);
        assert_eq!(upstream.last().header("authorization"), Some(format!("Bearer {OUTGOING}")));
    }
}

#[test]
fn where_nothing_is_sent_nothing_is_counted() {
    // Nobody listens there.
    let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let rig = Rig::start(world_to(&url, &json!({"max_request_body": 3})));
    assert_eq!(code(&rig.get("/r/")), "upstream-unreachable");
    assert_eq!(code(&rig.call("POST", "/r/", &[], b"long")), "request-too-large");
    assert_eq!((rig.world.trials[0].drained().0, counted(&rig)), (vec![], [NONE, NONE]));
}

#[test]
fn without_the_shield_the_client_gets_the_refusal() {
    let upstream = judging(dead(), taken());
    let mut world = world_to(&upstream.url(), &json!({}));
    world.trials[0].shield = false;
    let rig = Rig::start(world);
    let reply = rig.get("/r/");
    assert_eq!((reply.status, reply.text().as_str()), (401, "first"));
    assert_eq!(rig.world.trials[0].drained().0, [(Sign::Unpaired, 1)]);
    assert_eq!((upstream.count(), counted(&rig)), (1, [NONE, one(1)]));
}

#[test]
fn a_body_is_sent_again_as_it_was() {
    let upstream = judging(dead(), taken());
    let rig = rig(&upstream, &json!({}));
    let bytes: Vec<u8> = (0..64 * 1024_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let mut connection = rig.connect();
    for method in ["POST", "PUT", "PATCH", "DELETE", "GET"] {
        for length in [0, 1, 1000, bytes.len()] {
            upstream.clear();
            let body = &bytes[..length];
            let reply = connection.call(&request(method, "/r/x?a=%20", &[("X-Mine", "1")], body)).unwrap();
            assert_eq!((reply.status, reply.text().as_str()), (200, "second"), "{method} {length}");
            let records = upstream.records();
            assert_eq!(records.len(), 2, "{method} {length}");
            assert!(records.iter().all(|record| record.body == body), "{method} {length}");
            let head = |index: usize| String::from_utf8_lossy(&records[index].head).into_owned();
            assert_eq!(head(1), head(0).replace(INCOMING, OUTGOING), "the same but for the credential");
        }
    }
    // What was refused leaves no connection behind that is of no more use.
    assert!(upstream.connections() <= 4, "{} connections for 40 requests", upstream.connections());
}

#[test]
fn what_is_too_long_or_has_no_length_is_sent_once() {
    let upstream = judging(dead(), taken());
    let mut world = world_to(&upstream.url(), &json!({}));
    world.trials[0].careful = false;
    let mut rig = Rig::start(world);
    let long = request("POST", "/r/", &[], &[b'x'; 64 * 1024 + 1]);
    let head = format!("POST /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\n", key(1));
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").into_bytes();
    for bytes in [&long, &chunked] {
        upstream.clear();
        let reply = rig.raw(bytes);
        assert_eq!((reply.status, reply.text().as_str(), upstream.count()), (401, "first", 1));
        assert_eq!(rig.world.trials[0].drained().0, [(Sign::Unpaired, 1)]);
    }
    rig.world.trials[0].careful = true;
    rig.publish();
    for bytes in [&long, &chunked] {
        upstream.clear();
        let reply = rig.raw(bytes);
        assert_eq!((reply.status, reply.text().as_str(), upstream.count()), (200, "second", 1));
        assert_eq!(rig.world.trials[0].drained().0, [(Sign::OutgoingAlive, 1), (Sign::Kept, 1)]);
    }
}

#[test]
fn a_post_is_not_sent_again_for_another_reason() {
    // The first answer leaves the connection open, so that the next request goes over one that is used already.
    let upstream = Upstream::ok();
    let rig = rig(&upstream, &json!({}));
    let mut connection = rig.connect();
    assert_eq!(connection.call(&request("POST", "/r/", &[], b"one")).unwrap().status, 200);
    upstream.answer_with(|_| Answer::raw(""));
    assert_eq!(code(&connection.call(&request("POST", "/r/", &[], b"two")).unwrap()), "upstream-protocol-error");
    assert_eq!(upstream.count(), 2);
    // One that is idempotent is, with the credential that it had.
    upstream.answer_with(|_| Answer::text(200, "ok"));
    assert_eq!(connection.call(&request("PUT", "/r/", &[], b"three")).unwrap().status, 200);
    upstream.clear();
    upstream.answer_with(|_| Answer::raw(""));
    assert_eq!(connection.call(&request("PUT", "/r/", &[], b"four")).unwrap().status, 502);
    let sent: Vec<_> = upstream.records().iter().map(|record| record.header("authorization").unwrap()).collect();
    assert_eq!(sent, [format!("Bearer {INCOMING}"), format!("Bearer {INCOMING}")]);
}

#[test]
fn query_and_members_are_filled_anew() {
    for (inject, path) in [
        (json!({"query": {"key": "{{api_key}}"}}), "/r/x?key=mine&a=1"),
        (json!({"body": {"token": "{{api_key}}", "/auth/key": "{{api_key}}"}}), "/r/x"),
        (
            json!({"headers": {"X-Basic": {"basic": {"username": "u", "password": "{{api_key}}"}}, "X-K": "{{api_key}}"}}),
            "/r/",
        ),
    ] {
        let upstream = judging(dead(), taken());
        let rig = rig(&upstream, &json!({"inject": inject}));
        let reply = rig.call("POST", path, &[("Content-Type", "application/json")], br#"{"n": 1, "token": "mine"}"#);
        assert_eq!((reply.status, reply.text().as_str()), (200, "second"), "{inject}");
        let records = upstream.records();
        let text = |index: usize| {
            let text = String::from_utf8_lossy(&[&records[index].head[..], &records[index].body].concat()).into_owned();
            let basic = |value: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, value);
            text.replace(&basic(&format!("u:{INCOMING}")), INCOMING).replace(&basic(&format!("u:{OUTGOING}")), OUTGOING)
        };
        assert!(text(0).contains(INCOMING) && !text(0).contains(OUTGOING), "{inject}");
        assert_eq!(text(1), text(0).replace(INCOMING, OUTGOING), "{inject}");
        assert_eq!(rig.world.trials[0].drained().0, [(Sign::Pair, 1)]);
    }
}

#[test]
fn a_rule_about_the_body_is_heard_before_the_answer_goes_out() {
    let settings = json!({"dead": [{"status": 200, "body_contains": "invalid_auth"}]});
    let long = format!("{}{}", "x".repeat(3000), "y".repeat(100_000));
    let piece = |millis: u64, text: &str| (Duration::from_millis(millis), text.as_bytes().to_vec());
    let refusal = || Answer::chunks(200, vec![piece(0, "{\"error\":\"inval"), piece(100, "id_auth\"}")]);
    for (first, second, text, signs) in [
        (Answer::text(200, "invalid_auth"), taken(), "second", Sign::Pair),
        (refusal(), taken(), "second", Sign::Pair),
        (refusal(), Answer::text(200, "second invalid_auth"), "second invalid_auth", Sign::BothDead),
        (Answer::text(200, ""), taken(), "", Sign::Alive),
        (Answer::text(200, "fine"), taken(), "fine", Sign::Alive),
        (Answer::text(200, long.clone()), taken(), long.as_str(), Sign::Alive),
        (
            Answer::chunks(200, vec![piece(0, "one"), piece(100, "two"), piece(0, &long)]),
            taken(),
            &format!("onetwo{long}"),
            Sign::Alive,
        ),
        // A second answer that is long is passed on whole, too.
        (Answer::text(200, "invalid_auth"), Answer::text(200, long.clone()), long.as_str(), Sign::Pair),
    ] {
        for guard in ["mask", "off", "block"] {
            let upstream = judging(first.clone(), second.clone());
            let mut settings = settings.clone();
            settings["guard"] = json!(guard);
            let rig = rig(&upstream, &settings);
            let reply = rig.get("/r/");
            assert_eq!(reply.status, 200);
            assert!(reply.text() == text, "{guard} {signs:?}: {} bytes", reply.body.len());
            assert_eq!(rig.world.trials[0].wait(), [(signs, 1)], "{guard}");
            let [outgoing, incoming] = counted(&rig);
            let replayed = matches!(signs, Sign::Pair | Sign::BothDead);
            assert_eq!(outgoing != NONE, replayed, "{guard} {signs:?}");
            assert_eq!(incoming, one(usize::from(replayed)), "{guard} {signs:?}");
        }
    }
    // Another rule may judge by the head.
    let upstream = judging(dead(), taken());
    let rig = rig(&upstream, &json!({"dead": [401, {"status": 200, "body_contains": "invalid_auth"}]}));
    assert_eq!(rig.get("/r/").text(), "second");
}

#[test]
fn a_stream_is_not_held_up_by_a_rule_about_the_body() {
    let (feed, answer) = Answer::fed(200);
    let upstream = judging(answer, taken());
    let rig = rig(&upstream, &json!({"dead": [{"status": 200, "body_contains": "invalid_auth"}]}));
    let mut connection = rig.connect();
    connection.send(&request("GET", "/r/", &[], b"")).unwrap();
    feed.send("event: 1\n\n");
    let begun = Instant::now();
    let mut line = String::new();
    while !line.ends_with("event: 1\n") {
        line.clear();
        connection.stream().read_line(&mut line).unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // What comes later is judged as it passes, and can no longer be mended.
    feed.send("invalid_auth\n\n");
    drop(feed);
    let mut rest = Vec::new();
    while !rest.ends_with(b"0\r\n\r\n") {
        let mut byte = [0];
        connection.stream().read_exact(&mut byte).unwrap();
        rest.push(byte[0]);
    }
    assert!(String::from_utf8_lossy(&rest).contains("invalid_auth"));
    assert_eq!(rig.world.trials[0].wait(), [(Sign::Unpaired, 1)]);
    assert_eq!((counted(&rig), upstream.count()), ([NONE, one(1)], 1));
}

#[test]
fn heads_alone_and_clients_that_wait_for_100_continue() {
    let upstream = judging(dead().header("X-Who", "first"), taken().header("X-Who", "second"));
    let rig = rig(&upstream, &json!({}));
    let mut connection = rig.connect();
    let reply = connection.call(&request("HEAD", "/r/", &[], b"")).unwrap();
    assert_eq!((reply.status, reply.header("x-who").as_deref()), (200, Some("second")));
    let whole = request("POST", "/r/", &[("Expect", "100-continue")], b"hello");
    let (head, body) = whole.split_at(whole.len() - 5);
    connection.send(head).unwrap();
    let mut line = String::new();
    connection.stream().read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 100 "), "{line}");
    connection.send(body).unwrap();
    connection.stream().read_line(&mut line).unwrap();
    let reply = connection.reply(false).unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "second"));
    assert_eq!(upstream.last().body, b"hello");
    assert_eq!(rig.world.trials[0].drained().0, [(Sign::Pair, 2)]);
}

#[test]
fn no_answer_holds_either_value() {
    let echo = |status: u16| {
        Upstream::start(move |request| {
            let sent = request.header("authorization").unwrap();
            let status = if sent.ends_with(INCOMING) { 401 } else { status };
            Answer::text(status, format!("you sent {sent}.")).header("X-Echo", &sent)
        })
    };
    let stars = "*".repeat(INCOMING.len());
    let mut watch = LeakWatch::new();
    watch.plant("outgoing", OUTGOING).plant("incoming", INCOMING);
    for (second, status, sign) in
        [(200, 200, Sign::Pair), (401, 401, Sign::BothDead), (429, 401, Sign::Unpaired), (500, 401, Sign::Unpaired)]
    {
        let upstream = echo(second);
        let rig = rig(&upstream, &json!({}));
        let reply: Reply = rig.get("/r/");
        assert_eq!((reply.status, reply.text()), (status, format!("you sent Bearer {stars}.")));
        assert_eq!(reply.header("x-echo"), Some(format!("Bearer {stars}")));
        watch.search_bytes("head", &reply.head).search_bytes("body", &reply.body);
        watch.require("upstream", &upstream.bytes(), "outgoing").require("upstream", &upstream.bytes(), "incoming");
        assert_eq!(rig.world.trials[0].drained().0, [(sign, 1)]);
    }
    watch.assert_clean();
}

/// A server that answers the incoming credential at once, without reading any body, and the outgoing one when it has
/// read the body; `grants` is what it answers then. Behind a 101 it sends back what it is sent.
fn impatient(grants: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&bodies);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let seen = Arc::clone(&seen);
            thread::spawn(move || answer_impatiently(stream, grants, &seen));
        }
    });
    (url, bodies)
}

fn answer_impatiently(mut stream: TcpStream, grants: &str, seen: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|count| *count > 0)?;
    }
    if head.contains(INCOMING) {
        stream.write_all(b"HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 5\r\n\r\nfirst").ok()?;
        // It stays there, and reads nothing.
        thread::sleep(Duration::from_secs(10));
        return None;
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    seen.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
    stream.write_all(grants.as_bytes()).ok()?;
    let mut piece = [0; 1024];
    while let Ok(count @ 1..) = reader.read(&mut piece) {
        stream.write_all(&piece[..count]).ok()?;
    }
    None
}

#[test]
fn a_refusal_may_come_while_the_body_is_still_on_its_way() {
    let (url, bodies) = impatient("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nsecond");
    let rig = Rig::start(world_to(&url, &json!({})));
    for method in ["POST", "PUT"] {
        let body: String = (0..60_000).map(|number| char::from(b'a' + u8::try_from(number % 26).unwrap())).collect();
        let whole = request(method, "/r/", &[], body.as_bytes());
        let mut connection = rig.connect();
        // The head, and the body in three pieces with a pause before each.
        let begin = whole.len() - body.len();
        for (from, to) in [(0, begin), (begin, begin + 10), (begin + 10, begin + 30_000), (begin + 30_000, whole.len())]
        {
            connection.send(&whole[from..to]).unwrap();
            thread::sleep(Duration::from_millis(200));
        }
        let reply = connection.reply(false).unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (200, "second"), "{method}");
        assert_eq!(bodies.lock().unwrap().pop().as_deref(), Some(body.as_str()), "{method}");
        assert_eq!(rig.world.trials[0].drained().0, [(Sign::Pair, 1)]);
    }
}

#[test]
fn a_refusal_waits_whole_while_the_second_try_takes_the_body_and_fails() {
    let (url, bodies) = impatient("HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 6\r\n\r\nsecond");
    let rig = Rig::start(world_to(&url, &json!({})));
    let body = "x".repeat(60_000);
    let whole = request("POST", "/r/", &[], body.as_bytes());
    let mut connection = rig.connect();
    let half = whole.len() / 2;
    for part in [&whole[..half], &whole[half..]] {
        connection.send(part).unwrap();
        thread::sleep(Duration::from_millis(300));
    }
    let reply = connection.reply(false).unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (401, "first"));
    assert_eq!(bodies.lock().unwrap().pop().as_deref(), Some(body.as_str()));
    assert_eq!(rig.world.trials[0].drained().0, [(Sign::Unpaired, 1)]);
    // The client's connection is as good as before.
    assert_eq!(connection.call(&request("GET", "/r/", &[], b"")).unwrap().status, 401);
}

#[test]
fn a_websocket_that_is_refused_is_asked_for_again() {
    let (url, _) = impatient(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
    let rig = Rig::start(world_to(&url, &json!({})));
    let key = key(1);
    let asking = format!(
        "GET /r/socket HTTP/1.1\r\nHost: g\r\nKeyroll-Key: {key}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut connection = rig.connect();
    let reply = connection.call(asking.as_bytes()).unwrap();
    assert_eq!((reply.status, reply.header("upgrade").as_deref()), (101, Some("websocket")));
    connection.send(b"\x01\x05ping.").unwrap();
    let mut back = [0; 7];
    connection.stream().read_exact(&mut back).unwrap();
    assert_eq!(&back, b"\x01\x05ping.");
    assert_eq!(rig.world.trials[0].drained().0, [(Sign::Pair, 1)]);
    assert_eq!(counted(&rig), [one(0), one(1)]);
    // The tunnel is the outgoing one's, as long as it is open.
    let open = || ["api_key", "api_key_v2"].map(|name| rig.world.tally(name, "r").open());
    assert_eq!(open(), [1, 0]);
    drop(connection);
    let until = Instant::now() + Duration::from_secs(20);
    while open() != [0, 0] {
        assert!(Instant::now() < until, "{:?}", open());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_certificate_that_the_upstream_does_not_accept_is_shielded_as_well() {
    let (authority, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let upstream = Upstream::mutual_tls(&authority, &["127.0.0.1"], &clients, |_| taken());
    let issued = |authority: &Authority, name: &str| {
        let issued = authority.client(name, &[]);
        (issued.pem, issued.key_pem)
    };
    for (incoming, status, signs) in [
        (issued(&clients, "new"), 200, vec![(Sign::Alive, 1)]),
        (issued(&strangers, "new"), 200, vec![(Sign::Pair, 1)]),
    ] {
        let mut world = World::new();
        let outgoing = issued(&clients, "old");
        for (name, (chain, key)) in [("cert", &outgoing), ("cert_v2", &incoming)] {
            let mut certificate = secret(name);
            certificate.kind = model::secret::Kind::Certificate;
            world.add_secret(certificate, Some(&format!("{chain}{key}")));
        }
        let tls = json!({"ca": authority.ca_pem(), "client_certificate": "cert"});
        world.route("r", &upstream.url(), &json!({"tls": tls}));
        world.trials.push(Plan::new("r", "cert", "cert_v2"));
        let rig = Rig::start(world);
        for method in ["GET", "POST"] {
            let reply = rig.call(method, "/r/", &[], b"body");
            assert_eq!((reply.status, reply.text().as_str()), (status, "second"), "{signs:?}");
            assert_eq!(upstream.last().body, b"body");
            assert_eq!(rig.world.trials[0].drained().0, signs);
        }
    }
    // A certificate that is refused and that the rotation does not replace is an upstream that cannot be reached.
    let mut world = world_to(&upstream.url(), &json!({"tls": {"ca": authority.ca_pem()}}));
    world.trials[0].careful = false;
    let rig = Rig::start(world);
    assert_eq!(code(&rig.get("/r/")), "upstream-tls-failed");
    let (signs, _) = rig.world.trials[0].drained();
    assert!(signs.iter().all(|(sign, _)| *sign == Sign::Unclear), "{signs:?}");
}
