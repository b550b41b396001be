//! Things about the database itself, by name: the wrapped fingerprint key, settings.

use crate::backend::args;
use crate::error::StoreError;
use crate::transaction::{ReadTx, WriteTx};

/// Under which names the wrapped fingerprint key and the id of its KEK are stored.
const FINGERPRINT_KEY: &str = "fingerprint_key";
const FINGERPRINT_KEK: &str = "fingerprint_key.kek_id";

/// The wrapped key of fingerprints, one for each database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedFingerprintKey {
    /// The wrapped key.
    pub bytes: Vec<u8>,
    /// The id of the KEK that wraps it.
    pub kek_id: String,
}

impl ReadTx {
    /// The wrapped key of fingerprints; `None` before the first start.
    ///
    /// # Errors
    /// As any query.
    pub async fn fingerprint_key(&self) -> Result<Option<WrappedFingerprintKey>, StoreError> {
        let (bytes, kek_id) = (self.meta(FINGERPRINT_KEY).await?, self.meta(FINGERPRINT_KEK).await?);
        let text = |kek_id: Vec<u8>| String::from_utf8_lossy(&kek_id).into_owned();
        Ok(bytes.zip(kek_id).map(|(bytes, kek_id)| WrappedFingerprintKey { bytes, kek_id: text(kek_id) }))
    }

    /// What is stored under the name.
    ///
    /// # Errors
    /// As any query.
    pub async fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        // By the key.
        let row = self.query_one("SELECT value FROM meta WHERE name = $1", args![name]).await?;
        row.map(|row| row.blob("value").map(<[u8]>::to_vec)).transpose()
    }
}

impl WriteTx {
    /// Stores the wrapped key of fingerprints, in place of the same key in another wrapping.
    ///
    /// # Errors
    /// As any statement.
    pub async fn set_fingerprint_key(&mut self, wrapped: &WrappedFingerprintKey) -> Result<(), StoreError> {
        self.set_meta(FINGERPRINT_KEY, &wrapped.bytes).await?;
        self.set_meta(FINGERPRINT_KEK, wrapped.kek_id.as_bytes()).await
    }

    /// Stores bytes under the name, in place of what was there.
    ///
    /// # Errors
    /// As any statement.
    pub async fn set_meta(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        // By the key.
        let sql =
            "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.execute(sql, args![name, value]).await.map(drop)
    }
}
