//! Answers that are given again when a request comes twice with one `Idempotency-Key`.

use model::time::Timestamp;

use crate::backend::{Conversation, Val, args};
use crate::error::StoreError;
use crate::transaction::{ReadTx, WriteTx};

/// An answer to be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose key it is: the token's id. Two tokens may use the same key.
    pub owner: String,
    /// The `Idempotency-Key`.
    pub key: String,
    /// A keyed digest of method, path and body, to notice another request under the same key.
    pub request: Vec<u8>,
    /// The status that was answered.
    pub status: u16,
    /// The body that was answered, without a key or token that is shown once.
    pub body: String,
    /// When.
    pub created_at: Timestamp,
}

const INSERT: &str =
    "INSERT INTO idempotency (owner, key, request, status, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)";

impl IdempotencyRecord {
    fn columns(&self) -> Vec<Val> {
        args![&self.owner, &self.key, self.request.as_slice(), i64::from(self.status), &self.body, self.created_at]
    }
}

impl ReadTx {
    /// The answer that was given to this key.
    ///
    /// # Errors
    /// As any query.
    pub async fn idempotency(&self, owner: &str, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        // By the key.
        let sql = "SELECT owner, key, request, status, body, created_at FROM idempotency WHERE owner = $1 AND key = $2";
        let Some(row) = self.query_one(sql, args![owner, key]).await? else { return Ok(None) };
        Ok(Some(IdempotencyRecord {
            owner: row.text("owner")?.to_owned(),
            key: row.text("key")?.to_owned(),
            request: row.blob("request")?.to_vec(),
            status: u16::try_from(row.int("status")?).map_err(|_| StoreError::damaged("status", "is no status"))?,
            body: row.text("body")?.to_owned(),
            created_at: row.moment("created_at")?,
        }))
    }
}

impl WriteTx {
    /// Keeps the answer, in the transaction of the change that it answers.
    ///
    /// # Errors
    /// [`crate::Rule::Taken`] where the key was used meanwhile: look it up and answer that.
    pub async fn remember(&mut self, record: &IdempotencyRecord) -> Result<(), StoreError> {
        self.execute(INSERT, record.columns()).await.map(drop)
    }

    /// Forgets what is kept under this key, so that another answer may take its place. Without one nothing happens.
    ///
    /// # Errors
    /// As any statement.
    pub async fn forget_answer(&mut self, owner: &str, key: &str) -> Result<(), StoreError> {
        // By the key.
        self.execute("DELETE FROM idempotency WHERE owner = $1 AND key = $2", args![owner, key]).await.map(drop)
    }
}

pub(crate) async fn remember(conversation: &Conversation, record: &IdempotencyRecord) -> Result<(), StoreError> {
    conversation.execute(INSERT, record.columns()).await.map(drop)
}

pub(crate) async fn forget(conversation: &Conversation, before: Timestamp) -> Result<(), StoreError> {
    // idempotency_created_at.
    conversation.execute("DELETE FROM idempotency WHERE created_at < $1", args![before]).await.map(drop)
}
