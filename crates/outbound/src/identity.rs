//! The certificate that is shown to an upstream: read from a secret's PEM, and kept no longer than that secret.

use std::sync::{Arc, Weak};

use model::secret::SecretValue;
use model::snapshot::{Bound, Opened, Unusable};
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{PemObject, SectionKind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroize;

/// Why a value cannot be shown as a certificate. Holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No certificate in it.
    #[error("holds no certificate; give the chain in PEM, our own certificate first, and its private key")]
    NoCertificate,
    /// No private key in it, or several, or an encrypted one.
    #[error("holds not exactly one private key; give the one of the certificate, in PEM and not encrypted")]
    NoKey,
    /// Something in it cannot be read.
    #[error("holds a certificate or a key that cannot be read")]
    Unreadable,
    /// The key is that of another certificate.
    #[error("holds a key that does not belong to its first certificate")]
    OtherKey,
}

/// Whether a value can be shown to an upstream: a chain and its key, in PEM.
///
/// # Errors
/// [`IdentityError`].
pub fn check_identity(value: &SecretValue) -> Result<(), IdentityError> {
    read(value.expose()).map(drop)
}

/// Makes a binding's certificate ready to be shown, which takes longer than a request should wait. One that cannot be
/// shown stops the requests of the binding: nothing is sent without it.
pub fn prepare(bound: &mut Bound) {
    let Some(opened) = &bound.identity else { return };
    if bound.injection.is_ok() && key(opened).is_none() {
        bound.injection = Err(Unusable::Misplaced(opened.secret.name.clone()));
    }
}

/// The certificate and its key, read when they are first asked for.
pub(crate) fn key(opened: &Opened) -> Option<Arc<CertifiedKey>> {
    let made = opened.prepared.get_or_make(|| {
        let value = opened.value.as_ref()?;
        read(value.expose()).ok().map(Arc::new)
    });
    Option::clone(&*made?)
}

fn read(text: &str) -> Result<CertifiedKey, IdentityError> {
    let mut chain = Vec::new();
    let mut keys = Vec::new();
    for section in <(SectionKind, Vec<u8>) as PemObject>::pem_slice_iter(text.as_bytes()) {
        let (kind, der) = section.map_err(|_| IdentityError::Unreadable)?;
        match kind {
            SectionKind::Certificate => chain.push(CertificateDer::from(der)),
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                keys.extend(<PrivateKeyDer<'static> as PemObject>::from_pem(kind, der));
            }
            _ => {}
        }
    }
    if chain.is_empty() {
        return Err(IdentityError::NoCertificate);
    }
    let signing = match keys.as_slice() {
        [only] => aws_lc_rs::sign::any_supported_type(only).map_err(|_| IdentityError::Unreadable),
        _ => Err(IdentityError::NoKey),
    };
    // The library has a copy of its own, which it zeroes itself.
    keys.iter_mut().for_each(Zeroize::zeroize);
    let certified = CertifiedKey::new(chain, signing?);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => Err(IdentityError::OtherKey),
        Err(_) => Err(IdentityError::Unreadable),
    }
}

/// Shows a certificate for as long as its secret is in use. Configurations of TLS are kept for longer than a secret, and
/// must not keep its key.
#[derive(Debug)]
pub(crate) struct Shown(pub(crate) Weak<CertifiedKey>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.upgrade()
    }

    fn has_certs(&self) -> bool {
        true
    }
}
