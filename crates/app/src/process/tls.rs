//! The certificates of a listener, chosen by name, which can be exchanged while connections are open.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ConfigBuilder, ServerConfig, WantsVerifier};
use webpki::EndEntityCert;

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
    /// A further certificate that nobody could ever ask for.
    #[error("{cert} has no DNS name, so that no client can ask for it")]
    Nameless {
        /// The certificate's file.
        cert: PathBuf,
    },
}

/// The certificates of a listener, which are read again on SIGHUP.
#[derive(Debug)]
pub(crate) struct Certificates(ArcSwap<Set>);

/// What was read at one time: served as a whole or not at all.
#[derive(Debug)]
pub(crate) struct Set {
    /// For clients that name no host, or none of these.
    first: Arc<CertifiedKey>,
    /// By DNS name in lower case, `*.example.com` among them.
    by_name: HashMap<String, Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads certificates and keys; `None` where the listener has no TLS.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn load(tls: &Tls) -> Result<Option<Arc<Self>>, TlsError> {
        Ok(Set::read(tls)?.map(|set| Arc::new(Self(ArcSwap::from_pointee(set)))))
    }

    /// Serves new connections with another set. Open ones are not touched.
    pub(crate) fn exchange(&self, set: Set) {
        self.0.store(Arc::new(set));
    }

    /// The configuration of the gateway's listener. It asks clients for a certificate, without demanding one, and offers
    /// HTTP/2 and HTTP/1.1. This is the one place where that is said.
    ///
    /// # Errors
    /// Where the provider lacks the protocol versions, which a build decides.
    pub(crate) fn gateway(self: Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let builder = builder()?.with_client_cert_verifier(gateway::any_certificate());
        let mut config = builder.with_cert_resolver(self);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// The configuration of the admin listener, which speaks HTTP/1.1.
    ///
    /// # Errors
    /// As [`Certificates::gateway`].
    pub(crate) fn admin(self: Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = builder()?.with_no_client_auth().with_cert_resolver(self);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// TLS 1.2 and 1.3: the library knows no others.
fn builder() -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, rustls::Error> {
    ServerConfig::builder_with_provider(Arc::new(provider())).with_safe_default_protocol_versions()
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.0.load().named(hello.server_name())))
    }
}

impl Set {
    /// Reads everything again; `None` where there is no TLS.
    ///
    /// # Errors
    /// [`TlsError`] for the first pair that cannot be served with.
    pub(crate) fn read(tls: &Tls) -> Result<Option<Self>, TlsError> {
        let Some((cert, key)) = tls.files() else { return Ok(None) };
        let first = Arc::new(read(cert, key)?);
        let mut by_name = HashMap::new();
        let mut add = |pair: &Arc<CertifiedKey>| {
            let names = names(pair);
            let any = !names.is_empty();
            for name in names {
                by_name.entry(name).or_insert_with(|| Arc::clone(pair));
            }
            any
        };
        add(&first);
        for pair in &tls.more {
            if !add(&Arc::new(read(&pair.cert, &pair.key)?)) {
                return Err(TlsError::Nameless { cert: pair.cert.clone() });
            }
        }
        Ok(Some(Self { first, by_name }))
    }

    /// How many names clients can ask for.
    pub(crate) fn names(&self) -> usize {
        self.by_name.len()
    }

    /// The pair with exactly this name, else the one with a wildcard for it, else the first.
    fn named(&self, name: Option<&str>) -> &Arc<CertifiedKey> {
        let Some(name) = name.map(|name| name.trim_end_matches('.').to_ascii_lowercase()) else { return &self.first };
        let wildcard = || self.by_name.get(&format!("*.{}", name.split_once('.')?.1));
        self.by_name.get(&name).or_else(wildcard).unwrap_or(&self.first)
    }
}

/// The DNS names of a pair's own certificate.
fn names(pair: &CertifiedKey) -> Vec<String> {
    let own = pair.cert.first().and_then(|own| EndEntityCert::try_from(own).ok());
    own.iter().flat_map(|own| own.valid_dns_names()).map(str::to_ascii_lowercase).collect()
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
    use crate::config::Pair;

    fn write(dir: &Path, name: &str, names: &[&str]) -> Pair {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let pair = Pair { cert: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) };
        std::fs::write(&pair.cert, made.cert.pem()).unwrap();
        std::fs::write(&pair.key, made.signing_key.serialize_pem()).unwrap();
        pair
    }

    fn tls(first: &Pair, more: Vec<Pair>) -> Tls {
        Tls { cert: Some(first.cert.clone()), key: Some(first.key.clone()), more }
    }

    #[test]
    fn a_name_is_served_exactly_then_by_wildcard_then_by_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = write(dir.path(), "first", &["localhost"]);
        let wild = write(dir.path(), "wild", &["*.a.example", "b.example"]);
        let exact = write(dir.path(), "exact", &["x.A.example", "b.example"]);
        let set = Set::read(&tls(&first, vec![wild.clone(), exact.clone()])).unwrap().unwrap();
        let first_of = |pair: &Pair| read(&pair.cert, &pair.key).unwrap().cert;
        let [first, wild, exact] = [&first, &wild, &exact].map(first_of);
        for (name, expected) in [
            (Some("x.a.example"), &exact),
            (Some("X.a.example"), &exact),
            (Some("y.a.example"), &wild),
            (Some("a.example"), &first),
            (Some("x.y.a.example"), &first),
            (Some("b.example"), &wild),
            (Some("localhost"), &first),
            (Some("other"), &first),
            (None, &first),
        ] {
            assert_eq!(&set.named(name).cert, expected, "{name:?}");
        }
        assert_eq!(set.names(), 4);
    }

    #[test]
    fn a_set_is_served_and_exchanged_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Certificates::load(&Tls::default()).unwrap().is_none());
        let (one, two) = (write(dir.path(), "one", &["localhost"]), write(dir.path(), "two", &["two.example"]));
        let tls = tls(&one, vec![two.clone()]);
        let certificates = Certificates::load(&tls).unwrap().unwrap();
        certificates.clone().gateway().unwrap();
        certificates.clone().admin().unwrap();
        let before = certificates.0.load_full();

        write(dir.path(), "one", &["localhost"]);
        certificates.exchange(Set::read(&tls).unwrap().unwrap());
        assert_ne!(before.first.cert, certificates.0.load().first.cert);

        std::fs::copy(&one.cert, &two.cert).unwrap();
        let error = Set::read(&tls).unwrap_err();
        assert!(matches!(error, TlsError::Pair { .. }), "{error:?}");
        std::fs::write(&two.cert, "").unwrap();
        assert!(matches!(Set::read(&tls).unwrap_err(), TlsError::Pem { .. }));
        write(dir.path(), "two", &["127.0.0.1"]);
        assert!(matches!(Set::read(&tls).unwrap_err(), TlsError::Nameless { .. }));
    }
}
