//! TLS towards upstreams: one crypto provider, the platform's verifier, a route's own authorities and certificate.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use model::snapshot::{Bound, Opened};
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use crate::TlsFailure;
use crate::identity::{self, Shown};

/// How a route's upstream is verified, and who we are to it. Connections are shared only between equal settings.
#[derive(Clone, Default)]
pub struct TlsSettings {
    /// Certificates in PEM that count as roots beside the platform's.
    pub ca: Option<Arc<str>>,
    /// The secret whose certificate is shown to the upstream.
    pub identity: Option<Arc<Opened>>,
}

impl TlsSettings {
    /// Those of a route.
    #[must_use]
    pub fn of(bound: &Bound) -> Self {
        Self { ca: bound.ca.clone(), identity: bound.identity.clone() }
    }

    /// The id of the secret, under which no other value was ever kept or will be.
    fn identity_id(&self) -> Option<&str> {
        self.identity.as_ref().map(|opened| opened.secret.id.as_str())
    }
}

impl PartialEq for TlsSettings {
    fn eq(&self, other: &Self) -> bool {
        let same_ca = match (&self.ca, &other.ca) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
            (None, None) => true,
            _ => false,
        };
        same_ca && self.identity_id() == other.identity_id()
    }
}

impl Eq for TlsSettings {}

impl Hash for TlsSettings {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Hashed for every request: the length tells bundles apart well enough, equality decides.
        self.ca.as_ref().map(|ca| ca.len()).hash(state);
        self.identity_id().hash(state);
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ca = if self.ca.is_some() { "own" } else { "platform" };
        let identity = self.identity.as_ref().map(|opened| &opened.secret.name);
        f.debug_struct("TlsSettings").field("ca", &ca).field("identity", &identity).finish()
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
    configs: Mutex<HashMap<Known, Made>>,
}

/// Settings by name: what is kept under them must not keep a secret's value.
#[derive(PartialEq, Eq, Hash)]
struct Known {
    ca: Option<Arc<str>>,
    identity: Option<String>,
}

struct Made {
    config: Arc<ClientConfig>,
    /// The key that it shows, where it shows one.
    key: Option<Weak<CertifiedKey>>,
}

impl Made {
    fn shows(&self, key: Option<&Weak<CertifiedKey>>) -> bool {
        match (&self.key, key) {
            (Some(own), Some(key)) => own.ptr_eq(key),
            (None, None) => true,
            _ => false,
        }
    }

    fn is_alive(&self) -> bool {
        self.key.as_ref().is_none_or(|key| key.strong_count() > 0)
    }
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
        let identity = settings.identity.as_deref();
        let key = identity.map(|opened| identity::key(opened).ok_or(TlsFailure::Identity)).transpose()?;
        let key = key.as_ref().map(Arc::downgrade);
        let known = Known { ca: settings.ca.clone(), identity: identity.map(|opened| opened.secret.id.clone()) };
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was made for the same secret in an earlier snapshot shows a key that is gone, or going.
        if let Some(made) = configs.get(&known).filter(|made| made.shows(key.as_ref())) {
            return Ok(Arc::clone(&made.config));
        }
        let config = Arc::new(self.make(settings.ca.as_deref(), key.clone()).ok_or(TlsFailure::NoRoots)?);
        configs.retain(|_, made| made.is_alive());
        if configs.len() >= MOST_CONFIGS {
            configs.clear();
        }
        configs.insert(known, Made { config: Arc::clone(&config), key });
        Ok(config)
    }

    fn make(&self, ca: Option<&str>, key: Option<Weak<CertifiedKey>>) -> Option<ClientConfig> {
        let provider = Arc::clone(&self.provider);
        let verifier = match ca {
            None => Verifier::new(provider),
            Some(pem) => Verifier::new_with_extra_roots(certificates(pem).ok()?, provider),
        };
        // "Dangerous" is only the name of the door: the verifier behind it is the platform's.
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .ok()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier.ok()?));
        let mut config = match key {
            None => builder.with_no_client_auth(),
            Some(key) => builder.with_client_cert_resolver(Arc::new(Shown(key))),
        };
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

/// What is wrong where the upstream has ended the connection because of our certificate: with TLS 1.3 that is known only
/// when its answer is awaited.
pub(crate) fn unwelcome(error: &hyper::Error) -> Option<TlsFailure> {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return Some(failure(error)).filter(|failure| *failure == TlsFailure::Unwelcome);
        }
        source = error.source();
    }
    None
}

/// What a failed handshake means.
pub(crate) fn failure(error: &std::io::Error) -> TlsFailure {
    use rustls::AlertDescription as A;
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
        Some(rustls::Error::AlertReceived(
            A::CertificateRequired
            | A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::DecryptError,
        )) => TlsFailure::Unwelcome,
        _ => TlsFailure::Handshake,
    }
}
