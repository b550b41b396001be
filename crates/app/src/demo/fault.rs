//! Why the show ended early.

/// What did not hold. Each text can be read alone.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Something that the show needs could not be had.
    #[error("{what} could not be had")]
    Start {
        /// What.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The node ended before it was ready, or was not ready in time.
    #[error("the node did not become ready")]
    NotReady,
    /// The admin API refused or failed.
    #[error("the admin API: {0}")]
    Api(#[from] api::client::ClientError),
    /// What was to be seen was not seen.
    #[error("it did not hold that {0}")]
    NotSeen(String),
}

impl Fault {
    /// A fault of starting something.
    pub(super) fn start(what: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Start { what, source }
    }
}
