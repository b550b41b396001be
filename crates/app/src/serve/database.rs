//! The database of a node: where it is, and what happens while it is not there yet.

use std::time::Duration;

use model::time::{Clock, Entropy};
use store::{Store, StoreError};

use super::error::ServeError;
use crate::bootstrap::{Bootstrap, BootstrapError, Ready};
use crate::config::{Config, DatabaseUrl};
use crate::logging::chain;
use crate::process::DataDir;

/// How soon a server that is away is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// What opening needs to know and to use.
pub(super) struct Opening<'a> {
    pub(super) url: &'a store::DatabaseUrl,
    pub(super) clock: &'a dyn Clock,
    pub(super) entropy: &'a dyn Entropy,
    pub(super) kek_file: &'a std::path::Path,
    pub(super) token_file: &'a std::path::Path,
    pub(super) token: Option<&'a crate::process::BootstrapToken>,
}

/// The configured database, or the file in the data directory.
pub(super) fn url(config: &Config, data: &DataDir) -> store::DatabaseUrl {
    let file = || DatabaseUrl(store::DatabaseUrl::SqliteFile(data.file("keyroll.db")));
    config.database.url.clone().unwrap_or_else(file).0
}

impl Opening<'_> {
    /// Opens the database and its keys.
    pub(super) async fn open(&self) -> Result<(Store, Ready), ServeError> {
        let incarnation = model::id::new("inc", self.clock.now(), self.entropy);
        let store = Store::open(self.url, self.clock.now(), incarnation).await.map_err(ServeError::Store)?;
        let bootstrap = Bootstrap {
            store: &store,
            clock: self.clock,
            entropy: self.entropy,
            kek_file: self.kek_file,
            token_file: self.token_file,
            token: self.token,
        };
        let ready = bootstrap.run().await?;
        Ok((store, ready))
    }

    /// Tries until the database answers. Called where it did not, with what it said.
    pub(super) async fn wait(&self, mut error: ServeError) -> Result<(Store, Ready), ServeError> {
        let mut told = String::new();
        loop {
            let reason = chain(&error);
            if reason != told {
                tracing::error!(database = %self.url, %reason, "waiting for the database; nothing is served until it is there");
                told = reason;
            }
            tokio::time::sleep(PAUSE).await;
            match self.open().await {
                Ok(opened) => return Ok(opened),
                Err(next) if self.is_worth_waiting(&next) => error = next,
                Err(other) => return Err(other),
            }
        }
    }

    /// Whether the server is away. A file that cannot be opened now cannot be opened later either; a login that is
    /// refused is a mistake that somebody has to mend.
    pub(super) fn is_worth_waiting(&self, error: &ServeError) -> bool {
        let error = match error {
            ServeError::Store(error) | ServeError::Bootstrap(BootstrapError::Store(error)) => error,
            _ => return false,
        };
        self.url.is_shared() && matches!(error, StoreError::Unavailable(_) | StoreError::OutcomeUnknown)
    }
}
