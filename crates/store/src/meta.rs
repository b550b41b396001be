//! Things about the database itself, by name: the wrapped fingerprint key, settings.

use crate::backend::args;
use crate::error::StoreError;
use crate::transaction::{ReadTx, WriteTx};

impl ReadTx {
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
