//! No wait without an end, and none that cuts off what makes progress.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body::Frame;
use http_body_util::StreamBody;
use outbound::{AnswerError, BodyError, Failure, OutBody, Phase, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::server::{OK, Server, get, pooled, quick, request, send_within, text};

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn an_upstream_that_does_not_answer() {
    let server = Server::start(|_, mut stream, seen| async move {
        seen.read(&mut stream).await;
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    let timeouts = Timeouts { response: SHORT, ..quick() };
    let started = Instant::now();
    let error = send_within(&pooled(), &server.upstream(), timeouts, get("/")).await.unwrap_err();
    assert_eq!((error.failure, error.sent), (Failure::Timeout(Phase::Response), 1));
    assert!(started.elapsed() < quick().response);
    // A GET that was only slow is not asked twice.
    assert_eq!(server.seen.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_go_on() {
    let server = Server::start(|_, mut stream, seen| async move {
        seen.read(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n").await.unwrap();
        for _ in 0..10 {
            stream.write_all(b"x").await.unwrap();
            sleep(SHORT / 4).await;
        }
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    let timeouts = Timeouts { idle: SHORT, ..quick() };
    let started = Instant::now();
    let answer = send_within(&pooled(), &server.upstream(), timeouts, get("/")).await.unwrap();
    assert_eq!(text(answer).await, Err(AnswerError::Idle));
    // Each piece starts the wait anew: ten of them took longer than one wait.
    assert!(started.elapsed() > SHORT * 2);
}

/// Yields `count` pieces, one every `pause`.
fn slow_body(count: usize, pause: Duration) -> OutBody {
    let pieces = futures_util::stream::unfold(0, move |at| async move {
        sleep(pause).await;
        (at < count).then(|| (Ok::<_, BodyError>(Frame::data(Bytes::from_static(b"x"))), at + 1))
    });
    OutBody::stream(StreamBody::new(Box::pin(pieces)))
}

#[tokio::test]
async fn a_slow_upload_is_not_a_slow_answer() {
    let server = Server::answering(OK).await;
    let timeouts = Timeouts { response: SHORT, ..quick() };
    let post = request(Method::POST, "/", slow_body(10, SHORT / 4));
    let answer = send_within(&pooled(), &server.upstream(), timeouts, post).await.unwrap();
    assert_eq!(text(answer).await.unwrap(), "ok");
}

#[tokio::test]
async fn an_upload_that_does_not_go_on_is_the_callers_fault() {
    let server = Server::answering(OK).await;
    let timeouts = Timeouts { idle: SHORT, response: SHORT / 2, ..quick() };
    let post = request(Method::POST, "/", slow_body(2, Duration::from_secs(60)));
    let error = send_within(&pooled(), &server.upstream(), timeouts, post).await.unwrap_err();
    assert_eq!((error.failure, error.sent), (Failure::RequestBody(BodyError::TimedOut), 1));
}

#[tokio::test]
async fn an_upstream_that_does_not_read_is_not_waited_for() {
    let server = Server::start(|_, mut stream, _| async move {
        stream.read_u8().await.unwrap();
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    let piece = Bytes::from(vec![0; 65_536]);
    let endless = futures_util::stream::repeat_with(move || Ok::<_, BodyError>(Frame::data(piece.clone())));
    let timeouts = Timeouts { response: SHORT, ..quick() };
    let post = request(Method::POST, "/", OutBody::stream(StreamBody::new(endless)));
    let error = send_within(&pooled(), &server.upstream(), timeouts, post).await.unwrap_err();
    assert_eq!((error.failure, error.sent), (Failure::Timeout(Phase::Response), 1));
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let server = Server::start(|_, stream, _| async move {
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let upstream = super::server::upstream(&format!("https://{}", server.address));
    let timeouts = Timeouts { connect: SHORT, ..quick() };
    let error = send_within(&pooled(), &upstream, timeouts, get("/")).await.unwrap_err();
    assert_eq!((error.failure, error.sent), (Failure::Timeout(Phase::Connect), 0));
}
