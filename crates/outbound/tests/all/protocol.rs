//! What goes over the wire, and answers that are none.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderValue, Method, StatusCode};
use hyper_util::rt::TokioIo;
use model::usage::Outcome;
use outbound::{AnswerError, Failure, OutBody};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::{OK, Server, get, pooled, request, send, text};

#[tokio::test]
async fn host_and_framing_are_set_here_whatever_the_request_said() {
    let server = Server::answering(OK).await;
    let forwarder = pooled();
    let full = || OutBody::full("hello".into());
    // method, body, what the head says about the body
    for (method, body, framing) in [
        (Method::GET, OutBody::empty(), None),
        (Method::DELETE, OutBody::empty(), None),
        (Method::POST, OutBody::empty(), Some("content-length: 0")),
        (Method::POST, full(), Some("content-length: 5")),
        (Method::GET, full(), Some("content-length: 5")),
        (Method::POST, super::bodies::unsized_stream(), Some("transfer-encoding: chunked")),
        (Method::GET, super::bodies::unsized_stream(), Some("transfer-encoding: chunked")),
    ] {
        let mut sent = request(method.clone(), "http://evil.example/x?a=%2F&b", body);
        sent.headers_mut().append(HOST, HeaderValue::from_static("evil.example"));
        sent.headers_mut().append(HOST, HeaderValue::from_static("evil2.example"));
        sent.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("99"));
        sent.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("gzip"));
        text(send(&forwarder, &server.upstream(), sent).await.unwrap()).await.unwrap();
        let seen = server.seen.requests().last().unwrap().to_ascii_lowercase();
        assert!(
            seen.starts_with(&format!("{} /x?a=%2f&b http/1.1\r\n", method.as_str().to_ascii_lowercase())),
            "{seen}"
        );
        assert_eq!(seen.matches("host: ").count(), 1, "{seen}");
        assert!(seen.contains(&format!("host: {}\r\n", server.address)), "{seen}");
        let found: Vec<&str> = seen
            .split("\r\n")
            .filter(|line| line.starts_with("content-length") || line.starts_with("transfer-"))
            .collect();
        assert_eq!(found, framing.into_iter().collect::<Vec<_>>(), "{method}");
        assert_eq!(seen.contains("hello"), framing.is_some_and(|framing| framing != "content-length: 0"), "{method}");
    }
}

#[tokio::test]
async fn methods_that_would_show_or_bypass_are_refused() {
    let server = Server::answering(OK).await;
    for method in [Method::TRACE, Method::CONNECT] {
        let error = send(&pooled(), &server.upstream(), request(method, "/", OutBody::empty())).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Request(_)), "{error}");
        assert_eq!((error.sent, error.failure.code()), (0, None));
    }
    assert_eq!(server.seen.connections(), 0);
}

#[tokio::test]
async fn answers_that_are_none() {
    for answer in [
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "SSH-2.0-OpenSSH_9\r\n\r\n",
    ] {
        let server = Server::answering(answer).await;
        let error = send(&pooled(), &server.upstream(), get("/")).await.map(|_| answer).unwrap_err();
        assert!(matches!(error.failure, Failure::Protocol(_)), "{answer}: {error}");
        assert_eq!((error.sent, error.outcome()), (1, Some(Outcome::Failed)), "{answer}");
        assert_eq!(error.failure.code(), Some("upstream-protocol-error"));
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_seen_to_be() {
    // answer, whole
    for (answer, whole) in [
        (OK, true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n", false),
        // Ended by the close alone, as HTTP/1.0 servers do.
        ("HTTP/1.1 200 OK\r\n\r\nok", true),
    ] {
        let server = Server::start(move |_, mut stream, seen| async move {
            seen.read(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let found = text(send(&pooled(), &server.upstream(), get("/")).await.unwrap()).await;
        assert_eq!(found, if whole { Ok("ok".to_owned()) } else { Err(AnswerError::Cut) }, "{answer}");
    }
}

#[tokio::test]
async fn redirects_are_passed_back() {
    let server =
        Server::answering("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n").await;
    let answer = send(&pooled(), &server.upstream(), get("/")).await.unwrap();
    assert_eq!(answer.response.status(), StatusCode::FOUND);
    assert_eq!(server.seen.requests().len(), 1);
}

#[tokio::test]
async fn an_upgrade_that_was_asked_for_is_passed_through() {
    let server = Server::start(|_, mut stream, seen| async move {
        seen.read(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhi")
            .await
            .unwrap();
        let mut word = [0; 4];
        stream.read_exact(&mut word).await.unwrap();
        stream.write_all(&word).await.unwrap();
    })
    .await;
    let mut asked = get("/");
    asked.headers_mut().insert(UPGRADE, HeaderValue::from_static("echo"));
    asked.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    let answer = send(&pooled(), &server.upstream(), asked).await.unwrap();
    assert_eq!(answer.response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut tunnel = TokioIo::new(hyper::upgrade::on(answer.response).await.unwrap());
    tunnel.write_all(b"echo").await.unwrap();
    let mut heard = [0; 6];
    tunnel.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hiecho");
}
