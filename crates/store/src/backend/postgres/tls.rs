//! TLS towards the server: one crypto provider, a verified certificate, no way around either.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::PostgresUrl;
use crate::error::StoreError;

/// What makes TLS connections to the server of this URL.
pub(super) fn connector(url: &PostgresUrl) -> Result<MakeRustlsConnect, StoreError> {
    let unusable = |error: rustls::Error| StoreError::away(format!("TLS cannot be set up: {error}"));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(unusable)?;
    let builder = match url.roots() {
        Some(path) => {
            let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            let mut roots = RootCertStore::empty();
            for certificate in read.map_err(|_| StoreError::Url("names an sslrootcert that cannot be read as PEM"))? {
                roots.add(certificate).map_err(unusable)?;
            }
            if roots.is_empty() {
                return Err(StoreError::Url("names an sslrootcert without a certificate"));
            }
            builder.with_root_certificates(roots)
        }
        None => builder.with_platform_verifier().map_err(unusable)?,
    };
    Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
}
