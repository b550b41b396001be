//! Why a node did not start.

use std::io;

use store::StoreError;

use super::hand_over::TakeOverError;
use crate::bootstrap::BootstrapError;
use crate::config::Mistakes;
use crate::process::{DataDirError, ListenerError, TlsError};

/// Why a node did not start. Its sources say the rest; none of them holds a value.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    /// The configuration.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
    /// The kernel did not allow it.
    #[error("the memory of the process cannot be protected from other processes")]
    Memory(#[source] io::Error),
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Another process runs on the data directory, and was not asked for its place.
    #[error("{0}; or take over from it without a failed request, by --take-over")]
    InUse(DataDirError),
    /// The running process keeps its place.
    #[error("this process does not take over")]
    TakeOver(#[from] TakeOverError),
    /// A certificate.
    #[error("{section}.tls")]
    Tls {
        /// `gateway` or `admin`.
        section: &'static str,
        /// Why; in a box, since it is much larger than everything else here.
        #[source]
        source: Box<TlsError>,
    },
    /// The library for TLS refused its configuration.
    #[error("TLS cannot be set up")]
    TlsSetup(#[from] rustls::Error),
    /// A listening socket.
    #[error(transparent)]
    Listener(#[from] ListenerError),
    /// The file that names this node.
    #[error("the node cannot be told from others")]
    Identity(#[source] io::Error),
    /// The database.
    #[error("the database cannot be opened")]
    Store(#[source] StoreError),
    /// The keys, or the first start.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The file with the addresses.
    #[error("the addresses in use cannot be written to the data directory")]
    Addresses(#[source] io::Error),
    /// Threads, timers, signals and sockets.
    #[error("the runtime cannot be set up")]
    Runtime(#[source] io::Error),
}
