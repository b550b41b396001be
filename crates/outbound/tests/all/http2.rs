//! HTTP/2 to an upstream, frame by frame: sharing, replay, resets, deadlines.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use model::upstream::Upstream;
use outbound::{AnswerError, BodyError, Failure, Forwarder, OutBody, Phase};
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use self::peer::{
    CANCEL, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INTERNAL_ERROR, NO_ERROR, OK, Peer, REFUSED_STREAM,
    RST_STREAM,
};
use super::server::{Server, get, pooled, quick, request, send, send_within, text, upstream};

mod peer;

fn h2c(server: &Server) -> Upstream {
    upstream(&format!("h2c://{}", server.address))
}

/// A body that sends one piece, and the end when told.
fn slow() -> (OutBody, mpsc::UnboundedSender<()>) {
    let (end, mut told) = mpsc::unbounded_channel::<()>();
    let mut first = true;
    let pieces = futures_util::stream::poll_fn(move |cx| {
        if std::mem::take(&mut first) {
            return std::task::Poll::Ready(Some(Ok::<_, BodyError>(Frame::data(Bytes::from_static(b"piece")))));
        }
        told.poll_recv(cx).map(|_| None)
    });
    (OutBody::stream(StreamBody::new(pieces)), end)
}

fn full() -> OutBody {
    OutBody::full("hello".into())
}

async fn answer(
    forwarder: &Forwarder,
    upstream: &Upstream,
    request: Request<OutBody>,
) -> Result<(String, u8), Failure> {
    let forwarded = send(forwarder, upstream, request).await.map_err(|error| error.failure)?;
    let sent = forwarded.sent;
    Ok((text(forwarded).await.unwrap(), sent))
}

/// Answers when so many requests are there, over all connections.
async fn all_at_once(count: usize, settings: &'static [(u16, u32)]) -> Server {
    let (there, go) = (Arc::new(std::sync::atomic::AtomicUsize::new(0)), Arc::new(Notify::new()));
    Server::start(move |_, stream, _| {
        let (there, go) = (Arc::clone(&there), Arc::clone(&go));
        async move {
            let Some(mut peer) = Peer::accept(stream, settings).await else { return };
            let mut mine = Vec::new();
            loop {
                let told = go.notified();
                tokio::pin!(told);
                told.as_mut().enable();
                if there.load(std::sync::atomic::Ordering::SeqCst) >= count {
                    for stream in mine.drain(..) {
                        peer.ok(stream).await;
                    }
                }
                tokio::select! {
                    () = told => {}
                    stream = peer.request() => {
                        let Some(stream) = stream else { return };
                        mine.push(stream);
                        if there.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 >= count {
                            go.notify_waiters();
                        }
                    }
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_burst_shares_connections_as_far_as_the_upstream_allows() {
    const MAX_CONCURRENT_STREAMS: u16 = 3;
    // how many at once, what the upstream allows, how many connections
    for (count, settings, connections) in
        [(1, &[][..], 1), (100, &[], 1), (101, &[], 2), (250, &[], 3), (100, &[(MAX_CONCURRENT_STREAMS, 1000)], 1)]
    {
        let server = all_at_once(count, settings).await;
        let (forwarder, upstream) = (pooled(), h2c(&server));
        let all = (0..count).map(|_| answer(&forwarder, &upstream, get("/x")));
        let all = timeout(Duration::from_secs(30), futures_util::future::join_all(all)).await.unwrap();
        assert!(all.iter().all(|one| *one == Ok(("ok".to_owned(), 1))), "{all:?}");
        assert_eq!(server.seen.connections(), connections, "{count} {settings:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_allows_few_streams_gets_more_connections() {
    let server = all_at_once(12, &[(3, 4)]).await;
    let (forwarder, upstream) = (pooled(), h2c(&server));
    // One after the other, so that the settings of each connection are known when it is used again.
    let all = (0..12).map(|number| {
        let (forwarder, upstream) = (&forwarder, &upstream);
        async move {
            sleep(Duration::from_millis(200 * number)).await;
            answer(forwarder, upstream, get("/x")).await
        }
    });
    let all = timeout(Duration::from_secs(30), futures_util::future::join_all(all)).await.unwrap();
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(server.seen.connections(), 3);
}

type MakeBody = fn() -> OutBody;

/// How the first connection loses a request.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Refused,
    /// After the last stream that is taken.
    GoneBefore,
    /// Taken, and then lost.
    GoneAfter,
    Closed,
    Reset,
}

#[tokio::test]
async fn what_the_upstream_has_not_touched_goes_again_and_nothing_else() {
    use Loss::{Closed, GoneAfter, GoneBefore, Refused, Reset};
    let bodies: [(Method, MakeBody, &str); 5] = [
        (Method::GET, OutBody::empty, "empty"),
        (Method::PUT, full, "full"),
        (Method::POST, full, "full"),
        (Method::POST, || slow().0, "streamed"),
        (Method::PUT, || slow().0, "streamed"),
    ];
    for loss in [Refused, GoneBefore, GoneAfter, Closed, Reset] {
        for (method, body, kind) in &bodies {
            let again = match loss {
                _ if *kind == "streamed" => false,
                Refused | GoneBefore => true,
                GoneAfter | Closed => method.is_idempotent(),
                Reset => false,
            };
            let server = Server::start(move |number, stream, _| async move {
                let Some(mut peer) = Peer::accept(stream, &[]).await else { return };
                if number > 0 {
                    return peer.go_on().await;
                }
                let first = peer.request().await.unwrap();
                peer.ok(first).await;
                let Some(second) = peer.request().await else { return };
                let goaway = |last: u32| [last.to_be_bytes(), NO_ERROR.to_be_bytes()].concat();
                match loss {
                    Refused => peer.reset(second, REFUSED_STREAM).await,
                    Reset => peer.reset(second, INTERNAL_ERROR).await,
                    GoneBefore => peer.send(GOAWAY, 0, 0, &goaway(first)).await,
                    GoneAfter => {
                        peer.send(GOAWAY, 0, 0, &goaway(second)).await;
                        sleep(Duration::from_millis(50)).await;
                        return;
                    }
                    Closed => return,
                }
                while peer.next().await.is_some() {}
            })
            .await;
            let (forwarder, upstream) = (pooled(), h2c(&server));
            answer(&forwarder, &upstream, get("/first")).await.unwrap();
            let second = request(method.clone(), "/second", body());
            let outcome = timeout(Duration::from_secs(20), answer(&forwarder, &upstream, second)).await.unwrap();
            let what = format!("{loss:?} {method} {kind}");
            match outcome {
                Ok(answer) => assert!(again && answer == ("ok".to_owned(), 2), "{what}: {answer:?}"),
                Err(failure) => {
                    assert!(!again && failure.code() == Some("upstream-protocol-error"), "{what}: {failure}")
                }
            }
            assert_eq!(server.seen.connections(), 1 + usize::from(again), "{what}");
        }
    }
}

#[tokio::test]
async fn requests_that_are_lost_together_share_the_next_connection() {
    let server = Server::start(|number, stream, _| async move {
        let Some(mut peer) = Peer::accept(stream, &[]).await else { return };
        if number > 0 {
            return peer.go_on().await;
        }
        for _ in 0..50 {
            peer.request().await;
        }
        peer.send(GOAWAY, 0, 0, &[0; 8]).await;
        while peer.next().await.is_some() {}
    })
    .await;
    let (forwarder, upstream) = (pooled(), h2c(&server));
    let all = (0..50).map(|_| answer(&forwarder, &upstream, request(Method::POST, "/x", full())));
    let all = timeout(Duration::from_secs(30), futures_util::future::join_all(all)).await.unwrap();
    assert!(all.iter().all(|one| *one == Ok(("ok".to_owned(), 2))), "{all:?}");
    assert_eq!(server.seen.connections(), 2);
}

/// Head, data, whether the end is marked, what the reset says, whether the request goes on, whether the answer is whole.
type Cut = (&'static [u8], &'static [u8], bool, u32, bool, bool);

#[tokio::test]
async fn an_answer_that_is_reset_is_never_whole_unless_it_is() {
    const WITH_LENGTH_2: &[u8] = &[0x88, 0x0f, 0x0d, 0x01, b'2'];
    let table: [Cut; 10] = [
        (OK, b"ok", false, NO_ERROR, false, false),
        (OK, b"ok", false, CANCEL, false, false),
        (OK, b"ok", false, INTERNAL_ERROR, false, false),
        (OK, b"ok", false, NO_ERROR, true, false),
        (OK, b"", false, NO_ERROR, false, false),
        (WITH_LENGTH_2, b"o", false, NO_ERROR, true, false),
        (WITH_LENGTH_2, b"ok", false, NO_ERROR, true, true),
        (WITH_LENGTH_2, b"ok", true, NO_ERROR, true, true),
        (OK, b"", true, NO_ERROR, true, true),
        (OK, b"ok", true, NO_ERROR, false, true),
    ];
    for (head, data, marked, code, uploading, whole) in table {
        let what = format!("{head:x?} {data:?} {marked} {code} {uploading}");
        let server = Server::start(move |_, stream, _| async move {
            let Some(mut peer) = Peer::accept(stream, &[]).await else { return };
            let stream = peer.request().await.unwrap();
            let end = if marked { END_STREAM } else { 0 };
            if data.is_empty() {
                peer.send(HEADERS, END_HEADERS | end, stream, head).await;
            } else {
                peer.send(HEADERS, END_HEADERS, stream, head).await;
                peer.send(DATA, end, stream, data).await;
            }
            if uploading || !marked {
                peer.reset(stream, code).await;
            }
            while peer.next().await.is_some() {}
        })
        .await;
        let (body, _end) = slow();
        let request = if uploading { request(Method::POST, "/", body) } else { get("/") };
        let got = match send(&pooled(), &h2c(&server), request).await {
            Ok(forwarded) => timeout(Duration::from_secs(20), text(forwarded)).await.unwrap().ok(),
            Err(_) => None,
        };
        assert_eq!(got.as_deref(), whole.then(|| std::str::from_utf8(data).unwrap()), "{what}");
    }
}

/// `:status: 103`, by the name from the static table.
const STATUS_103: &[u8] = &[0x08, 0x03, b'1', b'0', b'3'];

#[tokio::test]
async fn provisional_answers_without_end_are_no_answer_and_take_nothing_from_others() {
    let server = Server::start(|_, stream, _| async move {
        let mut peer = Peer::accept(stream, &[]).await.unwrap();
        let stream = peer.request().await.unwrap();
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < Duration::from_secs(4) {
            peer.send(HEADERS, END_HEADERS, stream, STATUS_103).await;
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (forwarder, upstream) = (pooled(), h2c(&server));
    let mut timeouts = quick();
    timeouts.response = Duration::from_secs(1);
    let flooded = send_within(&forwarder, &upstream, timeouts, get("/"));
    let other = all_at_once(1, &[]).await;
    let others = async {
        sleep(Duration::from_millis(200)).await;
        for _ in 0..10 {
            assert_eq!(answer(&forwarder, &h2c(&other), get("/")).await, Ok(("ok".to_owned(), 1)));
        }
    };
    let (flooded, ()) = tokio::join!(flooded, others);
    assert_eq!(flooded.unwrap_err().failure, Failure::Timeout(Phase::Response));
}

#[tokio::test]
async fn what_nobody_knows_and_what_is_provisional_is_passed_over() {
    let server = Server::start(|_, stream, _| async move {
        let mut peer = Peer::accept(stream, &[(0xfafa, 1)]).await.unwrap();
        let stream = peer.request().await.unwrap();
        peer.send(0xfa, 0xff, 0, b"whatever").await;
        peer.send(HEADERS, END_HEADERS, stream, STATUS_103).await;
        peer.send(0xfb, 0, stream, b"").await;
        peer.ok(stream).await;
        peer.go_on().await;
    })
    .await;
    assert_eq!(answer(&pooled(), &h2c(&server), get("/")).await, Ok(("ok".to_owned(), 1)));
}

#[tokio::test]
async fn the_deadline_is_the_requests_own_and_a_dead_connection_is_left() {
    // The first stream is never answered. The others are, unless the whole connection has fallen silent.
    for silent in [false, true] {
        let server = Server::start(move |number, stream, _| async move {
            let mut peer = Peer::accept(stream, &[]).await.unwrap();
            let warm = peer.request().await.unwrap();
            peer.ok(warm).await;
            if number == 0 {
                peer.request().await;
            }
            if silent && number == 0 {
                return sleep(Duration::from_secs(60)).await;
            }
            peer.go_on().await;
        })
        .await;
        let (forwarder, upstream) = (pooled(), h2c(&server));
        answer(&forwarder, &upstream, get("/warm")).await.unwrap();
        let mut timeouts = quick();
        timeouts.response = Duration::from_secs(2);
        let never = send_within(&forwarder, &upstream, timeouts, get("/never"));
        let others = async {
            for _ in 0..if silent { 0 } else { 5 } {
                sleep(Duration::from_millis(300)).await;
                answer(&forwarder, &upstream, get("/other")).await.unwrap();
            }
        };
        let (never, ()) = tokio::join!(never, others);
        assert_eq!(never.unwrap_err().failure, Failure::Timeout(Phase::Response));
        assert_eq!(answer(&forwarder, &upstream, get("/after")).await, Ok(("ok".to_owned(), 1)));
        assert_eq!(server.seen.connections(), 1 + usize::from(silent));
    }
}

#[tokio::test]
async fn an_answer_that_is_dropped_and_a_request_that_is_given_up_reset_their_streams() {
    let (told, mut resets) = mpsc::unbounded_channel();
    let server = Server::start(move |_, stream, _| {
        let told = told.clone();
        async move {
            let mut peer = Peer::accept(stream, &[]).await.unwrap();
            let first = peer.request().await.unwrap();
            peer.send(HEADERS, END_HEADERS, first, OK).await;
            peer.send(DATA, 0, first, b"begun").await;
            while let Some((stream, code)) = peer.await_frame(RST_STREAM).await {
                told.send((stream, code)).unwrap();
            }
        }
    })
    .await;
    let (forwarder, upstream) = (pooled(), h2c(&server));
    let mut body = send(&forwarder, &upstream, get("/first")).await.unwrap().response.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "begun");
    drop(body);
    let patience = Duration::from_secs(10);
    assert_eq!(timeout(patience, resets.recv()).await.unwrap(), Some((1, CANCEL.to_be_bytes().to_vec())));
    for body in [OutBody::empty(), full(), slow().0] {
        let waiting = send(&forwarder, &upstream, request(Method::POST, "/second", body));
        assert!(timeout(Duration::from_millis(300), waiting).await.is_err());
        let (_, code) = timeout(patience, resets.recv()).await.unwrap().unwrap();
        assert_eq!(code, CANCEL.to_be_bytes());
    }
    assert_eq!(server.seen.connections(), 1, "the others' connection stays");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_callers_fault_and_resets_the_stream() {
    let (told, mut resets) = mpsc::unbounded_channel();
    let server = Server::start(move |_, stream, _| {
        let told = told.clone();
        async move {
            let mut peer = Peer::accept(stream, &[]).await.unwrap();
            while let Some((kind, flags, _, _)) = peer.next().await {
                assert!(kind != DATA || flags & END_STREAM == 0, "it never looks whole");
                if kind == RST_STREAM {
                    told.send(()).unwrap();
                }
            }
        }
    })
    .await;
    for error in [BodyError::Aborted, BodyError::Malformed, BodyError::TooLarge] {
        let pieces = [Ok(Frame::data(Bytes::from_static(b"begun"))), Err(error)];
        let body = OutBody::stream(StreamBody::new(futures_util::stream::iter(pieces)));
        let lost = send(&pooled(), &h2c(&server), request(Method::POST, "/", body)).await.unwrap_err();
        assert_eq!(lost.failure, Failure::RequestBody(error));
        timeout(Duration::from_secs(10), resets.recv()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_goes_silent_is_cut_off() {
    let server = Server::start(|_, stream, _| async move {
        let mut peer = Peer::accept(stream, &[]).await.unwrap();
        let first = peer.request().await.unwrap();
        peer.send(HEADERS, END_HEADERS, first, OK).await;
        peer.send(DATA, 0, first, b"begun").await;
        peer.go_on().await;
    })
    .await;
    let (forwarder, upstream) = (pooled(), h2c(&server));
    let mut timeouts = quick();
    timeouts.idle = Duration::from_millis(500);
    let begun = send_within(&forwarder, &upstream, timeouts, get("/")).await.unwrap();
    assert_eq!(text(begun).await.unwrap_err(), AnswerError::Idle);
    assert_eq!(answer(&forwarder, &upstream, get("/")).await, Ok(("ok".to_owned(), 1)));
}
