//! Certificates are verified: by the platform's authorities and the route's own, never not at all.

use std::sync::Arc;

use outbound::{CaError, Failure, Forwarder, PoolLimits, Target, Tls, TlsFailure, TlsSettings, check_ca};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use super::server::{OK, Server, get, nets, quick, text, upstream};

/// An authority, and a certificate of it.
pub(super) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A server that shows a certificate for `name`, which ended in `until` where that is given.
    pub(super) async fn server(&self, name: &str, until: Option<i32>) -> Server {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if let Some(year) = until {
            (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(year, 1, 1));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Server::start(move |_, stream, seen| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
                while seen.read(&mut stream).await.is_some() {
                    stream.write_all(OK.as_bytes()).await.unwrap();
                }
            }
        })
        .await
    }

    pub(super) fn settings(&self) -> TlsSettings {
        TlsSettings { ca: Some(Arc::from(self.pem.as_str())), identity: None }
    }
}

/// Sends to `https://name:port`, where name leads to this machine.
pub(super) async fn send(
    forwarder: &Forwarder,
    server: &Server,
    name: &str,
    tls: &TlsSettings,
) -> Result<String, Failure> {
    let upstream = upstream(&format!("https://{name}:{}", server.address.port()));
    let own = nets(&["127.0.0.0/8"]);
    let target = Target { upstream: &upstream, tls, allow_private: &own, timeouts: quick() };
    match forwarder.forward(target, get("/")).await {
        Ok(answer) => Ok(text(answer).await.unwrap()),
        Err(error) => {
            assert_eq!(error.sent, 0, "a request was sent before the certificate was verified");
            Err(error.failure)
        }
    }
}

fn forwarder() -> Forwarder {
    Forwarder::pooled(Arc::new(Tls::new()), PoolLimits::default()).with_resolver(super::server::fixed(&["127.0.0.1"]))
}

#[tokio::test]
async fn a_certificate_needs_a_known_authority_the_right_name_and_time() {
    let (known, other) = (Authority::new("known"), Authority::new("other"));
    let good = known.server("h.example", None).await;
    let plain = Server::start(|_, mut stream, _| async move { stream.write_all(OK.as_bytes()).await.unwrap() }).await;
    let forwarder = forwarder();
    let known_ca = known.settings();

    assert_eq!(send(&forwarder, &good, "h.example", &known_ca).await, Ok("ok".to_owned()));
    for (server, tls, failure) in [
        (&good, &TlsSettings::default(), TlsFailure::UnknownIssuer),
        (&good, &other.settings(), TlsFailure::UnknownIssuer),
        (&known.server("other.example", None).await, &known_ca, TlsFailure::WrongName),
        (&known.server("h.example", Some(2020)).await, &known_ca, TlsFailure::Expired),
        (&plain, &known_ca, TlsFailure::Handshake),
    ] {
        assert_eq!(send(&forwarder, server, "h.example", tls).await, Err(Failure::Tls(failure)));
    }
    // The good one was asked once; the connection that was verified for one route served no other.
    assert_eq!(good.seen.requests().len(), 1);
    assert_eq!(Failure::Tls(TlsFailure::WrongName).code(), Some("upstream-tls-failed"));
}

#[tokio::test]
async fn an_address_has_a_certificate_too() {
    let authority = Authority::new("known");
    let server = authority.server("127.0.0.1", None).await;
    assert_eq!(send(&forwarder(), &server, "127.0.0.1", &authority.settings()).await, Ok("ok".to_owned()));
    let wrong = authority.server("127.0.0.2", None).await;
    let failed = send(&forwarder(), &wrong, "127.0.0.1", &authority.settings()).await;
    assert_eq!(failed, Err(Failure::Tls(TlsFailure::WrongName)));
}

#[tokio::test]
async fn connections_are_shared_between_equal_settings_only() {
    let authority = Authority::new("known");
    let server = authority.server("h.example", None).await;
    let forwarder = forwarder();
    for _ in 0..3 {
        // Equal, if not the same.
        send(&forwarder, &server, "h.example", &authority.settings()).await.unwrap();
    }
    assert_eq!(server.seen.connections(), 1);
    let wider =
        TlsSettings { ca: Some(format!("{}{}", authority.pem, Authority::new("other").pem).into()), identity: None };
    send(&forwarder, &server, "h.example", &wider).await.unwrap();
    assert_eq!(server.seen.connections(), 2);
}

#[tokio::test]
async fn authorities_that_cannot_be_read_verify_nothing() {
    let authority = Authority::new("known");
    let server = authority.server("h.example", None).await;
    let broken = TlsSettings { ca: Some("nonsense".into()), identity: None };
    let failed = send(&forwarder(), &server, "h.example", &broken).await;
    assert_eq!(failed, Err(Failure::Tls(TlsFailure::NoRoots)));

    assert_eq!(check_ca(&authority.pem), Ok(()));
    assert_eq!(check_ca(""), Err(CaError::Empty));
    assert_eq!(check_ca("nonsense"), Err(CaError::Empty));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(check_ca(broken), Err(CaError::Unreadable));
    assert_eq!(check_ca(&format!("{}{broken}", authority.pem)), Err(CaError::Unreadable));
}
