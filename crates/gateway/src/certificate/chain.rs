//! Who issued a client's certificate: not asked in the handshake, where nobody knows which route will be called.

use std::sync::Arc;
use std::time::Duration;

use model::time::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{self, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

/// What a client may send along, in certificates and in bytes: it is kept for as long as the connection.
const MOST_CERTIFICATES: usize = 8;
const MOST_BYTES: usize = 32 * 1024;

/// The verifier for the gateway's listener: it asks for a certificate and does without, and where one is shown, it
/// demands that the client has its key. Who issued it is the route's affair.
#[must_use]
pub fn any_certificate() -> Arc<dyn ClientCertVerifier> {
    Arc::new(AnyCertificate { algorithms: aws_lc_rs::default_provider().signature_verification_algorithms })
}

#[derive(Debug)]
struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: the authorities differ by route, and their names are nobody's business before a key was shown.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let bytes = others.iter().fold(own.len(), |sum, other| sum.saturating_add(other.len()));
        if others.len() >= MOST_CERTIFICATES || bytes > MOST_BYTES {
            return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The authorities of a route, ready to verify. Where the stored text cannot be read, none.
pub(super) struct Authorities(Option<Arc<dyn ClientCertVerifier>>);

impl Authorities {
    pub(super) fn read(pem: &str) -> Self {
        Self(verifier(pem))
    }

    /// Whether one of them has issued the certificate, directly or by way of the others, for clients, and for now.
    pub(super) fn have_issued(&self, own: &CertificateDer<'_>, others: &[CertificateDer<'_>], now: Timestamp) -> bool {
        let since = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0));
        let now = UnixTime::since_unix_epoch(since);
        self.0.as_ref().is_some_and(|verifier| verifier.verify_client_cert(own, others, now).is_ok())
    }
}

fn verifier(pem: &str) -> Option<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.ok()?).ok()?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()
}
