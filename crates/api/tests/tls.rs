//! The client trusts exactly the certificates that it was given.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use api::client::{Client, ClientError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A certificate authority as PEM, and a server's configuration that it vouches for.
fn authority() -> (String, ServerConfig) {
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    (pem, config)
}

async fn serve(config: ServerConfig) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut piece = [0; 1024];
            let _ = stream.read(&mut piece).await;
            let _ = stream
                .write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-length: 36\r\n\r\n{\"name\":\"keyroll\",\"version\":\"1.2.3\"} ",
                )
                .await;
        }
    });
    format!("https://localhost:{port}")
}

#[tokio::test]
async fn the_given_authority_is_trusted_and_no_other() {
    let (pem, config) = authority();
    let address = serve(config).await;
    let version = Client::new(&address, None, Some(pem.as_bytes())).unwrap().version().await.unwrap();
    assert_eq!(version.version, "1.2.3");
    let (other, _) = authority();
    let error = Client::new(&address, None, Some(other.as_bytes())).unwrap().version().await.unwrap_err();
    assert!(matches!(error, ClientError::Connect { .. }), "{error}");
    let error = Client::new(&address, None, None).unwrap().version().await.unwrap_err();
    assert!(matches!(error, ClientError::Connect { .. }), "{error}");
}
