//! Clients that send slowly, read slowly, send too much, or hang up.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::hostile::{self, Hostile};
use super::{Stage, has_ended};
use crate::h2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, H2, HEADERS, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[test]
fn heads_that_come_a_byte_at_a_time() {
    let streams = slow_heads(200, Duration::from_secs(2));
    assert!(streams > 0);
}

#[test]
#[ignore = "soak"]
fn heads_that_come_a_byte_at_a_time_until_patience_ends() {
    // The limit for a head is 60 s: nobody is left of those who began.
    assert_eq!(slow_heads(2_000, Duration::from_secs(75)), 0);
}

/// How many of the connections are open in the end.
fn slow_heads(count: usize, time: Duration) -> usize {
    let stage = Stage::start(Hostile::start(hostile::hangs));
    let http1 = stage.request("GET", "/r/x", &"X-A: 1\r\n".repeat(90)).into_bytes();
    let http2 = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(HEADERS, 0, 1, &[0; 8 * 1024])].concat();
    stage.while_others_are_answered("slow heads", 64, || {
        let mut streams: Vec<TcpStream> = (0..count).map(|_| stage.connect()).collect();
        let begun = Instant::now();
        // Those of HTTP/2 are in the middle of a frame.
        let mut at = PREFACE.len() + 12;
        for (number, stream) in streams.iter_mut().enumerate() {
            stream.write_all(if number % 2 == 0 { &http1[..at] } else { &http2[..at] }).unwrap();
        }
        while begun.elapsed() < time {
            for (number, stream) in streams.iter_mut().enumerate() {
                let bytes = if number % 2 == 0 { &http1 } else { &http2 };
                // The head is never finished. Whoever was hung up on writes in vain.
                let _ = stream.write_all(&bytes[at % (bytes.len() - 4)..][..1]);
            }
            at += 1;
            thread::sleep(Duration::from_millis(100));
        }
        let is_open = |stream: &mut TcpStream| {
            stream.set_nonblocking(true).unwrap();
            !has_ended(stream)
        };
        streams.iter_mut().filter_map(|stream| is_open(stream).then_some(())).count()
    })
}

#[test]
fn bodies_that_come_a_byte_at_a_time() {
    slow_bodies(100, Duration::from_secs(2));
}

#[test]
#[ignore = "soak"]
fn bodies_that_come_a_byte_at_a_time_for_long() {
    slow_bodies(1_000, Duration::from_secs(60));
}

fn slow_bodies(count: usize, time: Duration) {
    let stage = Stage::start(Hostile::start(hostile::hangs));
    let head = stage.request("POST", "/r/x", "Content-Length: 1000000\r\n");
    stage.while_others_are_answered("slow bodies", 64, || {
        let mut streams: Vec<TcpStream> = (0..count).map(|_| stage.connect()).collect();
        for stream in &mut streams {
            stream.write_all(head.as_bytes()).unwrap();
        }
        let begun = Instant::now();
        while begun.elapsed() < time {
            for stream in &mut streams {
                let _ = stream.write_all(b"x");
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    assert!(stage.scene.upstream.records().iter().all(|record| record.method != "POST"), "none came whole");
}

#[test]
fn clients_that_read_nothing() {
    slow_readers(40, Duration::from_secs(2));
}

#[test]
#[ignore = "soak"]
fn clients_that_read_nothing_until_patience_ends() {
    // What is handed over and not taken for 60 s is given up.
    slow_readers(400, Duration::from_secs(75));
}

/// Each asks for a body without an end: over HTTP/1.1, and over HTTP/2 with eight streams each.
fn slow_readers(count: usize, time: Duration) {
    let stage = Stage::start(Hostile::start(hostile::endless_body));
    let request = stage.request("GET", "/bad/x", "");
    // A client may leave unread what the two sockets hold. Beside that, each stream holds what its upstream's connection has
    // read, up to 400 KiB, and a piece of as much that is on its way: less than 7/8 of a MiB. Nine streams for each two.
    let growth = 48 + count as u64 / 2 * 9 * 7 / 8;
    stage.while_others_are_answered("slow readers", growth, || {
        let mut streams: Vec<TcpStream> = (0..count / 2).map(|_| stage.connect()).collect();
        for stream in &mut streams {
            stream.write_all(request.as_bytes()).unwrap();
        }
        let fields = [
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/bad/x"),
            (":authority", "a"),
            ("keyroll-key", &*stage.key),
        ];
        // Windows as wide as they can be, and nothing that is ever read.
        let mut many: Vec<H2> =
            (0..count / 2).map(|_| H2::with_settings(stage.scene.node.gateway(), &[(4, 0x7fff_ffff)])).collect();
        for connection in &mut many {
            connection.frame(WINDOW_UPDATE, 0, 0, &0x7ffe_0000_u32.to_be_bytes()).unwrap();
            for _ in 0..8 {
                connection.begin(&fields, true).unwrap();
            }
        }
        thread::sleep(time);
    });
    let open = || stage.hostile.open.load(std::sync::atomic::Ordering::SeqCst);
    stage.scene.eventually("the upstream is hung up on", || open() == 0);
}

#[test]
fn floods_of_headers_and_frames() {
    floods(60);
}

#[test]
#[ignore = "soak"]
fn floods_of_headers_and_frames_for_long() {
    floods(2_000);
}

fn floods(count: usize) {
    let stage = Stage::start(Hostile::start(hostile::hangs));
    let large = stage.request("GET", "/r/x", &format!("X-A: {}\r\n", "a".repeat(1024 * 1024)));
    let many = stage.request("GET", "/r/x", &(0..50_000).map(|n| format!("X-{n}: 1\r\n")).collect::<String>());
    stage.while_others_are_answered("floods", 64, || {
        for number in 0..count {
            let mut stream = stage.connect();
            // It may be answered, and hung up on, before all of it is written.
            let _ = stream.write_all(if number % 2 == 0 { large.as_bytes() } else { many.as_bytes() });
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            let told = String::from_utf8_lossy(&answer).into_owned();
            assert!(told.is_empty() || told.starts_with("HTTP/1.1 431 "), "{told}");
        }
        for (what, bytes) in frames(&stage.key) {
            let mut connection = H2::open(stage.scene.node.gateway());
            // It is hung up on somewhere in the middle.
            let _ = connection.send(&bytes);
            assert!(connection.ends(), "{what}: the connection goes on");
        }
    });
    assert_eq!(stage.scene.upstream.records().iter().filter(|record| record.header("x-a").is_some()).count(), 0);
}

/// Floods of frames that cost a client nothing (CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2024-27316).
fn frames(key: &str) -> Vec<(&'static str, Vec<u8>)> {
    const PING: u8 = 0x6;
    let fields =
        [(":method", "GET"), (":scheme", "http"), (":path", "/r/x"), (":authority", "a"), ("keyroll-key", key)];
    let head = block(&fields);
    let resets = (0..5_000).flat_map(|n| {
        let stream = 2 * n + 1;
        [frame(HEADERS, END_HEADERS | END_STREAM, stream, &head), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    });
    let begun = frame(HEADERS, END_HEADERS, 1, &head);
    vec![
        ("PING", frame(PING, 0, 0, &[0; 8]).repeat(20_000)),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[]).repeat(20_000)),
        ("rapid reset", resets.collect()),
        ("empty DATA", [begun, frame(DATA, 0, 1, &[]).repeat(20_000)].concat()),
        (
            "CONTINUATION",
            [frame(HEADERS, 0, 1, &head), frame(CONTINUATION, 0, 1, &[0, 1, b'x', 0]).repeat(50_000)].concat(),
        ),
        (
            "large CONTINUATION",
            [frame(HEADERS, 0, 1, &head), frame(CONTINUATION, 0, 1, &[0; 16_000]).repeat(200)].concat(),
        ),
    ]
}

#[test]
fn clients_that_hang_up() {
    resets(2_000);
}

#[test]
#[ignore = "soak"]
fn clients_that_hang_up_for_long() {
    resets(50_000);
}

/// Resets at each moment: at once, within a head, within a body, while an answer is waited for, and within it.
fn resets(count: usize) {
    let stage = Stage::start(Hostile::start(hostile::endless_body));
    let (get, post) = (stage.request("GET", "/bad/x", ""), stage.request("POST", "/r/x", "Content-Length: 10\r\n"));
    let whole = stage.request("GET", "/r/x", "");
    stage.while_others_are_answered("resets", 64, || {
        for number in 0..count {
            let mut stream = stage.connect();
            let sent = match number % 5 {
                0 => "",
                1 => &whole[..20],
                2 => &post,
                3 => &whole,
                _ => &get,
            };
            stream.write_all(sent.as_bytes()).unwrap();
            if number % 5 == 4 {
                let _ = stream.read(&mut [0; 512]);
            }
            // An end that is a reset.
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        }
    });
    let open = || stage.hostile.open.load(std::sync::atomic::Ordering::SeqCst);
    stage.scene.eventually("the upstream is hung up on", || open() == 0);
}
