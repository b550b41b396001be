//! Bodies pass through in pieces: nothing waits for the end, nothing piles up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use outbound::{BodyError, OutBody};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::server::{Server, get, pooled, request, send, text};

const PIECE: usize = 65_536;
/// What the sockets' buffers on both sides may swallow.
const BUFFERS: usize = 32 * 1024 * 1024;

#[tokio::test]
async fn a_piece_arrives_when_it_is_sent() {
    let server = Server::start(|_, mut stream, seen| async move {
        seen.read(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n").await.unwrap();
        stream.read_u8().await.ok();
    })
    .await;
    let answer = send(&pooled(), &server.upstream(), get("/")).await.unwrap();
    let frame = timeout(Duration::from_secs(2), answer.response.into_body().frame()).await.unwrap();
    assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n");
}

#[tokio::test]
async fn an_upload_goes_no_faster_than_the_upstream_reads() {
    let server = Server::start(|_, mut stream, _| async move {
        stream.read_u8().await.unwrap();
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pulled);
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let endless = futures_util::stream::repeat_with(move || {
        count.fetch_add(PIECE, Ordering::SeqCst);
        Ok::<_, BodyError>(Frame::data(piece.clone()))
    });
    let forwarder = pooled();
    let upstream = server.upstream();
    let post = request(Method::POST, "/", OutBody::stream(StreamBody::new(endless)));
    let sending = send(&forwarder, &upstream, post);
    assert!(timeout(Duration::from_millis(500), sending).await.is_err());
    let pulled = pulled.load(Ordering::SeqCst);
    assert!((PIECE..BUFFERS).contains(&pulled), "{pulled}");
}

#[tokio::test]
async fn an_answer_that_comes_before_the_upload_has_ended_is_passed_on() {
    let server = Server::start(|_, mut stream, _| async move {
        while stream.read_u8().await.unwrap() != b'{' {}
        stream.write_all(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
        // As servers do that want their answer to arrive: no more is written, what comes is thrown away for a while.
        stream.shutdown().await.unwrap();
        tokio::io::copy(&mut stream.take(BUFFERS as u64), &mut tokio::io::sink()).await.ok();
    })
    .await;
    let piece = Bytes::from(vec![b'{'; PIECE]);
    let endless = futures_util::stream::repeat_with(move || Ok::<_, BodyError>(Frame::data(piece.clone())));
    let post = request(Method::POST, "/", OutBody::stream(StreamBody::new(endless)));
    let answer = send(&pooled(), &server.upstream(), post).await.unwrap();
    assert_eq!(answer.response.status(), 413);
    assert_eq!(text(answer).await.unwrap(), "no");
}

#[tokio::test]
async fn an_answer_comes_no_faster_than_it_is_read() {
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let server = Server::start(move |_, mut stream, seen| {
        let count = Arc::clone(&count);
        async move {
            seen.read(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let piece = vec![b'x'; PIECE];
            while stream.write_all(&piece).await.is_ok() {
                count.fetch_add(PIECE, Ordering::SeqCst);
            }
        }
    })
    .await;
    let answer = send(&pooled(), &server.upstream(), get("/")).await.unwrap();
    sleep(Duration::from_millis(500)).await;
    let before = written.load(Ordering::SeqCst);
    assert!(before < BUFFERS, "{before}");
    // Read on, and it goes on: well past what could have been buffered.
    let mut body = answer.response.into_body();
    let mut read = 0;
    while read < 2 * BUFFERS {
        read += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
    }
    // Dropped, the upstream is told.
    drop(body);
    sleep(Duration::from_millis(100)).await;
    let after = written.load(Ordering::SeqCst);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(written.load(Ordering::SeqCst), after);
}

#[tokio::test]
async fn a_large_body_goes_there_and_comes_back() {
    const SIZE: usize = 32 * 1024 * 1024;
    // Sends back what it receives, byte for byte, while it still receives.
    let server = Server::start(|_, mut stream, _| async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        let (reader, mut writer) = stream.split();
        tokio::io::copy(&mut reader.take(SIZE as u64), &mut writer).await.unwrap();
    })
    .await;
    let pieces = futures_util::stream::iter((0..SIZE / PIECE).map(|number| {
        let piece = Bytes::from(vec![u8::try_from(number % 251).unwrap(); PIECE]);
        Ok::<_, BodyError>(Frame::data(piece))
    }));
    let body = OutBody::stream(super::bodies::OfLength { inner: StreamBody::new(pieces), length: SIZE as u64 });
    let answer = send(&pooled(), &server.upstream(), request(Method::POST, "/", body)).await.unwrap();
    let mut body = answer.response.into_body();
    let mut at = 0;
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        for byte in data {
            assert_eq!(usize::from(byte), at / PIECE % 251);
            at += 1;
        }
    }
    assert_eq!(at, SIZE);
}
