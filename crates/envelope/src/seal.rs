//! Seal a value for its secret, and open it again.

use std::fmt;

use model::secret::SecretValue;
use model::time::Entropy;

use crate::binding::Binding;
use crate::cipher::Key;
use crate::encoding::hex;
use crate::error::OpenError;
use crate::keyring::Keyring;
use crate::wrap::{WrappedKey, unwrap_dek, wrap_dek};

/// The format that [`seal`] writes.
pub const FORMAT: i64 = 1;

/// A sealed value, as it is stored. To destroy the value for good, destroy `wrapped_dek`.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The layout of the other members; the crate's page describes it.
    pub format: i64,
    /// Nonce, ciphertext and tag of the value: its length and 28 bytes. Never written again.
    pub ciphertext: Vec<u8>,
    /// The id of the data key, `dek_…`. Never written again.
    pub dek_id: String,
    /// Nonce, ciphertext and tag of the data key: 60 bytes.
    pub wrapped_dek: Vec<u8>,
    /// The id of the KEK that wraps the data key, `kek_…`.
    pub kek_id: String,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({}, {})", self.dek_id, self.kek_id)
    }
}

/// Seals a value with a data key of its own, and wraps that with the current KEK.
#[must_use]
pub fn seal(keyring: &Keyring, value: &SecretValue, binding: &Binding<'_>, entropy: &dyn Entropy) -> Sealed {
    let mut id = [0; 16];
    entropy.fill(&mut id);
    let dek_id = format!("dek_{}", hex(&id));
    let dek = Key::random(entropy);
    let ciphertext = dek.seal(value.expose().as_bytes(), &binding.for_value(&dek_id), entropy);
    let WrappedKey { bytes: wrapped_dek, kek_id } = wrap_dek(keyring, &dek, &dek_id, binding, entropy);
    Sealed { format: FORMAT, ciphertext, dek_id, wrapped_dek, kek_id }
}

/// Opens a value for the secret and the limits that it was sealed for.
///
/// # Errors
///
/// The format or the KEK is unknown, or anything at all is not as it was sealed.
pub fn open(keyring: &Keyring, sealed: &Sealed, binding: &Binding<'_>) -> Result<SecretValue, OpenError> {
    let dek = unwrap_dek(keyring, sealed, binding)?;
    let value = dek.open(&sealed.ciphertext, &binding.for_value(&sealed.dek_id)).ok_or(OpenError::Tampered)?;
    // A value was text when it was sealed, so that this cannot fail either.
    let text = std::str::from_utf8(&value).map_err(|_| OpenError::Tampered)?;
    Ok(SecretValue::new(text.to_owned()))
}
