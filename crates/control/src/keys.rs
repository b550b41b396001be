//! The keyring in the hands of the admin API.

use envelope::{FingerprintKey, Keyring};

/// The keyring, and the key of fingerprints.
pub struct Keys {
    /// Current and older key-encryption keys.
    pub keyring: Keyring,
    /// The key of fingerprints and of kept digests.
    pub fingerprints: FingerprintKey,
}
