//! Why a command had no success, and the exit code that says so.

use std::io;
use std::path::PathBuf;

use api::client::ClientError;
use api::problem::Problem;

/// Exit code for a local mistake: usage, files, configuration.
pub(super) const LOCAL: u8 = 1;
/// Exit code for a server that refused or failed.
const REMOTE: u8 = 2;
/// Exit code for a thing that does not exist.
const NOT_FOUND: u8 = 3;
/// Exit code for a caller who may not.
const DENIED: u8 = 4;
/// Exit code for a thing that is in the way.
const CONFLICT: u8 = 5;
/// Exit code for an answer that did not come in time.
const TIMED_OUT: u8 = 6;

/// Why a command had no success.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Wrong use, in words that say what to do.
    #[error("{0}")]
    Usage(String),
    /// A file that cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// stdin, stdout or the terminal failed.
    #[error("{0}")]
    Stream(#[from] io::Error),
    /// The server could not be reached, refused or failed.
    #[error("{0}")]
    Server(#[from] ClientError),
    /// Some of several things were refused; each has been told.
    #[error("{refused} of {asked} refused")]
    Several {
        /// How many were refused.
        refused: usize,
        /// How many were asked for.
        asked: usize,
        /// The status of the first refusal.
        status: u16,
    },
    /// A look found what does not work; each has been told.
    #[error("{0} problems, listed above")]
    Problems(usize),
    /// A change is made, and not yet served everywhere.
    #[error("the change is made, but revision {revision} is not yet served by: {nodes}")]
    NotServed {
        /// The revision.
        revision: i64,
        /// The names of the nodes that are behind.
        nodes: String,
    },
    /// A rotation that was waited for did not get to its end, or cannot go on without an operator.
    #[error("{rotation} {how}")]
    Rotation {
        /// Which.
        rotation: String,
        /// What has become of it.
        how: String,
    },
    /// A rotation that is waited for takes longer than somebody wants to wait.
    #[error("{rotation} is still {state}, and goes on: keyroll rotation get {rotation} --watch")]
    NotYet {
        /// Which.
        rotation: String,
        /// The word of its state.
        state: String,
    },
    /// A secret was named where its rotation is meant, and there is none.
    #[error("{0}")]
    NoRotation(String),
    /// The upstream gave no answer to a test.
    #[error("the upstream gave no answer: {0}")]
    Upstream(String),
    /// The server promised more than it sent.
    #[error("the export is not complete: {found} events instead of {promised}; do not rely on it")]
    Incomplete {
        /// How many came.
        found: u64,
        /// How many were to come.
        promised: u64,
    },
    /// The node is there and should get no work.
    #[error("not ready: {0}")]
    NotReady(String),
    /// The audit is not what was written.
    #[error("audit event {sequence} {problem}: the audit was changed outside Keyroll")]
    Audit {
        /// Which.
        sequence: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Some things were left as they were, since they cannot be opened; each has been told.
    #[error("{0} cannot be opened with the keys at hand, and stayed as they are")]
    Unusable(u64),
    /// No key was added to a KEK file.
    #[error("{0}")]
    KekFile(String),
    /// The person at the terminal said no.
    #[error("nothing was changed")]
    Declined,
}

impl Fault {
    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        match self {
            // Whoever closed the pipe has seen enough.
            Self::Stream(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Usage(_) | Self::File { .. } | Self::Stream(_) | Self::Declined | Self::KekFile(_) => LOCAL,
            Self::Upstream(_)
            | Self::Incomplete { .. }
            | Self::Problems(_)
            | Self::NotReady(_)
            | Self::Audit { .. }
            | Self::Rotation { .. }
            | Self::Unusable(_) => REMOTE,
            Self::NoRotation(_) => NOT_FOUND,
            Self::NotServed { .. } | Self::NotYet { .. } => TIMED_OUT,
            Self::Several { status, .. } => of_status(*status),
            Self::Server(error) => match error {
                ClientError::Address { .. } | ClientError::Token | ClientError::Tls { .. } | ClientError::Call => LOCAL,
                ClientError::Connect { .. } | ClientError::Broken(_) | ClientError::Foreign { .. } => REMOTE,
                ClientError::TimedOut { .. } => TIMED_OUT,
                ClientError::Refused(problem) => of_status(problem.status),
            },
        }
    }

    /// What the server said, if it was the server that refused.
    pub(super) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Server(error) => error.problem(),
            _ => None,
        }
    }
}

fn of_status(status: u16) -> u8 {
    match status {
        404 => NOT_FOUND,
        401 | 403 => DENIED,
        409 | 412 => CONFLICT,
        408 | 504 => TIMED_OUT,
        _ => REMOTE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        let refused = |status| Fault::from(ClientError::Refused(Box::new(Problem { status, ..Problem::default() })));
        for (status, code) in [
            (400, 2),
            (401, 4),
            (403, 4),
            (404, 3),
            (408, 6),
            (409, 5),
            (412, 5),
            (422, 2),
            (429, 2),
            (500, 2),
            (503, 2),
            (504, 6),
            (507, 2),
        ] {
            assert_eq!(refused(status).code(), code, "{status}");
        }
        let connect =
            ClientError::Connect { address: String::new(), source: io::Error::from(io::ErrorKind::ConnectionRefused) };
        for (fault, code) in [
            (Fault::Usage(String::new()), 1),
            (Fault::Declined, 1),
            (Fault::from(io::Error::from(io::ErrorKind::UnexpectedEof)), 1),
            (Fault::from(io::Error::from(io::ErrorKind::BrokenPipe)), 0),
            (Fault::from(ClientError::Token), 1),
            (Fault::from(connect), 2),
            // A 404 that is not Keyroll's says nothing about whether the thing exists.
            (Fault::from(ClientError::Foreign { status: 404 }), 2),
            (Fault::from(ClientError::TimedOut { address: String::new() }), 6),
            (Fault::Several { refused: 1, asked: 2, status: 409 }, 5),
            (Fault::NotServed { revision: 1, nodes: String::new() }, 6),
            (Fault::Rotation { rotation: String::new(), how: String::new() }, 2),
            (Fault::NotYet { rotation: String::new(), state: String::new() }, 6),
            (Fault::NoRotation(String::new()), 3),
            (Fault::Upstream(String::new()), 2),
            (Fault::NotReady(String::new()), 2),
            (Fault::Incomplete { found: 1, promised: 2 }, 2),
            (Fault::Audit { sequence: 1, problem: "is missing" }, 2),
            (Fault::Unusable(1), 2),
            (Fault::KekFile(String::new()), 1),
        ] {
            assert_eq!(fault.code(), code, "{fault:?}");
        }
    }
}
