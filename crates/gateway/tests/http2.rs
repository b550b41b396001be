//! HTTP/2 on both sides of the gateway, with the `h2` library as client and as upstream.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;
#[path = "http2/peers.rs"]
mod peers;

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Rig, World, key};
use gateway::Limits;
use h2::Reason;
use http::{HeaderMap, HeaderValue, Response, Version};
use peers::{Call, Client, Server, collect, send_all};
use serde_json::json;
use testkit::{Answer, Upstream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// For what must happen, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

fn rig(server: &Server) -> Rig {
    let mut world = World::new();
    world.route("r", &server.url(), &json!({}));
    Rig::start(world)
}

fn ok() -> Response<()> {
    Response::new(())
}

#[tokio::test]
async fn a_request_has_the_shape_of_http2() {
    let (told, mut requests) = mpsc::unbounded_channel();
    let server = Server::start(move |call: Call| {
        let told = told.clone();
        async move {
            told.send(call.request.into_parts().0).unwrap();
            let mut respond = call.respond;
            respond.send_response(ok(), true).unwrap();
        }
    })
    .await;
    let rig = rig(&server);
    let client = Client::connect(rig.running.address()).await;
    let mut request = client.request("GET", "/r/a%20b?x=1&x=2");
    for (name, value) in [("te", "trailers"), ("cookie", "a=1"), ("cookie", "b=2"), ("x-mine", "1"), ("accept", "*/*")]
    {
        request.headers_mut().append(name, HeaderValue::from_static(value));
    }
    let answer = client.send(request, true).await.0.await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
    assert_eq!(answer.headers()["proxy-status"], "keyroll; received-status=200");
    assert!(!answer.headers().contains_key("connection"));

    let seen = requests.recv().await.unwrap();
    let authority = server.url().replace("h2c://", "");
    assert_eq!(seen.version, Version::HTTP_2);
    assert_eq!(seen.uri.to_string(), format!("http://{authority}/a%20b?x=1&x=2"));
    let mut names: Vec<&str> = seen.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "authorization", "cookie", "te", "via", "x-mine", "x-request-id"]);
    assert_eq!(seen.headers["authorization"], "Bearer sk_live_4242");
    assert_eq!(seen.headers["cookie"], "a=1; b=2");
    assert_eq!(seen.headers.get_all("cookie").iter().count(), 1);
    assert_eq!(seen.headers["te"], "trailers");
}

#[tokio::test]
async fn pieces_and_trailers_pass_both_ways_as_they_come() {
    let server = Server::start(|call: Call| async move {
        let mut respond = call.respond;
        let mut out = respond.send_response(ok(), false).unwrap();
        let mut body = call.request.into_body();
        while let Some(piece) = body.data().await {
            let piece = piece.unwrap();
            body.flow_control().release_capacity(piece.len()).unwrap();
            out.send_data(piece, false).unwrap();
        }
        let trailers = body.trailers().await.unwrap().unwrap();
        out.send_trailers(trailers).unwrap();
    })
    .await;
    let rig = rig(&server);
    let client = Client::connect(rig.running.address()).await;
    let (answer, mut out) = client.send(client.request("POST", "/r/"), false).await;
    let mut answer = answer.await.unwrap().into_body();
    // Each piece is sent after the answer to the one before.
    for number in 0..50 {
        let piece = format!("piece {number}.");
        out.send_data(Bytes::from(piece.clone()), false).unwrap();
        let back = timeout(PATIENCE, answer.data()).await.unwrap().unwrap().unwrap();
        assert_eq!(back, piece);
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("1"));
    // Of the client's, those that it may not send are gone.
    trailers.insert("authorization", HeaderValue::from_static("Bearer of-the-client"));
    out.send_trailers(trailers).unwrap();
    assert!(timeout(PATIENCE, answer.data()).await.unwrap().is_none());
    let trailers = answer.trailers().await.unwrap().unwrap();
    assert_eq!((trailers.len(), trailers["x-checksum"].as_bytes()), (1, &b"1"[..]));
}

#[tokio::test]
async fn large_bodies_go_up_and_down_at_once() {
    const SIZE: usize = 24 * 1024 * 1024;
    let server = Server::start(|call: Call| async move {
        let mut respond = call.respond;
        let out = respond.send_response(ok(), false).unwrap();
        let body = call.request.into_body();
        let (received, ()) = tokio::join!(collect(body), send_all(out, SIZE));
        assert_eq!(received.unwrap(), SIZE);
    })
    .await;
    let rig = rig(&server);
    let client = Client::connect(rig.running.address()).await;
    // Several at a time share the windows of one connection on either side.
    let all = (0..3).map(|_| async {
        let (answer, out) = client.send(client.request("POST", "/r/"), false).await;
        let down = async { collect(answer.await.unwrap().into_body()).await.unwrap() };
        assert_eq!(tokio::join!(down, send_all(out, SIZE)), (SIZE, ()));
    });
    timeout(PATIENCE * 3, futures_util::future::join_all(all)).await.unwrap();
}

#[tokio::test]
async fn answers_without_a_body_end_at_once() {
    let server = Server::start(|call: Call| async move {
        let mut respond = call.respond;
        let status: u16 = call.request.uri().path()[1..].parse().unwrap();
        // An interim answer comes first.
        respond.send_informational(Response::builder().status(103).body(()).unwrap()).unwrap();
        let answer = Response::builder().status(status).header("content-length", if status == 200 { "5" } else { "0" });
        respond.send_response(answer.body(()).unwrap(), true).unwrap();
    })
    .await;
    let rig = rig(&server);
    let client = Client::connect(rig.running.address()).await;
    for (method, status, length) in
        [("HEAD", 200, Some("5")), ("GET", 204, None), ("GET", 304, None), ("DELETE", 404, Some("0"))]
    {
        let answer = client.send(client.request(method, &format!("/r/{status}")), true).await.0;
        let answer = timeout(PATIENCE, answer).await.unwrap().unwrap();
        assert_eq!(answer.status(), status, "{method} {status}");
        let found = answer.headers().get("content-length").map(|length| length.to_str().unwrap().to_owned());
        assert!(length.is_none() || found.as_deref() == length, "{method} {status}: {found:?}");
        assert_eq!(collect(answer.into_body()).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_has_ended() {
    let server = Server::start(|call: Call| async move {
        let mut respond = call.respond;
        let answer = Response::builder().status(413).header("content-length", "8").body(()).unwrap();
        let mut out = respond.send_response(answer, false).unwrap();
        out.send_data(Bytes::from_static(b"too much"), true).unwrap();
        // Dropped unread, the rest of the request is refused without an error.
    })
    .await;
    let rig = rig(&server);
    let client = Client::connect(rig.running.address()).await;
    let (answer, mut out) = client.send(client.request("POST", "/r/"), false).await;
    out.send_data(Bytes::from_static(b"begun"), false).unwrap();
    let answer = timeout(PATIENCE, answer).await.unwrap().unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(collect(answer.into_body()).await.unwrap(), 8);
    let refused = timeout(PATIENCE, std::future::poll_fn(|cx| out.poll_reset(cx))).await.unwrap();
    assert!(matches!(refused, Ok(Reason::NO_ERROR) | Err(_)), "{refused:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_whole() {
    for reason in [Reason::INTERNAL_ERROR, Reason::CANCEL, Reason::NO_ERROR, Reason::PROTOCOL_ERROR] {
        let server = Server::start(move |call: Call| async move {
            let mut respond = call.respond;
            let mut out = respond.send_response(ok(), false).unwrap();
            out.send_data(Bytes::from_static(b"half."), false).unwrap();
            tokio::time::sleep(Duration::from_millis(300)).await;
            out.send_reset(reason);
        })
        .await;
        let rig = rig(&server);
        let client = Client::connect(rig.running.address()).await;
        let answer = client.send(client.request("GET", "/r/"), true).await.0.await.unwrap();
        let error = timeout(PATIENCE, collect(answer.into_body())).await.unwrap().unwrap_err();
        assert!(error.is_reset() && error.reason() != Some(Reason::NO_ERROR), "{reason}: {error}");
        // The same to a client of HTTP/1.1.
        let cut = tokio::task::spawn_blocking(move || rig.connect().call(&common::request("GET", "/r/", &[], b"")));
        assert_eq!(cut.await.unwrap().unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof, "{reason}");
    }
}

#[tokio::test]
async fn a_client_that_gives_up_cancels_the_upstreams_stream_at_once() {
    let (told, mut ends) = mpsc::unbounded_channel();
    let server = Server::start(move |call: Call| {
        let told = told.clone();
        async move {
            let (parts, body) = call.request.into_parts();
            let mut respond = call.respond;
            // An answer that has begun, or one that is still being waited for.
            let mut out = (parts.uri.path() == "/begun").then(|| respond.send_response(ok(), false).unwrap());
            let reset = std::future::poll_fn(|cx| match &mut out {
                Some(out) => out.poll_reset(cx),
                None => respond.poll_reset(cx),
            });
            told.send((reset.await.map_err(drop), collect(body).await.map_err(drop))).unwrap();
        }
    })
    .await;
    let rig = rig(&server);
    let client = Client::connect(rig.running.address()).await;
    for reason in [Reason::CANCEL, Reason::NO_ERROR, Reason::INTERNAL_ERROR] {
        for (path, uploads) in [("/r/begun", false), ("/r/waiting", false), ("/r/begun", true), ("/r/waiting", true)] {
            let method = if uploads { "POST" } else { "GET" };
            let (answer, mut out) = client.send(client.request(method, path), !uploads).await;
            if uploads {
                out.send_data(Bytes::from_static(b"begun"), false).unwrap();
            }
            let answer = if path == "/r/begun" { Some(answer.await.unwrap()) } else { None };
            tokio::time::sleep(Duration::from_millis(100)).await;
            out.send_reset(reason);
            let (reset, body) = timeout(PATIENCE, ends.recv()).await.unwrap().unwrap();
            let what = format!("{reason} {method} {path}");
            assert!(reset.is_ok_and(|reason| reason != Reason::NO_ERROR), "{what}: {reset:?}");
            assert!(!uploads || body.is_err(), "{what}: half a request looked whole");
            drop(answer);
        }
    }
    assert_eq!(server.connections(), 1, "the connection is the others' too");
}

#[tokio::test]
async fn a_body_of_http1_that_breaks_off_is_its_clients_fault() {
    let (told, mut ends) = mpsc::unbounded_channel();
    let server = Server::start(move |call: Call| {
        let told = told.clone();
        async move {
            let (parts, body) = call.request.into_parts();
            told.send((parts.uri.path().to_owned(), "begun")).unwrap();
            let end = if collect(body).await.is_ok() { "whole" } else { "broken" };
            told.send((parts.uri.path().to_owned(), end)).unwrap();
        }
    })
    .await;
    let rig = std::sync::Arc::new(rig(&server));
    let head = |path: &str| {
        let key = key(1);
        format!(
            "POST /r/{path} HTTP/1.1\r\nHost: g\r\nKeyroll-Key: {key}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n"
        )
    };
    let (other, malformed) = (std::sync::Arc::clone(&rig), head("malformed") + "nonsense\r\n");
    let reply = tokio::task::spawn_blocking(move || other.raw(malformed)).await.unwrap();
    assert_eq!((reply.status, common::code(&reply).as_str()), (400, "body-invalid"));
    // And one that hangs up, once the upstream has begun with it.
    let mut connection = Some(rig.connect());
    connection.as_mut().unwrap().send(head("gone").as_bytes()).unwrap();
    loop {
        let (path, what) = timeout(PATIENCE, ends.recv()).await.unwrap().unwrap();
        assert_ne!(what, "whole", "{path}");
        match (path.as_str(), what) {
            ("/gone", "begun") => drop(connection.take()),
            ("/gone", _) => break,
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_revoked_key_ends_a_stream_and_not_the_connection() {
    let server = Server::start(|call: Call| async move {
        let mut respond = call.respond;
        let mut out = respond.send_response(ok(), false).unwrap();
        out.send_data(Bytes::from_static(b"begun."), false).unwrap();
        let _ = std::future::poll_fn(|cx| out.poll_reset(cx)).await;
    })
    .await;
    let mut rig = rig(&server);
    let mut other = common::client("other");
    other.name = "other".parse().unwrap();
    rig.world.clients.push((key(2), other));
    rig.publish();
    let client = Client::connect(rig.running.address()).await;
    let mine = client.send(client.request("GET", "/r/"), true).await.0.await.unwrap();
    let mut request = client.request("GET", "/r/");
    request.headers_mut().insert("keyroll-key", key(2).parse().unwrap());
    let mut theirs = client.send(request, true).await.0.await.unwrap().into_body();
    rig.world.clients.remove(0);
    rig.publish();
    let begun = Instant::now();
    assert!(timeout(PATIENCE, collect(mine.into_body())).await.unwrap().unwrap_err().is_reset());
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(theirs.data().await.unwrap().unwrap(), "begun.");
    assert!(timeout(Duration::from_secs(2), theirs.data()).await.is_err(), "the other client's goes on");
}

#[tokio::test]
async fn a_drain_lets_streams_end_and_takes_no_more() {
    let (end, told) = tokio::sync::watch::channel(false);
    let server = Server::start(move |call: Call| {
        let mut told = told.clone();
        async move {
            let mut respond = call.respond;
            let mut out = respond.send_response(ok(), false).unwrap();
            told.wait_for(|told| *told).await.unwrap();
            out.send_data(Bytes::from_static(b"whole."), true).unwrap();
        }
    })
    .await;
    let rig = rig(&server);
    let client = Client::connect(rig.running.address()).await;
    let answer = client.send(client.request("GET", "/r/"), true).await.0.await.unwrap();
    let draining = tokio::task::spawn_blocking(move || rig.running.drain(Duration::from_secs(30)));
    timeout(PATIENCE, client.is_told_to_go()).await.unwrap();
    end.send(true).unwrap();
    assert_eq!(timeout(PATIENCE, collect(answer.into_body())).await.unwrap().unwrap(), 6);
    assert!(draining.await.unwrap(), "every request could finish");
}

#[tokio::test]
async fn whoever_begins_and_does_not_go_on_is_left() {
    use testkit::frames::{END_HEADERS, Frames, PREFACE, frame, kind};
    let upstream = Upstream::start(|_| Answer::text(200, "ok"));
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({"timeouts": {"idle": "1s"}}));
    let rig = Rig::with(world, Limits { head: Duration::from_secs(1), ..Limits::default() });
    let address = rig.running.address().to_string();
    tokio::task::spawn_blocking(move || {
        let settings = frame(kind::SETTINGS, 0, 0, &[]);
        let head = frame(kind::HEADERS, 0, 1, &[0x82]);
        for (what, bytes) in [
            ("half a preface", PREFACE[..10].to_vec()),
            ("a preface without settings", PREFACE.to_vec()),
            ("no request", [PREFACE, &settings].concat()),
            ("half a head", [PREFACE, &settings, &head].concat()),
        ] {
            let mut frames = Frames::bare(&address).unwrap();
            frames.send(&bytes).unwrap();
            assert!(frames.until(|_| false).is_none(), "{what}");
        }
        // A body that does not go on is a refusal; the connection serves on.
        let key = key(1);
        let fields =
            [(":method", "POST"), (":scheme", "http"), (":authority", "g"), (":path", "/r/"), ("keyroll-key", &key)];
        let mut frames = Frames::open(&address).unwrap();
        frames.send(&frame(kind::HEADERS, END_HEADERS, 1, &testkit::frames::block(&fields))).unwrap();
        assert_eq!(frames.until(|frame| frame.kind == kind::HEADERS).unwrap().status(), Some(408));
    })
    .await
    .unwrap();
}
