//! The keys with which clients sign their requests: derived, never stored.

use std::fmt;

use model::signing::SigningKey;
use model::token;
use zeroize::Zeroizing;

use crate::cipher::Key;
use crate::encoding::Fields;
use crate::row::mac;

/// What the signing keys of one database follow from, zeroed on drop. It follows from the key of fingerprints itself, so
/// that signing keys stay the same when the KEK changes.
pub struct SigningKeys(pub(crate) Key);

impl SigningKeys {
    /// The signing key that belongs to a client's key, by the id of the latter. Ids are never used again, so that no
    /// signing key is, either.
    #[must_use]
    pub fn of(&self, key_id: &str) -> SigningKey {
        let tag = mac(&self.0, &Fields::new("keyroll/1/signing-key").text(key_id), &[]);
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(tag.as_ref());
        SigningKey::new(Zeroizing::new(token::encode(token::SIGNING_KEY, &bytes)))
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKeys(…)")
    }
}
