//! What RFC 9113 demands of a server, one row for each rule, over raw frames (RFC 7541 for what is in header blocks).
//!
//! A row says what is sent, and what has to come of it. Afterwards an honest request follows on the same connection,
//! which must be answered wherever the connection had to survive.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;
#[path = "h2_rules/messages.rs"]
mod messages;
#[path = "h2_rules/table.rs"]
mod table;

use common::{Rig, World, key};
use serde_json::json;
use table::{Row, rows};
use testkit::frames::{END, END_HEADERS, Frames, block, frame, kind};
use testkit::{Answer, Upstream};

/// The stream of the honest request behind each row.
const LAST: u32 = 1001;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The connection ended, with this code where one was said.
    Connection(Option<u32>),
    /// The stream was reset with this code.
    Stream(u32),
    /// The request was answered with this status.
    Answered(u16),
    /// Nothing.
    Nothing,
}

/// The fields of an honest request.
pub(crate) fn honest<'a>(key: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [(":method", "GET"), (":scheme", "http"), (":authority", "gateway.test"), (":path", "/r/x")];
    own.into_iter().chain([("keyroll-key", key)]).chain(more.iter().copied()).collect()
}

/// An honest request without a body.
pub(crate) fn get(stream: u32) -> Vec<u8> {
    frame(kind::HEADERS, END | END_HEADERS, stream, &block(&honest(&key(1), &[])))
}

/// Sends the bytes of a row, and an honest request after them.
fn observe(address: &str, row: &Row) -> (Seen, bool) {
    let mut frames = if row.bare { Frames::bare(address) } else { Frames::open(address) }.unwrap();
    if row.after_an_answer {
        frames.send(&get(1)).unwrap();
        frames.until(|frame| frame.stream == 1 && frame.flags & END != 0 && frame.kind < 2).unwrap();
    }
    // A connection that is ended may not take all of it.
    let _ = frames.send(&row.bytes).and_then(|()| frames.send(&get(LAST)));
    let (mut seen, mut served) = (Seen::Nothing, None);
    // Two requests may be answered in any order.
    while served.is_none() || (seen == Seen::Nothing && !row.expected.contains(&seen)) {
        let Some(frame) = frames.read() else {
            let told = matches!(seen, Seen::Connection(_));
            return (if told { seen } else { Seen::Connection(None) }, false);
        };
        match (frame.kind, frame.stream) {
            (kind::GOAWAY, _) => seen = Seen::Connection(Some(frame.code())),
            (kind::HEADERS, LAST) => served = Some(frame.status() == Some(200)),
            (kind::RST_STREAM, LAST) => served = Some(false),
            (kind::RST_STREAM, _) if matches!(seen, Seen::Nothing) => seen = Seen::Stream(frame.code()),
            (kind::HEADERS, _) if !row.after_an_answer && matches!(seen, Seen::Nothing) => {
                seen = Seen::Answered(frame.status().unwrap_or(0));
            }
            _ => {}
        }
    }
    (seen, served == Some(true))
}

#[test]
fn every_rule_is_kept() {
    let upstream = Upstream::start(|request| Answer::text(200, format!("{} bytes", request.body.len())));
    // Takes connections and reads nothing.
    let stuck = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    world.route("stuck", &format!("http://{}", stuck.local_addr().unwrap()), &json!({}));
    let rig = Rig::start(world);
    let address = rig.running.address().to_string();
    let rows = rows();
    let mut broken = Vec::new();
    for row in &rows {
        println!("{} {}", row.section, row.what);
        let (seen, served) = observe(&address, row);
        let met = row.expected.iter().any(|expected| match (expected, seen) {
            // A connection that ends at once may take the last frame with it.
            (Seen::Connection(_), Seen::Connection(None)) => true,
            (expected, seen) => *expected == seen,
        });
        let survives = !matches!(seen, Seen::Connection(_));
        if !met || served != survives {
            broken.push(format!(
                "{} {}: {seen:?}, expected {:?}, served after it: {served}",
                row.section, row.what, row.expected
            ));
        }
    }
    assert!(broken.is_empty(), "{} of {} rules are broken:\n{}", broken.len(), rows.len(), broken.join("\n"));
    // Whatever was sent, the gateway serves others, and no upstream saw half of a request.
    assert_eq!(rig.get("/r/").status, 200);
    assert!(upstream.records().iter().all(|request| request.header("x-forbidden").is_none()));
}

#[test]
fn what_is_asked_for_is_answered() {
    let upstream = Upstream::start(|_| Answer::text(200, "0123456789"));
    let rig = Rig::to(&upstream);
    let address = rig.running.address().to_string();
    // Sections 6.5.3 and 6.7: settings are acknowledged, and a ping comes back as it was.
    let mut frames = Frames::open(&address).unwrap();
    frames.until(|frame| frame.kind == kind::SETTINGS && frame.flags & END != 0).unwrap();
    frames.send(&frame(kind::PING, 0, 0, b"knock...")).unwrap();
    let pong = frames.until(|frame| frame.kind == kind::PING).unwrap();
    assert_eq!((pong.flags, pong.payload.as_slice()), (END, &b"knock..."[..]));

    // Section 6.9.2: of an answer comes as much as the window allows, also where it shrinks below nothing.
    let window = |size: u32| frame(kind::SETTINGS, 0, 0, &[&[0, 4][..], &size.to_be_bytes()].concat());
    let more = |stream: u32, size: u32| frame(kind::WINDOW_UPDATE, 0, stream, &size.to_be_bytes());
    let data = |frames: &mut Frames| frames.until(|frame| frame.kind == kind::DATA).unwrap();
    frames.send(&[window(3), get(1)].concat()).unwrap();
    assert_eq!(data(&mut frames).payload, b"012");
    frames.send(&window(1)).unwrap();
    frames.until(|frame| frame.kind == kind::SETTINGS).unwrap();
    // Two below nothing: one byte comes of three.
    frames.send(&more(1, 3)).unwrap();
    assert_eq!(data(&mut frames).payload, b"3");
    frames.send(&more(1, 100)).unwrap();
    let last = data(&mut frames);
    assert_eq!((last.payload.as_slice(), last.flags & END), (&b"456789"[..], END));

    // Section 6.8: after the last stream that is taken, the connection ends without an error.
    frames.send(&frame(kind::GOAWAY, 0, 0, &[0; 8])).unwrap();
    let farewell = frames.until(|frame| frame.kind == kind::GOAWAY);
    assert!(farewell.is_none_or(|frame| frame.code() == 0));
}
