//! Keyed digests: a comparison with what an operator types, without a hash that could be guessed offline.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::Tag;
use model::secret::SecretValue;
use model::time::Entropy;

use crate::cipher::Key;
use crate::encoding::{Fields, hex};
use crate::error::OpenError;
use crate::keyring::Keyring;
use crate::note::AuditKey;
use crate::row::{RowKey, mac};
use crate::signing::SigningKeys;
use crate::wrap::WrappedKey;

/// What the wrapped key is tied to; and what it was tied to in databases whose rows were not sealed.
const LABEL: &str = "keyroll/2/fingerprint-key";
const LABEL_UNSEALED: &str = "keyroll/1/fingerprint-key";

/// The key of fingerprints and digests, zeroed on drop. Made once for each database and stored wrapped, so that
/// fingerprints stay the same when the KEK changes.
pub struct FingerprintKey(Key);

impl FingerprintKey {
    /// A new key, for a database that has no fingerprint yet.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Key::random(entropy))
    }

    /// Wraps the key with the current KEK, to be stored. Also how it is rewrapped.
    #[must_use]
    pub fn wrap(&self, keyring: &Keyring, entropy: &dyn Entropy) -> WrappedKey {
        let kek_id = keyring.current.id.to_string();
        let bytes = keyring.current.key.seal(self.0.bytes(), &context(LABEL, &kek_id), entropy);
        WrappedKey { bytes, kek_id }
    }

    /// Unwraps the stored key.
    ///
    /// # Errors
    ///
    /// The KEK is unknown, or the wrapped key is not as it was stored.
    pub fn unwrap(keyring: &Keyring, wrapped: &WrappedKey) -> Result<Self, OpenError> {
        Self::unwrap_as(LABEL, keyring, wrapped)
    }

    /// Unwraps the key of a database whose rows were not sealed yet. That the wrapping itself says so keeps anybody from
    /// having rows sealed by taking the seals away: of a database whose rows are sealed, no such wrapping exists.
    ///
    /// # Errors
    ///
    /// As [`Self::unwrap`]; so for a database whose rows are sealed.
    pub fn unwrap_unsealed(keyring: &Keyring, wrapped: &WrappedKey) -> Result<Self, OpenError> {
        Self::unwrap_as(LABEL_UNSEALED, keyring, wrapped)
    }

    fn unwrap_as(label: &str, keyring: &Keyring, wrapped: &WrappedKey) -> Result<Self, OpenError> {
        let key = keyring.key(&wrapped.kek_id)?.open(&wrapped.bytes, &context(label, &wrapped.kek_id));
        key.and_then(|bytes| Key::from_slice(&bytes)).map(Self).ok_or(OpenError::Tampered)
    }

    /// The key that seals the rows of the same database.
    #[must_use]
    pub fn row_key(&self) -> RowKey {
        RowKey(Key::of_tag(&self.mac(&Fields::new("keyroll/1/row-key"), &[])))
    }

    /// The key that signs checkpoints of the same database's audit.
    #[must_use]
    pub fn audit_key(&self) -> AuditKey {
        AuditKey::of_seed(Key::of_tag(&self.mac(&Fields::new("keyroll/1/audit-key"), &[])).bytes())
    }

    /// What the signing keys of the clients of the same database follow from.
    #[must_use]
    pub fn signing_keys(&self) -> SigningKeys {
        SigningKeys(Key::of_tag(&self.mac(&Fields::new("keyroll/1/signing-keys"), &[])))
    }

    /// The fingerprint of a value: `kf_` and 32 hex digits (128 bits). Equal for equal values in one database,
    /// and of no use to whoever lacks the key.
    #[must_use]
    pub fn fingerprint(&self, value: &SecretValue) -> String {
        let tag = self.mac(&Fields::new("keyroll/1/fingerprint"), value.expose().as_bytes());
        let (half, _) = tag.as_ref().split_at(16);
        format!("kf_{}", hex(half))
    }

    /// Whether `fingerprint` is that of this value, in a time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, value: &SecretValue, fingerprint: &str) -> bool {
        verify_slices_are_equal(self.fingerprint(value).as_bytes(), fingerprint.as_bytes()).is_ok()
    }

    /// A keyed digest of other bytes that must not be guessed from what is stored, such as a request that was
    /// answered under an idempotency key. `domain` keeps the uses apart.
    #[must_use]
    pub fn digest(&self, domain: &str, bytes: &[u8]) -> [u8; 32] {
        let tag = self.mac(&Fields::new("keyroll/1/digest").text(domain), bytes);
        let mut digest = [0; 32];
        digest.copy_from_slice(tag.as_ref());
        digest
    }

    fn mac(&self, head: &Fields, bytes: &[u8]) -> Tag {
        mac(&self.0, head, bytes)
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(…)")
    }
}

fn context(label: &str, kek_id: &str) -> Fields {
    Fields::new(label).text(kek_id)
}
