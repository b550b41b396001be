//! Who writes: while another process takes over, this one reads alone.
//!
//! Both engines bear several writers. That there is one all the same keeps what only a running process knows (counts,
//! signs of life, leases) with whoever serves, and lets the other one migrate without anybody writing in the old way.

use std::sync::Arc;

use model::time::Timestamp;
use tokio::sync::{RwLock, RwLockReadGuard};

use crate::backend::{Closing, Purpose};
use crate::error::StoreError;
use crate::migrate::migrate;
use crate::store::Store;

/// Whether this process may write; one for all handles.
#[derive(Clone)]
pub(crate) struct Ownership(Arc<RwLock<bool>>);

impl Default for Ownership {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(true)))
    }
}

impl Ownership {
    /// Held until a transaction that writes has begun, so that none can begin after the end of ownership.
    pub(crate) async fn check(&self) -> Result<RwLockReadGuard<'_, bool>, StoreError> {
        let owned = self.0.read().await;
        if *owned { Ok(owned) } else { Err(StoreError::HandedOver) }
    }
}

impl Store {
    /// Writes nothing from now on: who asks gets [`StoreError::HandedOver`], and reads as before. Changes that had begun
    /// are finished when this returns. Telemetry may still be on its way to a server, which is shared in any case.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the last change does not end; then this process writes as before.
    pub async fn hand_over(&self) -> Result<(), StoreError> {
        *self.ownership.0.write().await = false;
        match self.backend.begin(Purpose::Change).await {
            Ok(last) => {
                drop(last);
                Ok(())
            }
            Err(error) => {
                *self.ownership.0.write().await = true;
                Err(error)
            }
        }
    }

    /// Writes again, after the other process gave up. It may have brought the schema up to date before.
    ///
    /// # Errors
    /// [`StoreError::Migration`] where this binary may not write to the database any longer; else as [`Store::open`].
    pub async fn take_back(&self, now: Timestamp) -> Result<(), StoreError> {
        let conversation = self.backend.begin(Purpose::Change).await?;
        migrate(&conversation, now).await?;
        conversation.commit(Closing::default()).await?;
        *self.ownership.0.write().await = true;
        Ok(())
    }

    /// Whether this process was told to write nothing any more.
    pub async fn is_handed_over(&self) -> bool {
        !*self.ownership.0.read().await
    }
}
