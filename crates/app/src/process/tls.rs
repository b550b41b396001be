//! The certificate of a listener, which can be exchanged while connections are open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::Tls;

/// Why a certificate cannot be served with. Neither the messages nor their sources hold any of the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file is not there or not PEM.
    #[error("{path} has no usable PEM in it")]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// The key is of no use, or belongs to another certificate.
    #[error("{key} is not the key of {cert}")]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// A certificate that is read again on SIGHUP.
#[derive(Debug)]
pub(crate) struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
}

impl Certificate {
    /// Reads certificate and key; `None` where the listener has no TLS.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn load(tls: &Tls) -> Result<Option<Arc<Self>>, TlsError> {
        let Some((cert, key)) = tls.files() else { return Ok(None) };
        let current = ArcSwap::from_pointee(read(cert, key)?);
        Ok(Some(Arc::new(Self { cert: cert.to_owned(), key: key.to_owned(), current })))
    }

    /// Reads the files again. New connections get the new certificate; where it cannot be used, the old one stays.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        self.current.store(Arc::new(read(&self.cert, &self.key)?));
        Ok(())
    }

    /// The configuration of a listener that speaks HTTP/1.1 with this certificate.
    ///
    /// # Errors
    /// Where the provider lacks the protocol versions, which a build decides.
    pub(crate) fn server_config(self: Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let builder =
            ServerConfig::builder_with_provider(Arc::new(provider())).with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(self);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

fn read(cert: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let pem = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Pem { path, source }
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(|items| items.collect::<Result<Vec<_>, _>>())
        .map_err(pem(cert))?;
    if chain.is_empty() {
        return Err(pem(cert)(pem::Error::NoItemsFound));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(pem(key))?;
    let pair = |source| TlsError::Pair { cert: cert.to_owned(), key: key.to_owned(), source };
    CertifiedKey::from_der(chain, private, &provider()).map_err(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str) -> (String, PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (cert, key) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (made.cert.pem(), cert, key)
    }

    #[test]
    fn a_pair_is_served_and_exchanged() {
        let dir = tempfile::tempdir().unwrap();
        let (_, cert, key) = write(dir.path(), "one");
        let (_, other, _) = write(dir.path(), "two");
        assert!(Certificate::load(&Tls::default()).unwrap().is_none());
        let tls = Tls { cert: Some(cert.clone()), key: Some(key.clone()) };
        let certificate = Certificate::load(&tls).unwrap().unwrap();
        let before = certificate.current.load_full();
        certificate.clone().server_config().unwrap();

        std::fs::copy(&other, &cert).unwrap();
        let error = certificate.reload().unwrap_err();
        assert!(matches!(error, TlsError::Pair { .. }), "{error:?}");
        assert!(Arc::ptr_eq(&before, &certificate.current.load_full()), "the pair that works stays");

        write(dir.path(), "one");
        certificate.reload().unwrap();
        assert_ne!(before.cert, certificate.current.load_full().cert);

        std::fs::write(&cert, "").unwrap();
        assert!(matches!(certificate.reload().unwrap_err(), TlsError::Pem { .. }));
    }
}
