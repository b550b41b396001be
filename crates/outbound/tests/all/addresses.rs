//! What is dialled was checked, and what was checked is dialled.

use std::sync::Arc;
use std::time::Duration;

use model::upstream::{AddressClass, Refused};
use outbound::{Failure, Fault, Phase, Target, Timeouts, TlsSettings};
use tokio::net::TcpListener;

use super::server::{OK, Server, fixed, get, nets, pooled, quick, send, send_within, text, upstream};

#[tokio::test]
async fn localhost_and_literal_addresses_reach_this_machine() {
    let server = Server::answering(OK).await;
    // A resolver that would lead elsewhere is not even asked.
    let forwarder = pooled().with_resolver(fixed(&["8.8.8.8"]));
    for text_of in [format!("http://localhost:{}", server.address.port()), format!("http://{}", server.address)] {
        let answer = send(&forwarder, &upstream(&text_of), get("/")).await.unwrap();
        assert_eq!(text(answer).await.unwrap(), "ok");
    }
    assert_eq!(server.seen.connections(), 2);
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_refused_unless_allowed() {
    let server = Server::answering(OK).await;
    for address in ["127.0.0.1", "::ffff:127.0.0.1"] {
        let forwarder = pooled().with_resolver(fixed(&[address]));
        let upstream = upstream(&format!("http://h.internal:{}", server.address.port()));
        let error = send(&forwarder, &upstream, get("/")).await.unwrap_err();
        assert_eq!(error.failure, Failure::Refused(Refused::NotPublic(AddressClass::Loopback)));
        assert_eq!((error.sent, error.outcome()), (0, None));
        assert_eq!(error.failure.fault(), Fault::Configuration);
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    }
    assert_eq!(server.seen.connections(), 0);

    let upstream = upstream(&format!("http://h.internal:{}", server.address.port()));
    let forwarder = pooled().with_resolver(fixed(&["127.0.0.1"]));
    let (tls, own) = (TlsSettings::default(), nets(&["127.0.0.0/8"]));
    let target = Target { upstream: &upstream, tls: &tls, allow_private: &own, timeouts: quick() };
    assert_eq!(text(forwarder.forward(target, get("/")).await.unwrap()).await.unwrap(), "ok");
}

#[tokio::test]
async fn addresses_that_are_refused_do_not_hide_those_that_are_not() {
    let server = Server::answering(OK).await;
    let upstream = upstream(&format!("http://h.internal:{}", server.address.port()));
    let forwarder = pooled().with_resolver(fixed(&["169.254.169.254", "127.0.0.1"]));
    let (tls, own) = (TlsSettings::default(), nets(&["127.0.0.0/8"]));
    let target = Target { upstream: &upstream, tls: &tls, allow_private: &own, timeouts: quick() };
    assert_eq!(text(forwarder.forward(target, get("/")).await.unwrap()).await.unwrap(), "ok");
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_answer() {
    let server = Server::answering(OK).await;
    let upstream = upstream(&format!("http://h.internal:{}", server.address.port()));
    // Nobody listens on 127.0.0.9.
    let forwarder = pooled().with_resolver(fixed(&["127.0.0.9", "127.0.0.1"]));
    let (tls, own) = (TlsSettings::default(), nets(&["127.0.0.0/8"]));
    let target = Target { upstream: &upstream, tls: &tls, allow_private: &own, timeouts: quick() };
    assert_eq!(text(forwarder.forward(target, get("/")).await.unwrap()).await.unwrap(), "ok");
}

#[tokio::test]
async fn nobody_there() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = send(&pooled(), &upstream(&format!("http://{free}")), get("/")).await.unwrap_err();
    assert_eq!(error.failure, Failure::Connect(std::io::ErrorKind::ConnectionRefused));
    assert_eq!((error.failure.code(), error.sent), (Some("upstream-unreachable"), 0));

    let nowhere = pooled().with_resolver(fixed(&[]));
    let error = send(&nowhere, &upstream("https://h.example"), get("/")).await.unwrap_err();
    assert_eq!((error.failure, error.failure.proxy_status()), (Failure::Resolve, "dns_error"));
}

#[tokio::test]
async fn a_resolver_that_does_not_answer_is_not_waited_for() {
    struct Never;
    impl outbound::Resolve for Never {
        fn resolve<'a>(&'a self, _name: &'a str) -> outbound::Resolving<'a> {
            Box::pin(std::future::pending())
        }
    }
    let forwarder = pooled().with_resolver(Arc::new(Never));
    let timeouts = Timeouts { connect: Duration::from_millis(50), ..quick() };
    let error = send_within(&forwarder, &upstream("https://h.example"), timeouts, get("/")).await.unwrap_err();
    assert_eq!(error.failure, Failure::Timeout(Phase::Connect));
    assert_eq!(error.failure.code(), Some("upstream-timeout"));
}
