//! Leases: the right to do what must be done by one node at a time.
//!
//! A lease ends by itself, by the database's clock. Whoever holds one may have been asleep past its end without knowing:
//! what is written under it is therefore checked against the fencing number, in the transaction that writes.

use model::time::Span;

use crate::backend::{Conversation, args};
use crate::error::StoreError;

/// A lease that was held when it was given out. Its number is higher than that of every holder before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    name: &'static str,
    holder: String,
    fence: i64,
}

impl Lease {
    /// The fencing number.
    #[must_use]
    pub fn fence(&self) -> i64 {
        self.fence
    }
}

/// Takes or prolongs the lease; `None` while somebody else holds it.
pub(crate) async fn take(
    conversation: &Conversation,
    name: &'static str,
    holder: &str,
    time: Span,
) -> Result<Option<Lease>, StoreError> {
    // By the key. The row's lock orders those who ask at the same moment.
    let sql = "INSERT INTO leases (name, holder, fence, expires_at) VALUES ($1, $2, 1, {now} + $3) \
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at, \
         fence = CASE WHEN leases.holder = excluded.holder THEN leases.fence ELSE leases.fence + 1 END \
         WHERE leases.holder = excluded.holder OR leases.expires_at <= {now} RETURNING fence";
    let rows = conversation.query(sql, args![name, holder, time.as_millis()]).await?;
    rows.first().map(|row| Ok(Lease { name, holder: holder.to_owned(), fence: row.int("fence")? })).transpose()
}

/// Makes sure that the lease is still held, and stays so until the transaction ends.
pub(crate) async fn check(conversation: &Conversation, lease: &Lease) -> Result<(), StoreError> {
    // By the key.
    let sql = "SELECT 1 AS one FROM leases WHERE name = $1 AND holder = $2 AND fence = $3 {lock}";
    match conversation.query(sql, args![lease.name, &lease.holder, lease.fence]).await?.is_empty() {
        true => Err(StoreError::LeaseLost(lease.name)),
        false => Ok(()),
    }
}
