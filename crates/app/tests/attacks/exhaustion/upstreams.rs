//! Upstreams that hang, dribble or never end: each is its own route's trouble.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use serde_json::json;
use testkit::Connection;

use super::hostile::{self, Behaviour, Hostile};
use super::{PATIENCE, Stage};
use crate::scene::route;

/// How a request to such an upstream may end.
#[derive(Clone, Copy)]
enum End {
    Status(u16),
    /// It breaks off, where everybody sees it.
    Broken,
    /// It goes on until the client has had enough.
    Endless,
}

/// An answer that is none, or on a busy machine one that was given up before that was seen.
const LATE: &[End] = &[End::Status(502), End::Status(504)];

/// What is tried; whatever is read of a body without an end.
const UPSTREAMS: &[(&str, Behaviour, &[End])] = &[
    ("an upstream that hangs", hostile::hangs, &[End::Status(504)]),
    ("one that answers byte by byte", hostile::dribbles, &[End::Status(200)]),
    ("a head without an end", hostile::endless_head, LATE),
    ("a header without an end", hostile::endless_header, LATE),
    ("thousands of headers", hostile::thousands_of_headers, LATE),
    ("interim answers without an end", hostile::endless_interim, LATE),
    ("a body without an end", hostile::endless_body, &[End::Endless]),
    ("a body that stands still", hostile::stalled_body, &[End::Broken, End::Status(504)]),
    (
        "a chunk extension without an end",
        hostile::endless_extension,
        &[End::Broken, End::Status(502), End::Status(504)],
    ),
    ("trailers without an end", hostile::endless_trailers, &[End::Broken, End::Status(502), End::Status(504)]),
];

#[test]
fn an_upstream_without_an_end_is_its_own_route_s_trouble() {
    all(4, 1);
}

#[test]
#[ignore = "soak"]
fn upstreams_without_an_end_for_long() {
    all(25, 20);
}

/// So many clients of each at the same time, so often.
fn all(clients: usize, rounds: usize) {
    let stage = Stage::start(Hostile::start(hostile::hangs));
    let hostiles: Vec<Hostile> = UPSTREAMS.iter().map(|(_, behaviour, _)| Hostile::start(*behaviour)).collect();
    for (number, hostile) in hostiles.iter().enumerate() {
        let settings = json!({"timeouts": {"connect": "2s", "response": "2s", "idle": "2s"}});
        route(&stage.scene.node, &format!("bad{number}"), &format!("http://{}", hostile.address), &settings);
    }
    route(&stage.scene.node, "last", &stage.scene.upstream.url(), &json!({}));
    stage.scene.eventually("the last route is served", || {
        stage.scene.node.gateway_get("/last/x", &[("Keyroll-Key", &stage.key)]).status == 200
    });
    stage.while_others_are_answered("upstreams without an end", 96, || {
        for _ in 0..rounds {
            thread::scope(|scope| {
                for (number, (what, _, ends)) in UPSTREAMS.iter().enumerate() {
                    for _ in 0..clients {
                        let stage = &stage;
                        scope.spawn(move || one(stage, &format!("/bad{number}/x"), what, ends));
                    }
                }
            });
        }
    });
    // Nothing of it is kept: not even a connection.
    let open = || hostiles.iter().map(|hostile| hostile.open.load(Ordering::SeqCst)).sum::<usize>();
    stage.scene.eventually("the upstreams are hung up on", || open() == 0);
}

fn one(stage: &Stage, path: &str, what: &str, ends: &[End]) {
    let mut connection = Connection::open(stage.scene.node.gateway()).unwrap();
    connection.stream().get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    let request = stage.request("GET", path, "");
    if matches!(ends, [End::Endless]) {
        connection.send(request.as_bytes()).unwrap();
        let mut left = 4 * 1024 * 1024;
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let count = std::io::Read::read(connection.stream(), &mut buffer).unwrap();
            assert!(count > 0, "{what}: it ended");
            left -= count.min(left);
        }
        // Some more of it comes in while nobody reads.
        thread::sleep(Duration::from_millis(500));
        return;
    }
    let result = connection.call(request.as_bytes());
    let fits = ends.iter().any(|end| match (end, &result) {
        (End::Status(status), Ok(reply)) => reply.status == *status,
        (End::Broken, Err(error)) => {
            !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
        }
        _ => false,
    });
    let told = result.map(|reply| (reply.status, reply.text()));
    assert!(fits, "{what}: {told:?}");
}
