//! Opens a connection, in plain text or under TLS.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::ClientError;
use super::address::Address;

/// How connections are opened.
pub(super) enum Connector {
    /// In plain text.
    Plain,
    /// Under TLS, to a server that can prove this name.
    Tls(TlsConnector, ServerName<'static>),
}

impl Connector {
    /// Under TLS to `host`; `ca` replaces the system's certificates.
    pub(super) fn tls(host: &str, ca: Option<&[u8]>) -> Result<Self, ClientError> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| ClientError::Address { given: host.to_owned() })?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(tls_fault)?;
        let config = match ca {
            Some(pem) => builder.with_root_certificates(roots(pem)?).with_no_client_auth(),
            None => builder.with_platform_verifier().map_err(tls_fault)?.with_no_client_auth(),
        };
        Ok(Self::Tls(TlsConnector::from(Arc::new(config)), name))
    }

    /// A connection that is ready for a request.
    pub(super) async fn open(&self, address: &Address) -> io::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
        stream.set_nodelay(true)?;
        match self {
            Self::Plain => speak(stream).await,
            Self::Tls(connector, name) => speak(connector.connect(name.clone(), stream).await?).await,
        }
    }
}

async fn speak<S>(stream: S) -> io::Result<SendRequest<Full<Bytes>>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // It ends when the sender and the answer are dropped; its errors reach whoever waits for the answer.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

fn roots(pem: &[u8]) -> Result<RootCertStore, ClientError> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|error| ClientError::Tls { reason: format!("the CA file is not PEM: {error}") })?;
        store.add(certificate).map_err(tls_fault)?;
    }
    if store.is_empty() {
        return Err(ClientError::Tls { reason: "the CA file holds no certificate".to_owned() });
    }
    Ok(store)
}

fn tls_fault(error: rustls::Error) -> ClientError {
    ClientError::Tls { reason: error.to_string() }
}
