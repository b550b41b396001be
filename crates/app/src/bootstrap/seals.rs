//! The key of fingerprints and, with it, the seals of rows: given to the store, and made once where there are none.

use std::sync::Arc;

use envelope::{FingerprintKey, Keyring, WrappedKey};
use model::access::{Actor, Need, authorize};
use model::audit::{Event, Origin};
use serde_json::json;
use store::{Sealer, WrappedFingerprintKey};

use super::{Bootstrap, BootstrapError, stored};

impl Bootstrap<'_> {
    /// The key of fingerprints, and with it the seals of rows; these are made where the database has none yet.
    pub(super) async fn unwrap(
        &self,
        keyring: &Keyring,
        wrapped: &WrappedKey,
    ) -> Result<FingerprintKey, BootstrapError> {
        match FingerprintKey::unwrap(keyring, wrapped) {
            Ok(fingerprints) => {
                self.store.seal_with(sealer(&fingerprints));
                Ok(fingerprints)
            }
            Err(source) => match FingerprintKey::unwrap_unsealed(keyring, wrapped) {
                Ok(fingerprints) => {
                    self.store.seal_with(sealer(&fingerprints));
                    self.seal_rows(keyring, &fingerprints).await?;
                    Ok(fingerprints)
                }
                Err(_) => Err(BootstrapError::FingerprintKey { path: self.kek_file.to_owned(), source }),
            },
        }
    }

    /// Seals the rows of a database from before there were seals, and has the wrapped key say that they are.
    async fn seal_rows(&self, keyring: &Keyring, fingerprints: &FingerprintKey) -> Result<(), BootstrapError> {
        let permit = authorize(&Actor::system("bootstrap"), [Need::Administer])?;
        let mut tx = self.store.begin(&permit).await?;
        // Another node may have been faster.
        if let Some(now) = stored(&tx).await?
            && FingerprintKey::unwrap(keyring, &now).is_ok()
        {
            return Ok(());
        }
        let rows = tx.seal_all_rows().await?;
        let WrappedKey { bytes, kek_id } = fingerprints.wrap(keyring, self.entropy);
        tx.set_fingerprint_key(&WrappedFingerprintKey { bytes, kek_id }).await?;
        let event = Event::done(&permit, &Origin::local(), self.clock.now(), "system.seal", "system".to_owned());
        tx.commit(event.after(json!({"rows": rows}))).await?;
        tracing::info!(rows, "the rows of this database are sealed from now on");
        Ok(())
    }
}

/// What seals the rows of the database that has this key.
pub(super) fn sealer(fingerprints: &FingerprintKey) -> Sealer {
    let key = fingerprints.row_key();
    Arc::new(move |table, row| key.seal(table, row))
}
