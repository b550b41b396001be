//! Which of two credentials a request gets while a rotation replaces one by the other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests, but outside of a test function")]

mod common;

use std::time::{Duration, Instant};

use common::{NOW, Plan, Rig, World, code, key, request, secret};
use model::snapshot::Sign;
use model::time::{Span, Timestamp};
use serde_json::json;
use testkit::{Answer, Upstream};

const OUTGOING: &str = "sk_live_outgoing_0001";
const INCOMING: &str = "sk_live_incoming_0002";

/// A route `r` whose key is replaced.
fn world(upstream: &Upstream) -> World {
    let mut world = World::new();
    world.add_secret(secret("api_key"), Some(OUTGOING));
    world.add_secret(secret("api_key_v2"), Some(INCOMING));
    world.route("r", &upstream.url(), &json!({}));
    world.trials.push(Plan::new("r", "api_key", "api_key_v2"));
    world
}

/// How many requests came with each of the two.
fn carried(upstream: &Upstream) -> (usize, usize) {
    let records = upstream.records();
    let with = |value: &str| {
        let wanted = format!("Bearer {value}");
        records.iter().filter(|record| record.header("authorization").as_deref() == Some(&wanted)).count()
    };
    let (outgoing, incoming) = (with(OUTGOING), with(INCOMING));
    assert_eq!(outgoing + incoming, records.len(), "each with one of them");
    (outgoing, incoming)
}

#[test]
fn the_weight_counts_and_nothing_that_a_client_sends() {
    let upstream = Upstream::ok();
    let mut world = world(&upstream);
    world.trials[0].weight = "25%";
    let rig = Rig::start(world);
    let mut connection = rig.connect();
    // One and the same request, and all that could be taken for a reason to choose.
    for _ in 0..1_000 {
        let same = request("GET", "/r/x", &[("X-Request-Id", "mine")], b"");
        assert_eq!(connection.call(&same).unwrap().status, 200);
    }
    let (outgoing, incoming) = carried(&upstream);
    assert!((190..310).contains(&incoming), "{outgoing} and {incoming}");
    for number in 0..1_000 {
        let id = format!("id-{number}");
        let other = request("POST", "/r/x", &[("X-Request-Id", &id), ("Keyroll-Binding", "incoming")], b"body");
        assert_eq!(connection.call(&other).unwrap().status, 200);
    }
    let (outgoing, incoming) = carried(&upstream);
    assert!((420..580).contains(&incoming), "{outgoing} and {incoming}");
    let counted = rig.world.trials[0].drained();
    let signs = [(Sign::Alive, incoming as u64), (Sign::OutgoingAlive, outgoing as u64)];
    assert_eq!(counted, (signs.to_vec(), Some(Timestamp::from_millis(NOW))));
    for (name, count) in [("api_key", outgoing), ("api_key_v2", incoming)] {
        assert_eq!(rig.world.drained(name, "r").unwrap().counts, [count as u64, 0, 0, 0, 0, 0], "{name}");
    }
    // A rotation of another route has no say.
    let counts = std::sync::Arc::clone(&rig.world.trials[0].counts);
    let mut rig = rig;
    rig.world.trials[0].route = "another".to_owned();
    rig.publish();
    upstream.clear();
    for _ in 0..20 {
        assert_eq!(rig.get("/r/").status, 200);
    }
    assert_eq!((carried(&upstream), counts.drain()), ((20, 0), None));
}

#[test]
fn what_cannot_be_sent_again_keeps_the_outgoing_one_as_long_as_care_is_needed() {
    let upstream = Upstream::ok();
    let mut rig = Rig::start(world(&upstream));
    let head = |more: &str| format!("POST /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\n{more}", key(1));
    let chunked = head("Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").into_bytes();
    let fits = request("POST", "/r/", &[], &[b'x'; 64 * 1024]);
    let long = request("PUT", "/r/", &[], &[b'x'; 64 * 1024 + 1]);
    let kept = vec![(Sign::OutgoingAlive, 1), (Sign::Kept, 1)];
    let alive = vec![(Sign::Alive, 1)];
    for (what, bytes, replayable) in [
        ("no body", request("GET", "/r/", &[], b""), true),
        ("no body to a POST", head("Content-Length: 0\r\n\r\n").into_bytes(), true),
        ("a short one", request("POST", "/r/", &[], b"hi"), true),
        ("one of 64 KiB", fits, true),
        ("a longer one", long, false),
        ("chunks", chunked, false),
    ] {
        for careful in [true, false] {
            rig.world.trials[0].careful = careful;
            rig.publish();
            upstream.clear();
            assert_eq!(rig.raw(&bytes).status, 200, "{what}");
            let gets_incoming = replayable || !careful;
            assert_eq!(carried(&upstream) == (0, 1), gets_incoming, "{what}, careful: {careful}");
            let (signs, _) = rig.world.trials[0].drained();
            assert_eq!(signs, if gets_incoming { alive.clone() } else { kept.clone() }, "{what}, careful: {careful}");
        }
    }
    // Whatever would not have got the incoming one was not kept from it.
    (rig.world.trials[0].careful, rig.world.trials[0].weight) = (true, "0.01%");
    rig.publish();
    assert_eq!(rig.call("PUT", "/r/", &[], &[b'x'; 64 * 1024 + 1]).status, 200);
    assert_eq!(rig.world.trials[0].drained().0, [(Sign::OutgoingAlive, 1)]);
}

#[test]
fn a_body_that_is_collected_can_be_sent_again_whatever_its_framing() {
    let upstream = Upstream::ok();
    let mut world = world(&upstream);
    world.route("r", &upstream.url(), &json!({"inject": {"body": {"token": "{{api_key}}"}}}));
    let rig = Rig::start(world);
    let head = format!("POST /r/ HTTP/1.1\r\nHost: a\r\nKeyroll-Key: {}\r\nContent-Type: application/json\r\n", key(1));
    assert_eq!(rig.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n")).status, 200);
    assert_eq!(upstream.last().body, format!(r#"{{"token":"{INCOMING}"}}"#).as_bytes());
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(100 * 1024));
    assert_eq!(rig.call("POST", "/r/", &[("Content-Type", "application/json")], long.as_bytes()).status, 200);
    assert_eq!(rig.world.trials[0].drained().0, [(Sign::Alive, 2)]);
}

#[test]
fn a_credential_that_cannot_be_used_stops_no_request_that_could_have_the_other_one() {
    let upstream = Upstream::ok();
    let mut rig = Rig::start(world(&upstream));
    let expired = |name: &str| {
        let mut expired = secret(name);
        expired.strict_expiry = true;
        expired.expires_at = Some(Timestamp::from_millis(NOW).minus(Span::from_secs(1)));
        expired
    };
    let fine = |name: &str| (secret(name), Some(if name == "api_key" { OUTGOING } else { INCOMING }));
    let dead = |name: &str| (expired(name), Some("expired_value"));
    let sealed = |name: &str| (secret(name), None);
    for (what, outgoing, incoming, weight, carried_by) in [
        ("both fine", fine("api_key"), fine("api_key_v2"), "100%", Some((0, 1))),
        ("incoming expired", fine("api_key"), dead("api_key_v2"), "100%", Some((1, 0))),
        ("incoming sealed", fine("api_key"), sealed("api_key_v2"), "100%", Some((1, 0))),
        ("outgoing expired", dead("api_key"), fine("api_key_v2"), "0.01%", Some((0, 1))),
        ("outgoing sealed", sealed("api_key"), fine("api_key_v2"), "0.01%", Some((0, 1))),
        ("neither", dead("api_key"), sealed("api_key_v2"), "100%", None),
    ] {
        rig.world.add_secret(outgoing.0, outgoing.1);
        rig.world.add_secret(incoming.0, incoming.1);
        rig.world.trials[0].weight = weight;
        rig.publish();
        upstream.clear();
        let reply = rig.get("/r/");
        match carried_by {
            Some(by) => assert_eq!((reply.status, carried(&upstream)), (200, by), "{what}"),
            None => assert_eq!((code(&reply).as_str(), upstream.count()), ("secret-expired", 0), "{what}"),
        }
    }
}

#[test]
fn what_a_client_may_do_does_not_depend_on_the_credential() {
    let upstream = Upstream::ok();
    let mut world = world(&upstream);
    world.route(
        "r",
        &upstream.url(),
        &json!({"methods": ["GET"], "paths": ["/ok/**"], "rate_limit": {"requests": 3, "per": "1h"}}),
    );
    let rig = Rig::start(world);
    assert_eq!(rig.get("/r/ok/").status, 200);
    assert_eq!(code(&rig.call("POST", "/r/ok/", &[], b"")), "method-not-allowed");
    assert_eq!(code(&rig.get("/r/no")), "path-not-allowed");
    assert_eq!((rig.get("/r/ok/").status, rig.get("/r/ok/").status, rig.get("/r/ok/").status), (200, 200, 429));
    assert_eq!(carried(&upstream), (0, 3));
}

/// How many requests are under way with each of the two.
fn open(rig: &Rig) -> (u64, u64) {
    (rig.world.tally("api_key", "r").open(), rig.world.tally("api_key_v2", "r").open())
}

#[track_caller]
fn wait_open(rig: &Rig, wanted: (u64, u64)) {
    let until = Instant::now() + Duration::from_secs(20);
    while open(rig) != wanted {
        assert!(Instant::now() < until, "{:?} instead of {wanted:?}", open(rig));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_is_under_way_is_counted_by_what_carries_it() {
    let upstream = Upstream::ok();
    let rig = Rig::start(world(&upstream));
    assert_eq!(rig.get("/r/").status, 200);
    wait_open(&rig, (0, 0));
    // A stream, with the credential that the upstream takes.
    for (taken, wanted) in [(INCOMING, (0, 1)), (OUTGOING, (1, 0))] {
        let (feed, answer) = Answer::fed(200);
        upstream.answer_with(move |request| match request.header("authorization") {
            Some(sent) if sent.ends_with(taken) => answer.clone(),
            _ => Answer::text(401, "no"),
        });
        let mut connection = rig.connect();
        connection.send(&request("GET", "/r/", &[], b"")).unwrap();
        feed.send("begun.");
        wait_open(&rig, wanted);
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(open(&rig), wanted, "as long as it goes on");
        drop(feed);
        assert_eq!(connection.reply(false).unwrap().text(), "begun.");
        wait_open(&rig, (0, 0));
    }
    // A second try that comes to nothing: the first one's answer is under way again.
    let (feed, answer) = Answer::fed(401);
    upstream.answer_with(move |request| match request.header("authorization") {
        Some(sent) if sent.ends_with(INCOMING) => answer.clone(),
        _ => Answer::text(503, "no").after(Duration::from_millis(500)),
    });
    let mut connection = rig.connect();
    connection.send(&request("GET", "/r/", &[], b"")).unwrap();
    feed.send("dead.");
    wait_open(&rig, (1, 0));
    wait_open(&rig, (0, 1));
    drop(feed);
    assert_eq!(connection.reply(false).unwrap().text(), "dead.");
    wait_open(&rig, (0, 0));
    // Without a rotation, and where nothing came of it.
    upstream.answer_with(|_| Answer::raw(""));
    assert_eq!(rig.get("/r/").status, 502);
    wait_open(&rig, (0, 0));
}

#[test]
fn what_is_under_way_ends_with_the_secret_that_carries_it() {
    for (taken, ended) in [(INCOMING, true), (OUTGOING, false)] {
        let (feed, answer) = Answer::fed(200);
        let upstream = Upstream::start(move |request| match request.header("authorization") {
            Some(sent) if sent.ends_with(taken) => answer.clone(),
            _ => Answer::text(401, "no"),
        });
        let mut world = world(&upstream);
        world.grace = Duration::ZERO;
        let mut rig = Rig::start(world);
        let mut connection = rig.connect();
        connection.send(&request("GET", "/r/", &[], b"")).unwrap();
        feed.send("begun.");
        wait_open(&rig, if ended { (0, 1) } else { (1, 0) });
        // The rotation was rolled back, and the incoming secret is in use no longer.
        rig.world.trials.clear();
        rig.world.secrets.retain(|known| known.secret.name.as_str() != "api_key_v2");
        rig.publish();
        std::thread::sleep(Duration::from_secs(2));
        feed.send("whole.");
        drop(feed);
        let reply = connection.reply(false).map(|reply| reply.text());
        assert_eq!(reply.ok().as_deref(), if ended { None } else { Some("begun.whole.") }, "{taken}");
        wait_open(&rig, (0, 0));
    }
}
