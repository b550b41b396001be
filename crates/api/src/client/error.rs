//! Why a call had no success.

use std::io;

use crate::problem::Problem;

/// Why a call had no success; says whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Ours: the server's address cannot be used.
    #[error("{given:?} is not the address of a server: give http://host:port or https://host:port")]
    Address {
        /// What was given.
        given: String,
    },
    /// Ours: the token has characters that a token never has.
    #[error("the token is not a token: it holds a line break or another control character")]
    Token,
    /// Ours: certificates cannot be used.
    #[error("TLS cannot be set up: {reason}")]
    Tls {
        /// What is wrong.
        reason: String,
    },
    /// Ours: the call itself cannot be written.
    #[error("the call cannot be written: a name or value has characters that cannot be sent")]
    Call,
    /// Theirs, or the network's: there is no connection.
    #[error("no connection to {address}: {source}")]
    Connect {
        /// Where to.
        address: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Theirs, or the network's: the connection broke, or what came is not HTTP.
    #[error("the connection broke before the answer was complete: {0}")]
    Broken(#[source] hyper::Error),
    /// Theirs: no answer in time.
    #[error("{address} did not answer in time")]
    TimedOut {
        /// Where to.
        address: String,
    },
    /// Theirs: the server refused or failed, and says why.
    #[error("{}", told(.0))]
    Refused(Box<Problem>),
    /// Theirs: an answer that is not of this API, such as a proxy's error page.
    #[error("the answer (status {status}) is not one of Keyroll's: is this the admin address?")]
    Foreign {
        /// Its status.
        status: u16,
    },
}

impl ClientError {
    /// What the server said, if it was the server that refused.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// The HTTP status, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            Self::Foreign { status } => Some(*status),
            _ => None,
        }
    }
}

fn told(problem: &Problem) -> String {
    let text = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    format!("{text} ({})", problem.code)
}
