//! Connections are used again when, and only when, that is safe.

use std::sync::Arc;
use std::time::Duration;

use outbound::{Forwarder, OutBody, PoolLimits, Target, Tls, TlsSettings};
use tokio::io::AsyncWriteExt;

use super::server::{OK, Server, fixed, get, nets, pooled, quick, request, send, text, upstream};

#[tokio::test]
async fn one_connection_serves_one_request_after_another() {
    for answer in [
        OK,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        let server = Server::answering(answer).await;
        let forwarder = pooled();
        for number in 0..20 {
            let answer = send(&forwarder, &server.upstream(), get("/x")).await.unwrap();
            assert_eq!(answer.sent, 1, "request {number}");
            text(answer).await.unwrap();
        }
        assert_eq!(server.seen.connections(), 1, "{answer}");
        assert_eq!(server.seen.requests().len(), 20);
    }
}

#[tokio::test]
async fn requests_with_bodies_use_a_connection_again_too() {
    let server = Server::answering(OK).await;
    let forwarder = pooled();
    for _ in 0..5 {
        let post = request(http::Method::POST, "/x", OutBody::full("hello".into()));
        text(send(&forwarder, &server.upstream(), post).await.unwrap()).await.unwrap();
    }
    assert_eq!(server.seen.connections(), 1);
}

#[tokio::test]
async fn requests_at_the_same_time_have_connections_of_their_own() {
    let server = Server::answering(OK).await;
    let forwarder = pooled();
    let upstream = server.upstream();
    let (one, two) = tokio::join!(send(&forwarder, &upstream, get("/1")), send(&forwarder, &upstream, get("/2")));
    let (one, two) = (text(one.unwrap()).await.unwrap(), text(two.unwrap()).await.unwrap());
    assert_eq!((one.as_str(), two.as_str()), ("ok", "ok"));
    assert_eq!(server.seen.connections(), 2);
    text(send(&forwarder, &upstream, get("/3")).await.unwrap()).await.unwrap();
    assert_eq!(server.seen.connections(), 2);
}

#[tokio::test]
async fn an_answer_that_is_not_read_to_its_end_closes_the_connection() {
    let server = Server::answering(OK).await;
    let forwarder = pooled();
    drop(send(&forwarder, &server.upstream(), get("/1")).await.unwrap());
    text(send(&forwarder, &server.upstream(), get("/2")).await.unwrap()).await.unwrap();
    assert_eq!(server.seen.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_not_used_again() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let server = Server::answering(answer).await;
        let forwarder = pooled();
        for _ in 0..3 {
            let answer = send(&forwarder, &server.upstream(), get("/")).await.unwrap();
            assert_eq!((answer.sent, text(answer).await.unwrap().as_str()), (1, "ok"));
        }
        assert_eq!(server.seen.connections(), 3, "{answer}");
    }
}

#[tokio::test]
async fn idle_connections_are_closed_after_their_time_and_beyond_their_number() {
    let server = Server::start(|_, mut stream, seen| async move {
        while seen.read(&mut stream).await.is_some() {
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    })
    .await;
    let limits = PoolLimits { idle: Duration::from_millis(400), per_upstream: 1 };
    let forwarder = Forwarder::pooled(Arc::new(Tls::new()), limits);
    let upstream = server.upstream();
    for _ in 0..2 {
        text(send(&forwarder, &upstream, get("/")).await.unwrap()).await.unwrap();
    }
    assert_eq!(server.seen.connections(), 1);
    tokio::time::sleep(Duration::from_millis(600)).await;
    text(send(&forwarder, &upstream, get("/")).await.unwrap()).await.unwrap();
    assert_eq!(server.seen.connections(), 2);

    // Two at once, of which one is kept: the next two need one new connection.
    let both = || async {
        let (one, two) = tokio::join!(send(&forwarder, &upstream, get("/1")), send(&forwarder, &upstream, get("/2")));
        text(one.unwrap()).await.unwrap();
        text(two.unwrap()).await.unwrap();
    };
    both().await;
    let before = server.seen.connections();
    both().await;
    assert_eq!(server.seen.connections(), before + 1);
}

#[tokio::test]
async fn without_a_pool_each_request_has_its_own_connection() {
    let server = Server::answering(OK).await;
    let forwarder = Forwarder::unpooled(Arc::new(Tls::new()));
    for _ in 0..3 {
        assert_eq!(text(send(&forwarder, &server.upstream(), get("/")).await.unwrap()).await.unwrap(), "ok");
    }
    assert_eq!(server.seen.connections(), 3);
}

#[tokio::test]
async fn a_kept_connection_is_not_used_once_its_address_is_no_longer_allowed() {
    let server = Server::answering(OK).await;
    let forwarder = pooled().with_resolver(fixed(&["127.0.0.1"]));
    let upstream = upstream(&format!("http://h.internal:{}", server.address.port()));
    let tls = TlsSettings::default();
    let own = nets(&["127.0.0.0/8"]);
    let allowed = Target { upstream: &upstream, tls: &tls, allow_private: &own, timeouts: quick() };
    text(forwarder.forward(allowed, get("/")).await.unwrap()).await.unwrap();
    assert_eq!(server.seen.requests().len(), 1);
    let refused = Target { allow_private: &[], ..allowed };
    let error = forwarder.forward(refused, get("/")).await.unwrap_err();
    assert_eq!((error.failure.proxy_status(), error.sent), ("destination_ip_prohibited", 0));
    assert_eq!(server.seen.requests().len(), 1);
}

#[test]
fn an_unpooled_forwarder_runs_on_any_runtime() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let forwarder = Forwarder::unpooled(Arc::new(Tls::new()));
    let (upstream, tls) = (upstream("https://h.example"), TlsSettings::default());
    let target = Target { upstream: &upstream, tls: &tls, allow_private: &[], timeouts: quick() };
    drop(send(forwarder.forward(target, get("/"))));
}
