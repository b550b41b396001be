//! A request is sent a second time once, and only when that cannot do a thing twice.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::StreamBody;
use outbound::{BodyError, Failure, OutBody};
use tokio::io::AsyncWriteExt;

use super::server::{OK, Server, pooled, request, send, text, upstream};

/// Answers one request, and closes when the next has arrived on the same connection; later connections work.
async fn closes_on_reuse() -> Server {
    Server::start(|number, mut stream, seen| async move {
        seen.read(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
        while seen.read(&mut stream).await.is_some() && number > 0 {
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    })
    .await
}

fn streamed() -> OutBody {
    let pieces = futures_util::stream::iter([Ok::<_, BodyError>(http_body::Frame::data(Bytes::from_static(b"hello")))]);
    OutBody::stream(StreamBody::new(pieces))
}

#[tokio::test]
async fn what_is_lost_on_a_reused_connection() {
    let full = || OutBody::full("hello".into());
    // method, body, sent again
    for (method, body, again) in [
        (Method::GET, OutBody::empty(), true),
        (Method::HEAD, OutBody::empty(), true),
        (Method::DELETE, OutBody::empty(), true),
        (Method::PUT, full(), true),
        (Method::PUT, streamed(), false),
        (Method::POST, OutBody::empty(), false),
        (Method::POST, full(), false),
        (Method::POST, streamed(), false),
        (Method::PATCH, full(), false),
    ] {
        let what = format!("{method} {body:?}");
        let server = closes_on_reuse().await;
        let forwarder = pooled();
        let first = request(Method::GET, "/first", OutBody::empty());
        text(send(&forwarder, &server.upstream(), first).await.unwrap()).await.unwrap();

        let outcome = send(&forwarder, &server.upstream(), request(method.clone(), "/second", body)).await;
        let arrived = server.seen.requests().iter().filter(|request| request.contains("/second")).count();
        if again {
            assert_eq!(outcome.unwrap().sent, 2, "{what}");
            assert_eq!((arrived, server.seen.connections()), (2, 2), "{what}");
        } else {
            let error = outcome.unwrap_err();
            assert_eq!((error.failure, error.sent), (Failure::Closed, 1), "{what}");
            assert_eq!((arrived, server.seen.connections()), (1, 1), "{what}");
        }
    }
}

#[tokio::test]
async fn what_was_never_sent_is_sent_whatever_it_is() {
    for body in [OutBody::empty(), OutBody::full("hello".into()), streamed()] {
        let what = format!("{body:?}");
        // Closes each connection after one answer, while it lies in the pool.
        let server = Server::start(|_, mut stream, seen| async move {
            seen.read(&mut stream).await;
            stream.write_all(OK.as_bytes()).await.unwrap();
        })
        .await;
        let forwarder = pooled();
        let first = request(Method::GET, "/first", OutBody::empty());
        text(send(&forwarder, &server.upstream(), first).await.unwrap()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let answer = send(&forwarder, &server.upstream(), request(Method::POST, "/second", body)).await.unwrap();
        assert_eq!(answer.sent, 1, "{what}");
        assert_eq!(server.seen.requests().len(), 2, "{what}");
    }
}

#[tokio::test]
async fn a_close_that_races_with_a_post_never_doubles_it() {
    // The server closes just after its answer, so that some requests meet an open and some a closing connection.
    let server = Server::start(|number, mut stream, seen| async move {
        seen.read(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
        for _ in 0..number % 7 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let forwarder = pooled();
    let mut answered = 0;
    for number in 0..300 {
        let post = request(Method::POST, &format!("/{number}"), OutBody::full("x".into()));
        if let Ok(answer) = send(&forwarder, &server.upstream(), post).await {
            text(answer).await.unwrap();
            answered += 1;
        }
        let line = format!("POST /{number} ");
        let arrived = server.seen.requests().iter().filter(|request| request.starts_with(&line)).count();
        assert!(arrived <= 1, "{number} arrived {arrived} times");
    }
    assert!(answered > 100, "{answered}");
}

#[tokio::test]
async fn a_close_that_has_arrived_unnoticed_loses_no_post() {
    // A server of its own thread: it closes while this thread is too busy to look at the network.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (read, answer_was_read) = std::sync::mpsc::channel();
    let (closed, connection_closed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(OK.as_bytes());
            let _ = answer_was_read.recv();
            drop(stream);
            let _ = closed.send(());
        }
    });
    let (forwarder, upstream) = (pooled(), upstream(&format!("http://{address}")));
    for _ in 0..20 {
        let answer = send(&forwarder, &upstream, request(Method::POST, "/", OutBody::full("x".into()))).await.unwrap();
        assert_eq!(answer.sent, 1);
        text(answer).await.unwrap();
        read.send(()).unwrap();
        connection_closed.recv().unwrap();
    }
}

#[tokio::test]
async fn an_upstream_that_closes_at_once_is_tried_twice_at_most() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let accepted = Arc::clone(&count);
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            drop(stream);
            accepted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let (forwarder, upstream) = (pooled(), upstream(&format!("http://{address}")));
    for _ in 0..50 {
        let before = count.load(Ordering::SeqCst);
        let post = request(Method::POST, "/", OutBody::full("x".into()));
        let error = send(&forwarder, &upstream, post).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Closed) && error.sent <= 1, "{error:?}");
        std::thread::sleep(Duration::from_millis(2));
        assert!(count.load(Ordering::SeqCst) - before <= 2);
    }
}

#[tokio::test]
async fn a_new_connection_that_closes_is_not_tried_again() {
    let server = Server::start(|_, mut stream, seen| async move {
        seen.read(&mut stream).await;
    })
    .await;
    let error = send(&pooled(), &server.upstream(), request(Method::GET, "/", OutBody::empty())).await.unwrap_err();
    assert_eq!((error.failure, error.sent), (Failure::Closed, 1));
    assert_eq!(server.seen.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_asked_for_again() {
    let server = Server::start(|number, mut stream, seen| async move {
        seen.read(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
        if seen.read(&mut stream).await.is_some() {
            let answer = if number == 0 { "HTTP/1.1 200 O" } else { OK };
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let forwarder = pooled();
    let get = || -> Request<OutBody> { request(Method::GET, "/", OutBody::empty()) };
    text(send(&forwarder, &server.upstream(), get()).await.unwrap()).await.unwrap();
    let error = send(&forwarder, &server.upstream(), get()).await.unwrap_err();
    assert_eq!((error.failure, error.sent), (Failure::Closed, 1));
    assert_eq!((server.seen.connections(), server.seen.requests().len()), (1, 2));
}
