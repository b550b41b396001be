//! Wrap data keys with a KEK: for new limits (rebind) or with a newer KEK (rewrap), the sealed value untouched.

use model::secret::Limits;
use model::time::Entropy;

use crate::binding::Binding;
use crate::cipher::Key;
use crate::error::OpenError;
use crate::keyring::Keyring;
use crate::seal::{FORMAT, Sealed};

/// A key wrapped with a KEK, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Nonce, ciphertext and tag: 60 bytes.
    pub bytes: Vec<u8>,
    /// The id of the KEK, `kek_…`.
    pub kek_id: String,
}

/// Ties a secret's data key to other limits: the cryptographic half of an edit of metadata. The result replaces
/// `wrapped_dek` and `kek_id` in the same transaction that stores the limits.
///
/// # Errors
///
/// As [`crate::open`]; above all, `old` must be what the key is tied to now. So limits that were edited in the
/// database cannot be made good by editing them once more.
pub fn rebind(
    keyring: &Keyring,
    sealed: &Sealed,
    old: &Binding<'_>,
    new: &Limits,
    entropy: &dyn Entropy,
) -> Result<WrappedKey, OpenError> {
    let dek = unwrap_dek(keyring, sealed, old)?;
    Ok(wrap_dek(keyring, &dek, &sealed.dek_id, &Binding { limits: new, ..*old }, entropy))
}

/// Wraps a secret's data key with the current KEK. The result replaces `wrapped_dek` and `kek_id`.
///
/// # Errors
///
/// As [`crate::open`].
pub fn rewrap(
    keyring: &Keyring,
    sealed: &Sealed,
    binding: &Binding<'_>,
    entropy: &dyn Entropy,
) -> Result<WrappedKey, OpenError> {
    rebind(keyring, sealed, binding, binding.limits, entropy)
}

pub(crate) fn wrap_dek(
    keyring: &Keyring,
    dek: &Key,
    dek_id: &str,
    binding: &Binding<'_>,
    entropy: &dyn Entropy,
) -> WrappedKey {
    let kek_id = keyring.current.id.to_string();
    let bytes = keyring.current.key.seal(dek.bytes(), &binding.for_dek(dek_id, &kek_id), entropy);
    WrappedKey { bytes, kek_id }
}

pub(crate) fn unwrap_dek(keyring: &Keyring, sealed: &Sealed, binding: &Binding<'_>) -> Result<Key, OpenError> {
    if sealed.format != FORMAT {
        return Err(OpenError::Format(sealed.format));
    }
    let context = binding.for_dek(&sealed.dek_id, &sealed.kek_id);
    let dek = keyring.key(&sealed.kek_id)?.open(&sealed.wrapped_dek, &context).ok_or(OpenError::Tampered)?;
    Key::from_slice(&dek).ok_or(OpenError::Tampered)
}
