//! Why a start ended before anything was served.

use std::io;
use std::path::PathBuf;

use envelope::{OpenError, kek_file};
use model::access::Denied;
use model::name::NameError;
use store::StoreError;

use super::SHORTEST_TOKEN;

/// Why a start ended here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BootstrapError {
    /// The KEK file is gone and secrets are sealed with it.
    #[error(
        "the KEK file {path} does not exist, but the database holds what was sealed with it: put the file back, or say \
         where it is with --kek-file (without it nothing that is sealed can ever be opened)"
    )]
    KekMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The KEK file is another one.
    #[error(
        "the KEK file {path} lacks the key {kek_id}, which the database was sealed with: nodes that share a database are \
         given the same KEK file, with --kek-file"
    )]
    KekLacks {
        /// The file.
        path: PathBuf,
        /// The id of the key.
        kek_id: String,
    },
    /// The KEK file cannot be used.
    #[error(transparent)]
    KekUnusable(#[from] kek_file::LoadError),
    /// No KEK file can be made.
    #[error(transparent)]
    KekNotMade(#[from] kek_file::CreateError),
    /// The stored fingerprint key is not what was stored.
    #[error(
        "the stored fingerprint key does not open: the database was altered, or the KEK file {path} is not its own"
    )]
    FingerprintKey {
        /// The KEK file.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// A database with a history and without the fingerprint key.
    #[error("the database has lost its fingerprint key: restore it from a backup")]
    FingerprintKeyLost,
    /// Everything in it is elsewhere by now; going on here would make two histories.
    #[error("this database was moved to {to}: start with --database")]
    Moved {
        /// Where to, without a password.
        to: String,
    },
    /// The bootstrap token cannot be used.
    #[error(
        "KEYROLL_BOOTSTRAP_TOKEN has to be {SHORTEST_TOKEN} characters or more, all of them visible ASCII: it is sent in a header"
    )]
    Token,
    /// The first admin token cannot be written.
    #[error("the admin token cannot be written to {path}")]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database.
    #[error("the database")]
    Store(#[from] StoreError),
    /// A name of this file is no name: a mistake in this program.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The system may not do what it does: a mistake in this program.
    #[error(transparent)]
    Denied(#[from] Denied),
}
