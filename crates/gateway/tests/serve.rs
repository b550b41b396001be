//! Phase 1 through the front door: workers, limits, snapshots that change, drain.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Rig, World, code, request, secret};
use gateway::Limits;
use serde_json::json;
use testkit::{Answer, Connection, Upstream};

#[test]
fn without_a_snapshot_nothing_is_served() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let mut connection = rig.connect();
    let get = request("GET", "/r/", &[], b"");
    assert_eq!(connection.call(&get).unwrap().status, 200);
    rig.snapshot.store(None);
    let reply = connection.call(&get).unwrap();
    assert_eq!((reply.status, code(&reply).as_str()), (503, "no-snapshot"));
    rig.publish();
    assert_eq!(connection.call(&get).unwrap().status, 200);
}

#[test]
fn a_revoked_key_ends_on_an_open_connection() {
    let upstream = Upstream::ok();
    let mut rig = Rig::to(&upstream);
    let mut connection = rig.connect();
    let get = request("GET", "/r/", &[], b"");
    assert_eq!(connection.call(&get).unwrap().status, 200);
    rig.world.clients.clear();
    rig.publish();
    assert_eq!(code(&connection.call(&get).unwrap()), "client-key-invalid");
}

#[test]
fn no_request_fails_while_snapshots_change() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.add_secret(secret("first"), Some("value-one"));
    world.add_secret(secret("second"), Some("value-two"));
    let route = |world: &mut World, name: &str| {
        let inject = json!({"inject": {"headers": {"X-Key": format!("{{{{{name}}}}}")}}});
        world.route("r", &upstream.url(), &inject);
    };
    route(&mut world, "first");
    let mut rig = Rig::start(world);
    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let address = rig.running.address().to_string();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut connection = Connection::open(&address).unwrap();
                while !done.load(Ordering::SeqCst) {
                    let reply = connection.call(&request("GET", "/r/", &[], b"")).unwrap();
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    served.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for round in 0..200 {
            route(&mut rig.world, if round % 2 == 0 { "second" } else { "first" });
            rig.publish();
            thread::sleep(Duration::from_millis(2));
        }
        done.store(true, Ordering::SeqCst);
    });
    let records = upstream.records();
    assert_eq!(records.len(), served.load(Ordering::SeqCst));
    for value in ["value-one", "value-two"] {
        let carried = records.iter().filter(|record| record.all("x-key") == [value]).count();
        assert!(carried > 0, "{value} was never sent");
    }
    assert!(records.iter().all(|record| ["value-one", "value-two"].contains(&&*record.all("x-key").concat())));
}

#[test]
fn drain_lets_a_request_finish_and_takes_no_other() {
    let upstream = Upstream::start(|_| Answer::text(200, "done").after(Duration::from_millis(500)));
    let rig = Rig::to(&upstream);
    let address = rig.running.address().to_string();
    let mut idle = rig.connect();
    assert_eq!(idle.call(&request("GET", "/r/", &[], b"")).unwrap().status, 200);
    thread::scope(|scope| {
        let mut connection = rig.connect();
        connection.send(&request("GET", "/r/", &[], b"")).unwrap();
        upstream.wait_for(2);
        let drain = scope.spawn(|| rig.running.drain(Duration::from_secs(10)));
        thread::sleep(Duration::from_millis(100));
        assert!(Connection::open(&address).is_err(), "new connections are refused");
        let last = idle.call(&request("GET", "/nowhere/", &[], b"")).unwrap();
        assert_eq!(
            (last.status, last.header("connection").as_deref()),
            (404, Some("close")),
            "open ones take one more"
        );
        assert!(idle.call(&request("GET", "/nowhere/", &[], b"")).is_err(), "and are closed then");
        let reply = connection.reply(false).unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (200, "done"));
        assert_eq!(reply.header("connection").as_deref(), Some("close"));
        assert!(drain.join().unwrap(), "all requests could finish");
    });
}

#[test]
fn drain_closes_an_idle_connection_only_after_a_pause() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let mut idle = rig.connect();
    assert_eq!(idle.call(&request("GET", "/r/", &[], b"")).unwrap().status, 200);
    let start = Instant::now();
    assert!(rig.running.drain(Duration::from_secs(10)));
    let pause = start.elapsed();
    assert!(pause >= Duration::from_secs(1) && pause < Duration::from_secs(4), "{pause:?}");
    let begun = Instant::now();
    assert!(rig.running.drain(Duration::from_secs(10)) && begun.elapsed() < Duration::from_millis(500));
    assert!(idle.call(&request("GET", "/r/", &[], b"")).is_err());
}

#[test]
fn drain_ends_when_its_time_is_over_or_on_abort() {
    let upstream = Upstream::start(|_| Answer::text(200, "done").after(Duration::from_secs(20)));
    for abort in [false, true] {
        let rig = Rig::to(&upstream);
        let before = upstream.count();
        let mut connection = rig.connect();
        connection.send(&request("GET", "/r/", &[], b"")).unwrap();
        upstream.wait_for(before + 1);
        let start = Instant::now();
        let timeout = Duration::from_millis(if abort { 15_000 } else { 300 });
        thread::scope(|scope| {
            let drain = scope.spawn(|| rig.running.drain(timeout));
            if abort {
                thread::sleep(Duration::from_millis(100));
                rig.running.abort();
            }
            assert!(!drain.join().unwrap(), "a request was cut off");
        });
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(connection.reply(false).is_err());
    }
}

#[test]
fn slow_heads_and_large_ones_are_given_up() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    let limits = Limits { head: Duration::from_millis(300), head_size: 8 * 1024, headers: 20, ..Limits::default() };
    let rig = Rig::with(world, limits);
    let mut slow = rig.connect();
    slow.send(b"GET /r/ HTTP/1.1\r\nHost: a\r\n").unwrap();
    let start = Instant::now();
    assert!(slow.reply(false).is_err_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof));
    assert!(start.elapsed() < Duration::from_secs(5));
    let (fits, large) = ("x".repeat(4 * 1024), "x".repeat(16 * 1024));
    assert_eq!(rig.call("GET", "/r/", &[("X-Long", &fits)], b"").status, 200);
    assert_eq!(code(&rig.call("GET", "/r/", &[("X-Long", &large)], b"")), "request-headers-too-large");
    assert_eq!(rig.call("GET", "/r/", &[("X", "1"); 15], b"").status, 200);
    assert_eq!(code(&rig.call("GET", "/r/", &[("X", "1"); 30], b"")), "request-headers-too-large");
    assert_eq!(upstream.count(), 2);
    // The parser's refusal is dressed as a problem also after a request that was answered.
    let mut connection = rig.connect();
    assert_eq!(connection.call(&request("GET", "/r/", &[], b"")).unwrap().status, 200);
    let refused = connection.call(b"GET /r/ HTTP/1.1\r\nHost : a\r\n\r\n").unwrap();
    assert_eq!(code(&refused), "request-invalid");
    assert!(connection.reply(false).is_err());
}

#[test]
fn an_answer_that_looks_like_the_parsers_own_is_left_alone() {
    let text = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let upstream = Upstream::start(move |_| {
        Answer::chunks(200, vec![(Duration::ZERO, b"x".to_vec()), (Duration::from_millis(50), text.into())])
    });
    let rig = Rig::to(&upstream);
    assert_eq!(rig.get("/r/").text(), format!("x{text}"));
    upstream.answer_with(move |_| Answer::text(200, text));
    assert_eq!(rig.get("/r/").text(), text);
}

#[test]
fn clients_can_come_over_tls() {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let secure = Rig::full(World::new(), Limits::default(), Some(Arc::new(config)));
    // The client is another gateway, which the first one takes for itself: its answer comes from behind the handshake.
    let mut world = World::new();
    let upstream = format!("https://{}", secure.running.address());
    world.route("r", &upstream, &json!({"tls": {"ca": own.cert.pem()}}));
    world.route("unknown", &upstream, &json!({}));
    let rig = Rig::start(world);
    let looped = rig.get("/r/");
    assert_eq!((looped.status, looped.json()["code"].as_str()), (508, Some("loop-detected")));
    assert_eq!(looped.header("proxy-status").as_deref(), Some("keyroll; received-status=508"));
    assert_eq!(code(&rig.get("/unknown/")), "upstream-tls-failed");
    let plain = Connection::open(&secure.running.address().to_string()).unwrap().call(&request("GET", "/", &[], b""));
    assert!(plain.is_err(), "plain text is not answered on a TLS listener");
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    let upstream = Upstream::start(|_| Answer::text(200, vec![b'x'; 64 * 1024 * 1024]));
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({"guard": "off"}));
    let rig = Rig::with(world, Limits { write: Duration::from_millis(300), ..Limits::default() });
    let mut connection = rig.connect();
    connection.send(&request("GET", "/r/", &[], b"")).unwrap();
    upstream.wait_for(1);
    assert!(rig.running.drain(Duration::from_secs(20)), "it is given up, and nothing is left in flight");
    assert!(connection.reply(false).is_err(), "the answer was cut off");
}

#[test]
fn a_full_worker_serves_again_when_connections_end() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    let rig = Rig::with(world, Limits { connections: 1, ..Limits::default() });
    // Two workers with one connection each.
    let get = Arc::new(request("GET", "/r/", &[], b""));
    let mut open: Vec<Connection> = (0..2).map(|_| rig.connect()).collect();
    for connection in &mut open {
        assert_eq!(connection.call(&get).unwrap().status, 200);
    }
    let mut third = rig.connect();
    third.send(&get).unwrap();
    thread::sleep(Duration::from_millis(100));
    assert_eq!(upstream.count(), 2);
    drop(open);
    assert_eq!(third.reply(false).unwrap().status, 200);
}

#[test]
fn a_full_worker_ends_what_is_idle_and_nothing_else() {
    let upstream = Upstream::start(|request| match request.target.as_str() {
        "/slow" => Answer::text(200, "slow").after(Duration::from_secs(4)),
        _ => Answer::text(200, "ok"),
    });
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    let rig = Rig::with(world, Limits { connections: 1, ..Limits::default() });
    // Two workers: one has a request under way, the other a head that does not come.
    let mut busy = rig.connect();
    busy.send(&request("GET", "/r/slow", &[], b"")).unwrap();
    upstream.wait_for(1);
    let mut idle = rig.connect();
    idle.send(b"GET /r/ HTTP/1.1\r\nHost: ").unwrap();
    thread::sleep(Duration::from_millis(100));
    let mut third = rig.connect();
    assert_eq!(third.call(&request("GET", "/r/", &[], b"")).unwrap().status, 200);
    assert!(idle.reply(false).is_err(), "it made room");
    assert_eq!(busy.reply(false).unwrap().text(), "slow", "it did not have to");
}
