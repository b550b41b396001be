//! Seals of rows that hold no value: where traffic goes and who may call is as worth protecting as what is sent there.

use std::fmt;

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key as HmacKey, Tag};

use crate::cipher::Key;
use crate::encoding::Fields;

/// The key that seals the rows of one database, zeroed on drop. It follows from the key of fingerprints, so that seals
/// stay the same when the KEK changes.
pub struct RowKey(pub(crate) Key);

impl RowKey {
    /// The seal of a row of `table`, whose columns are encoded in `row` so that no two different rows give the same bytes.
    #[must_use]
    pub fn seal(&self, table: &str, row: &[u8]) -> [u8; 32] {
        let tag = mac(&self.0, &Fields::new("keyroll/1/row").text(table), row);
        let mut seal = [0; 32];
        seal.copy_from_slice(tag.as_ref());
        seal
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowKey(…)")
    }
}

/// HMAC-SHA256 of head and bytes, in two steps, so that no buffer with a value in it is made.
pub(crate) fn mac(key: &Key, head: &Fields, bytes: &[u8]) -> Tag {
    let mut context = Context::with_key(&HmacKey::new(HMAC_SHA256, key.bytes()));
    context.update(head.bytes());
    context.update(bytes);
    context.sign()
}
