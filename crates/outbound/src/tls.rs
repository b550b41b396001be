//! TLS towards upstreams: one crypto provider, the platform's verifier, and a route's own authorities.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use model::snapshot::Bound;
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use crate::TlsFailure;

/// How a route's upstream is verified. Connections are shared only between equal settings.
#[derive(Clone, Default)]
pub struct TlsSettings {
    /// Certificates in PEM that count as roots beside the platform's.
    pub ca: Option<Arc<str>>,
}

impl TlsSettings {
    /// How a route's upstream is verified.
    #[must_use]
    pub fn of(bound: &Bound) -> Self {
        Self { ca: bound.ca.clone() }
    }
}

impl PartialEq for TlsSettings {
    fn eq(&self, other: &Self) -> bool {
        match (&self.ca, &other.ca) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
            (None, None) => true,
            _ => false,
        }
    }
}

impl Eq for TlsSettings {}

impl Hash for TlsSettings {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Hashed for every request: the length tells bundles apart well enough, equality decides.
        self.ca.as_ref().map(|ca| ca.len()).hash(state);
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ca = if self.ca.is_some() { "own" } else { "platform" };
        f.debug_struct("TlsSettings").field("ca", &ca).finish()
    }
}

/// Why a text is not a bundle of certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaError {
    /// No certificate in it.
    #[error("holds no certificate; give one or several in PEM (-----BEGIN CERTIFICATE-----)")]
    Empty,
    /// One that cannot be read.
    #[error("holds a certificate that cannot be read")]
    Unreadable,
}

/// Whether a text can be used as [`TlsSettings::ca`]; asked when a route is saved.
///
/// # Errors
/// [`CaError`].
pub fn check_ca(pem: &str) -> Result<(), CaError> {
    let certificates = certificates(pem)?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|_| CaError::Unreadable)?;
    }
    Ok(())
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, CaError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(list) if list.is_empty() => Err(CaError::Empty),
        Ok(list) => Ok(list),
        Err(_) => Err(CaError::Unreadable),
    }
}

/// The TLS client configurations of this process, one per distinct settings, made when first needed.
pub struct Tls {
    provider: Arc<CryptoProvider>,
    // Asked only when a connection is made, never for a request on a pooled one.
    configs: Mutex<HashMap<TlsSettings, Arc<ClientConfig>>>,
}

/// More distinct settings than this means that routes change their authorities: start over rather than grow.
const MOST_CONFIGS: usize = 1024;

impl Tls {
    /// No configuration yet.
    #[must_use]
    pub fn new() -> Self {
        Self { provider: Arc::new(aws_lc_rs::default_provider()), configs: Mutex::new(HashMap::new()) }
    }

    /// The configuration for these settings. Reads the platform's certificates when it makes one.
    pub(crate) fn config(&self, settings: &TlsSettings) -> Result<Arc<ClientConfig>, TlsFailure> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs.get(settings) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.make(settings).ok_or(TlsFailure::NoRoots)?);
        if configs.len() >= MOST_CONFIGS {
            configs.clear();
        }
        configs.insert(settings.clone(), Arc::clone(&config));
        Ok(config)
    }

    fn make(&self, settings: &TlsSettings) -> Option<ClientConfig> {
        let provider = Arc::clone(&self.provider);
        let verifier = match &settings.ca {
            None => Verifier::new(provider),
            Some(pem) => Verifier::new_with_extra_roots(certificates(pem).ok()?, provider),
        };
        // "Dangerous" is only the name of the door: the verifier behind it is the platform's.
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .ok()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier.ok()?))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Some(config)
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// What a failed handshake means.
pub(crate) fn failure(error: &std::io::Error) -> TlsFailure {
    use rustls::CertificateError as C;
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(reason)) => match reason {
            C::UnknownIssuer => TlsFailure::UnknownIssuer,
            C::Expired | C::ExpiredContext { .. } => TlsFailure::Expired,
            C::NotValidYet | C::NotValidYetContext { .. } => TlsFailure::NotYetValid,
            C::NotValidForName | C::NotValidForNameContext { .. } => TlsFailure::WrongName,
            C::Revoked => TlsFailure::Revoked,
            _ => TlsFailure::Certificate,
        },
        _ => TlsFailure::Handshake,
    }
}
