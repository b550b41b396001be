//! What can go wrong with one request, whose fault it is, and whether the upstream may have seen it.

use std::io;

use model::upstream::Refused;
use model::usage::Outcome;

use crate::BodyError;

/// Why a request has no answer. Holds neither headers nor bodies nor values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct ForwardError {
    /// What happened, the last time it was tried.
    #[source]
    pub failure: Failure,
    /// How often bytes of the request were handed to a connection: each is a use of its credentials.
    pub sent: u8,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The name has no address, or the resolver did not answer.
    #[error("the upstream's name could not be resolved")]
    Resolve,
    /// No address that may be dialled.
    #[error("{0}")]
    Refused(Refused),
    /// No address took the connection.
    #[error("could not connect to the upstream ({0})")]
    Connect(io::ErrorKind),
    /// It took too long.
    #[error("the upstream took too long {0}")]
    Timeout(Phase),
    /// TLS failed; nothing was sent.
    #[error("the upstream's TLS {0}")]
    Tls(TlsFailure),
    /// The connection ended before an answer came.
    #[error("the upstream closed the connection before it answered")]
    Closed,
    /// The answer breaks HTTP.
    #[error("the upstream's answer {0}")]
    Protocol(&'static str),
    /// The caller's own body broke off.
    #[error("the request's body {0}")]
    RequestBody(BodyError),
    /// The request cannot be sent as it is.
    #[error("the request {0}")]
    Request(&'static str),
}

/// What was being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A connection: name, TCP and TLS together.
    Connect,
    /// The head of the answer, counted from the last byte that was sent.
    Response,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "to connect",
            Self::Response => "to answer",
        })
    }
}

/// What is wrong with TLS, for the person who has to repair it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlsFailure {
    /// Signed by nobody known.
    #[error("certificate is not signed by a known authority; set tls.ca if it is your own")]
    UnknownIssuer,
    /// Past its end.
    #[error("certificate has expired")]
    Expired,
    /// Before its beginning; or our clock is wrong.
    #[error("certificate is not valid yet; is the clock right?")]
    NotYetValid,
    /// For another name.
    #[error("certificate is for another name")]
    WrongName,
    /// Taken back.
    #[error("certificate was revoked")]
    Revoked,
    /// Anything else about the certificate.
    #[error("certificate is not acceptable")]
    Certificate,
    /// The upstream does not accept our certificate, or that we have none.
    #[error("does not accept us; check the certificate that tls.client_certificate names")]
    Unwelcome,
    /// The route's certificate cannot be shown.
    #[error("asks for a certificate, and the one that tls.client_certificate names cannot be used")]
    Identity,
    /// The peer does not speak TLS as we do, or broke off.
    #[error("handshake failed")]
    Handshake,
    /// `tls.ca` cannot be read, or the platform has no certificate authorities.
    #[error("cannot be verified: no certificate authorities are installed, or tls.ca cannot be read")]
    NoRoots,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The caller's.
    Downstream,
    /// The upstream's or the network's on the way there.
    Upstream,
    /// The route's or this machine's settings.
    Configuration,
}

impl ForwardError {
    pub(crate) fn new(failure: Failure, sent: u8) -> Self {
        Self { failure, sent }
    }

    /// What the last attempt says about the credentials in it; nothing where no byte was sent.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self.failure {
            _ if self.sent == 0 => None,
            Failure::Protocol(_) => Some(Outcome::Failed),
            _ => Some(Outcome::Unreachable),
        }
    }
}

impl Failure {
    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::RequestBody(_) | Self::Request(_) => Fault::Downstream,
            Self::Refused(_) | Self::Tls(TlsFailure::NoRoots | TlsFailure::Identity) => Fault::Configuration,
            _ => Fault::Upstream,
        }
    }

    /// The problem's code on the gateway; nothing where the fault is the caller's and the gateway knows better.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Resolve | Self::Refused(_) | Self::Connect(_) => "upstream-unreachable",
            Self::Timeout(_) => "upstream-timeout",
            Self::Tls(_) => "upstream-tls-failed",
            Self::Closed | Self::Protocol(_) => "upstream-protocol-error",
            Self::RequestBody(_) | Self::Request(_) => return None,
        })
    }

    /// The error type of `Proxy-Status` (RFC 9209 section 2.3).
    #[must_use]
    pub fn proxy_status(&self) -> &'static str {
        match self {
            Self::Resolve => "dns_error",
            Self::Refused(_) => "destination_ip_prohibited",
            Self::Connect(io::ErrorKind::ConnectionRefused) => "connection_refused",
            Self::Connect(_) => "destination_unavailable",
            Self::Timeout(Phase::Connect) => "connection_timeout",
            Self::Timeout(Phase::Response) => "http_response_timeout",
            Self::Tls(TlsFailure::Handshake) => "tls_protocol_error",
            Self::Tls(_) => "tls_certificate_error",
            Self::Closed => "connection_terminated",
            Self::Protocol(_) => "http_protocol_error",
            Self::RequestBody(_) | Self::Request(_) => "http_request_error",
        }
    }
}
