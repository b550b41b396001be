//! What is dialled was checked, and what was checked is dialled.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::upstream::{AddressClass, Refused};
use outbound::{
    CachingResolver, Failure, Fault, Forwarder, Phase, Resolve, Resolving, Target, Timeouts, Tls, TlsSettings,
};
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

#[tokio::test]
async fn what_is_remembered_of_a_name_is_no_leave_to_dial_it() {
    let server = Server::answering(OK).await;
    let upstream = upstream(&format!("http://h.internal:{}", server.address.port()));
    let resolver = CachingResolver::new(fixed(&["127.0.0.1"]));
    let forwarder = Forwarder::unpooled(Arc::new(Tls::new())).with_resolver(Arc::new(resolver));
    let (tls, own) = (TlsSettings::default(), nets(&["127.0.0.0/8"]));
    let target = Target { upstream: &upstream, tls: &tls, allow_private: &own, timeouts: quick() };
    for _ in 0..2 {
        assert_eq!(text(forwarder.forward(target, get("/")).await.unwrap()).await.unwrap(), "ok");
    }
    // The same name, the same answer, and another configuration.
    let error = forwarder.forward(Target { allow_private: &[], ..target }, get("/")).await.unwrap_err();
    assert_eq!(error.failure, Failure::Refused(Refused::NotPublic(AddressClass::Loopback)));
    assert_eq!(server.seen.connections(), 2);
}

/// Answers each time with the next of these addresses.
struct Changing {
    answers: Mutex<Vec<IpAddr>>,
}

impl Resolve for Changing {
    fn resolve<'a>(&'a self, _name: &'a str) -> Resolving<'a> {
        Box::pin(async move { Ok(vec![self.answers.lock().unwrap().remove(0)]) })
    }
}

#[tokio::test]
async fn an_answer_that_changes_is_checked_where_it_is_dialled() {
    let server = Server::answering(OK).await;
    // Another server on the same port, at an address that is not allowed.
    let other = std::net::TcpListener::bind(("127.0.0.2", server.address.port())).unwrap();
    other.set_nonblocking(true).unwrap();
    let answers = ["127.0.0.1", "127.0.0.2", "127.0.0.1"].map(|address| address.parse().unwrap());
    let changing = Arc::new(Changing { answers: Mutex::new(answers.to_vec()) });
    let forwarder = Forwarder::unpooled(Arc::new(Tls::new())).with_resolver(changing);
    let upstream = upstream(&format!("http://h.internal:{}", server.address.port()));
    let (tls, own) = (TlsSettings::default(), nets(&["127.0.0.1/32"]));
    let target = Target { upstream: &upstream, tls: &tls, allow_private: &own, timeouts: quick() };
    for allowed in [true, false, true] {
        match forwarder.forward(target, get("/")).await {
            Ok(answer) => assert!(allowed && text(answer).await.unwrap() == "ok"),
            Err(error) => {
                let refused = Failure::Refused(Refused::NotPublic(AddressClass::Loopback));
                assert!(!allowed && error.failure == refused && error.sent == 0, "{error}");
            }
        }
    }
    assert_eq!(server.seen.connections(), 2, "the name was asked for once at each connection");
    assert_eq!(other.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody came");
}

#[tokio::test]
async fn of_mixed_answers_only_the_good_ones_are_dialled() {
    let server = Server::answering(OK).await;
    let upstream = upstream(&format!("http://h.internal:{}", server.address.port()));
    let (tls, own) = (TlsSettings::default(), nets(&["127.0.0.1/32"]));
    let target = Target { upstream: &upstream, tls: &tls, allow_private: &own, timeouts: quick() };
    for bad in
        ["169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "::1", "0.0.0.0"]
    {
        let mixed = Forwarder::unpooled(Arc::new(Tls::new())).with_resolver(fixed(&[bad, "127.0.0.1", bad]));
        assert_eq!(text(mixed.forward(target, get("/")).await.unwrap()).await.unwrap(), "ok", "{bad}");
        let alone = Forwarder::unpooled(Arc::new(Tls::new())).with_resolver(fixed(&[bad]));
        let error = alone.forward(target, get("/")).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Refused(_)), "{bad}: {error}");
    }
}
