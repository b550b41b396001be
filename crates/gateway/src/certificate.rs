//! The certificate that a client shows: taken as it comes in the handshake, and held against what a route asks for.

mod chain;
mod names;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use model::name::RouteName;
use model::snapshot::CallerCertificate;
use model::time::Timestamp;
use rustls::pki_types::CertificateDer;

use crate::answer::{self, Refusal};
use chain::Authorities;
pub use chain::any_certificate;

/// How long a verdict holds: a certificate can end while its connection is open.
const HOLDS: i64 = 60_000;
/// How many routes' verdicts a connection keeps.
const MOST: usize = 16;

/// What a client has shown on one connection: in most cases nothing.
#[derive(Clone, Default)]
pub(crate) struct Shown(Option<Arc<Certificate>>);

/// A certificate whose key the client has proven to hold, with what came along to lead to an authority.
struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    verdicts: Mutex<Vec<Verdict>>,
}

struct Verdict {
    on: Arc<CallerCertificate>,
    accepted: bool,
    until: Timestamp,
}

impl Shown {
    /// What was shown in this handshake, or in the one that this connection resumes.
    pub(crate) fn in_handshake(session: &rustls::ServerConnection) -> Self {
        let chain = session.peer_certificates().filter(|chain| !chain.is_empty());
        Self(chain.map(|chain| Arc::new(Certificate { chain: chain.to_vec(), verdicts: Mutex::default() })))
    }

    /// Hands it on to the request, where there is something to hand on.
    pub(crate) fn go_with<T>(&self, request: &mut http::Request<T>) {
        if self.0.is_some() {
            request.extensions_mut().insert(self.clone());
        }
    }

    /// What came with a request.
    pub(crate) fn with(parts: &http::request::Parts) -> Self {
        parts.extensions.get().cloned().unwrap_or_default()
    }

    /// Holds the certificate against what a route asks for.
    pub(crate) fn check(
        &self,
        asked: Option<&Arc<CallerCertificate>>,
        route: &RouteName,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(asked) = asked else { return Ok(()) };
        let Some(shown) = &self.0 else {
            let detail =
                format!("The route {route} takes requests over TLS with a client certificate alone: show one.");
            return Err(Refusal::new(answer::CERTIFICATE_REQUIRED, detail));
        };
        if shown.is_accepted(asked, now) {
            return Ok(());
        }
        let detail = format!(
            "The route {route} does not accept the client certificate: it has ended, or neither its authority nor its \
             name is one that the route takes."
        );
        Err(Refusal::new(answer::CERTIFICATE_NOT_ACCEPTED, detail))
    }
}

impl Certificate {
    /// Looked up for most requests: a connection belongs to one thread, so that nobody waits for the lock.
    fn is_accepted(&self, asked: &Arc<CallerCertificate>, now: Timestamp) -> bool {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = verdicts.iter().find(|verdict| Arc::ptr_eq(&verdict.on, asked) && verdict.until > now);
        if let Some(known) = known {
            return known.accepted;
        }
        let accepted = self.fits(asked, now);
        verdicts.retain(|verdict| !Arc::ptr_eq(&verdict.on, asked) && verdict.until > now);
        if verdicts.len() >= MOST {
            verdicts.clear();
        }
        let until = Timestamp::from_millis(now.as_millis().saturating_add(HOLDS));
        verdicts.push(Verdict { on: Arc::clone(asked), accepted, until });
        accepted
    }

    fn fits(&self, asked: &CallerCertificate, now: Timestamp) -> bool {
        let Some((own, others)) = self.chain.split_first() else { return false };
        let authorities = asked.prepared.get_or_make(|| Authorities::read(&asked.authorities));
        let issued = authorities.is_some_and(|authorities| authorities.have_issued(own, others, now));
        issued && asked.names.as_ref().is_none_or(|wanted| names::has_one_of(own, wanted))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Shown(a certificate)" } else { "Shown(nothing)" })
    }
}
