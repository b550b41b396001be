//! Certificates that an authority of the test issued, and a client of TLS that shows them and looks at the server's.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion};

use crate::upstream::Authority;
use crate::wire::{self, Reply};

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate in DER.
    pub certificate: Vec<u8>,
    /// The certificate in PEM.
    pub pem: String,
    /// The key in PEM.
    pub key_pem: String,
    pub(crate) key: Vec<u8>,
}

impl Issued {
    /// Certificate and key, one after the other.
    pub fn both_pem(&self) -> String {
        format!("{}{}", self.pem, self.key_pem)
    }

    pub(crate) fn chain_and_key(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("a PKCS #8 key");
        (vec![CertificateDer::from(self.certificate.clone())], key)
    }
}

/// A client that verifies the server, and resumes its own sessions.
#[derive(Clone, Debug)]
pub struct Visitor {
    config: Arc<ClientConfig>,
}

impl Visitor {
    /// Trusts this authority, and shows a certificate where one is given. Speaks TLS 1.2 and 1.3, and HTTP/1.1.
    pub fn new(authority: &Authority, identity: Option<&Issued>) -> Self {
        Self::speaking(authority, identity, rustls::ALL_VERSIONS, &["http/1.1"])
    }

    /// The same with these versions of TLS, offering these protocols.
    pub fn speaking(
        authority: &Authority,
        identity: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.ca_pem().as_bytes()).expect("a certificate in PEM");
        roots.add(root).expect("a root certificate");
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build();
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("the provider has the versions")
            .with_webpki_verifier(verifier.expect("there is a root"));
        let mut config = match identity.map(Issued::chain_and_key) {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).expect("they belong together"),
        };
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Self { config: Arc::new(config) }
    }

    /// Connects to `host:port` (a scheme in front is ignored), asks for `name`, and completes the handshake.
    ///
    /// # Errors
    /// What the operating system says, or why the server is not trusted.
    pub fn open(&self, address: &str, name: &str) -> io::Result<Visit> {
        let mut stream = wire::connect(address)?;
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let mut session = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(Visit { stream: BufReader::new(StreamOwned::new(session, stream)) })
    }

    /// A GET on a connection of its own.
    ///
    /// # Errors
    /// As [`Visitor::open`] and [`Visit::call`].
    pub fn get(&self, address: &str, name: &str, path: &str, headers: &[(&str, &str)]) -> io::Result<Reply> {
        let all: Vec<(&str, &str)> = [("Host", name)].into_iter().chain(headers.iter().copied()).collect();
        self.open(address, name)?.call(&wire::request("GET", path, &all, b""))
    }
}

/// A connection of a visitor, kept alive between calls.
pub struct Visit {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl Visit {
    /// Sends these bytes as they are and reads one answer.
    ///
    /// # Errors
    /// As [`crate::Connection::call`].
    pub fn call(&mut self, request: &[u8]) -> io::Result<Reply> {
        self.stream.get_mut().write_all(request)?;
        self.stream.get_mut().flush()?;
        wire::read_reply(&mut self.stream, request.starts_with(b"HEAD "))
    }

    /// The server's own certificate, in DER.
    pub fn shown(&self) -> Vec<u8> {
        let chain = self.stream.get_ref().conn.peer_certificates();
        chain.and_then(|chain| Some(chain.first()?.to_vec())).expect("the handshake is complete")
    }

    /// Whether the session of an earlier connection was resumed.
    pub fn resumed(&self) -> bool {
        self.stream.get_ref().conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The protocol that the server chose.
    pub fn protocol(&self) -> Option<String> {
        let chosen = self.stream.get_ref().conn.alpn_protocol();
        chosen.map(|protocol| String::from_utf8_lossy(protocol).into_owned())
    }
}

impl std::fmt::Debug for Visit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visit").field("protocol", &self.protocol()).finish_non_exhaustive()
    }
}
