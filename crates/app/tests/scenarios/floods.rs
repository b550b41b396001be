//! Floods of frames that cost a client nothing: others are served, memory stays, and the flood is hung up on. The same
//! frames in honest number are served.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use testkit::frames::{END, END_HEADERS, Frames, PREFACE, block, frame, kind};
use testkit::{TestNode, Upstream};

use crate::house::{KEYROLL, client, route, secret, served};

/// How often a flood repeats itself, and an honest client.
const FLOOD: usize = 20_000;
const HONEST: usize = 50;
/// The same of what the library bounds more narrowly: resets in one breath, pieces of a head.
const FEW: usize = 4;
/// How much more memory the process may have.
const GROWTH: usize = 48 * 1024 * 1024;

struct Flood {
    what: &'static str,
    /// What comes first.
    begin: Vec<u8>,
    /// The same again and again; streams are numbered by how often it was.
    again: fn(u32, &str) -> Vec<u8>,
    /// What an honest client sends after it.
    end: Vec<u8>,
    honest: usize,
    hung_up_on: bool,
}

fn head(flags: u8, stream: u32, method: &str, key: &str) -> Vec<u8> {
    let fields =
        [(":method", method), (":scheme", "http"), (":authority", "g"), (":path", "/r/x"), ("keyroll-key", key)];
    frame(kind::HEADERS, flags, stream, &block(&fields))
}

fn flood(what: &'static str, again: fn(u32, &str) -> Vec<u8>, hung_up_on: bool) -> Flood {
    Flood { what, begin: Vec::new(), again, end: Vec::new(), honest: HONEST, hung_up_on }
}

fn floods(key: &str) -> Vec<Flood> {
    let number = |kind, stream: u32, number: u32| frame(kind, 0, stream, &number.to_be_bytes());
    let post = head(END_HEADERS, 1, "POST", key);
    let whole =
        block(&[(":method", "GET"), (":scheme", "http"), (":authority", "g"), (":path", "/r/x"), ("keyroll-key", key)]);
    vec![
        Flood {
            honest: FEW,
            ..flood(
                "rapid reset (CVE-2023-44487)",
                |at, key| {
                    let reset = frame(kind::RST_STREAM, 0, 2 * at + 1, &8_u32.to_be_bytes());
                    [head(END | END_HEADERS, 2 * at + 1, "GET", key), reset].concat()
                },
                true,
            )
        },
        flood("PING (CVE-2019-9512)", |_, _| frame(kind::PING, 0, 0, &[0; 8]), true),
        flood("SETTINGS (CVE-2019-9515)", |_, _| frame(kind::SETTINGS, 0, 0, &[]), true),
        flood("PRIORITY (CVE-2019-9513)", |at, _| frame(kind::PRIORITY, 0, 2 * at + 1, &[0, 0, 0, 0, 1]), true),
        flood("unknown frames", |_, _| frame(0xfa, 0, 0, &[]), true),
        // One of them ends the connection: there is no honest number.
        Flood {
            honest: 0,
            ..flood(
                "heads without a name (CVE-2019-9516)",
                |at, _| frame(kind::HEADERS, END | END_HEADERS, 2 * at + 1, &block(&[("", ""); 50])),
                true,
            )
        },
        Flood {
            what: "empty DATA (CVE-2019-9518)",
            begin: post.clone(),
            again: |_, _| frame(kind::DATA, 0, 1, &[]),
            end: frame(kind::DATA, END, 1, b"x"),
            honest: HONEST,
            hung_up_on: true,
        },
        Flood {
            what: "CONTINUATION without an end (CVE-2024-27316)",
            begin: frame(kind::HEADERS, END, 1, &whole),
            again: |_, _| frame(kind::CONTINUATION, 0, 1, &block(&[("x", "y")])),
            end: frame(kind::CONTINUATION, END_HEADERS, 1, &[]),
            honest: FEW,
            hung_up_on: true,
        },
        Flood {
            what: "WINDOW_UPDATE of 1 byte",
            begin: post,
            again: |_, _| {
                let one = |stream| frame(kind::WINDOW_UPDATE, 0, stream, &1_u32.to_be_bytes());
                [one(0), one(1)].concat()
            },
            end: frame(kind::DATA, END, 1, b"x"),
            // They are as cheap to take as they are to send.
            honest: HONEST,
            hung_up_on: false,
        },
        Flood {
            what: "an answer byte by byte (CVE-2019-9511)",
            begin: [frame(kind::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]), head(END | END_HEADERS, 1, "GET", key)].concat(),
            again: |_, _| frame(kind::WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes()),
            end: number(kind::WINDOW_UPDATE, 1, 1 << 20),
            honest: HONEST,
            hung_up_on: false,
        },
    ]
}

fn memory(node: &TestNode) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Whether the connection has ended, once all that was sent is dealt with.
fn is_hung_up_on(mut frames: Frames) -> bool {
    if frames.send(&frame(kind::PING, 0, 0, b"the last")).is_err() {
        return true;
    }
    frames.until(|frame| frame.kind == kind::PING && frame.payload == b"the last").is_none()
}

#[test]
fn a_flood_hurts_nobody_but_its_client() {
    let node = TestNode::start(KEYROLL);
    let upstream = Upstream::ok();
    secret(&node, "flood", "tok_live_flood");
    route(&node, "r", &upstream.url(), &serde_json::json!({"Authorization": "Bearer {{flood}}"}));
    let key = client(&node, "app", "production");
    served(&node, "/r/x", &key);
    let before = memory(&node);
    for flood in floods(&key) {
        // An honest client first: a few of the same, and its request is served.
        let mut frames = Frames::open(node.gateway()).unwrap();
        let few: Vec<u8> = (0..flood.honest).flat_map(|at| (flood.again)(u32::try_from(at).unwrap(), &key)).collect();
        frames
            .send(&[&flood.begin[..], &few, &flood.end, &head(END | END_HEADERS, 1001, "GET", &key)].concat())
            .unwrap();
        let served = frames.until(|frame| frame.kind == kind::HEADERS && frame.stream == 1001);
        assert_eq!(served.and_then(|frame| frame.status()), Some(200), "{}: an honest client", flood.what);

        let mut frames = Frames::open(node.gateway()).unwrap();
        // What comes back is not read until the end: so a flood does it.
        frames.stream().set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut sent = frames.send(&flood.begin);
        let mut slowest = Duration::ZERO;
        for at in (0..FLOOD).step_by(FLOOD / 20) {
            let some: Vec<u8> =
                (at..at + FLOOD / 20).flat_map(|at| (flood.again)(u32::try_from(at).unwrap(), &key)).collect();
            sent = sent.and_then(|()| frames.stream().write_all(&some));
            let begun = Instant::now();
            assert_eq!(node.gateway_get("/r/x", &[("Keyroll-Key", &key)]).status, 200);
            slowest = slowest.max(begun.elapsed());
        }
        assert!(slowest < Duration::from_secs(5), "{}: others waited {slowest:?}", flood.what);
        assert_eq!(sent.is_err() || is_hung_up_on(frames), flood.hung_up_on, "{}", flood.what);
        let grown = memory(&node).saturating_sub(before);
        assert!(grown < GROWTH, "{}: {grown} bytes", flood.what);
    }
}

#[test]
fn connections_that_do_not_begin_hurt_nobody() {
    let node = TestNode::start(KEYROLL);
    let upstream = Upstream::ok();
    secret(&node, "flood", "tok_live_flood");
    route(&node, "r", &upstream.url(), &serde_json::json!({"Authorization": "Bearer {{flood}}"}));
    let key = client(&node, "app", "production");
    served(&node, "/r/x", &key);
    let before = memory(&node);
    let begun: Vec<Frames> = (0..300)
        .map(|at| {
            let mut frames = Frames::bare(node.gateway()).unwrap();
            frames.send(&PREFACE[..at % PREFACE.len()]).unwrap();
            frames
        })
        .collect();
    let open: Vec<Frames> = (0..8)
        .map(|_| {
            let mut frames = Frames::open(node.gateway()).unwrap();
            // As many as may be: none of them ends.
            let streams: Vec<u8> = (0..128).flat_map(|at| head(END_HEADERS, 2 * at + 1, "POST", &key)).collect();
            frames.send(&streams).unwrap();
            frames
        })
        .collect();
    assert_eq!(node.gateway_get("/r/x", &[("Keyroll-Key", &key)]).status, 200);
    let grown = memory(&node).saturating_sub(before);
    assert!(grown < 100 * 1024 * 1024, "{grown}");
    drop((begun, open));
    assert_eq!(node.gateway_get("/r/x", &[("Keyroll-Key", &key)]).status, 200);
}
