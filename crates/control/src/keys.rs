//! The keyring in the hands of the admin API.

use std::sync::Arc;

use envelope::{FingerprintKey, Keyring};

/// The keyring, and the key of fingerprints.
pub struct Keys {
    /// Current and older key-encryption keys; shared, so that there is one copy of them in memory.
    pub keyring: Arc<Keyring>,
    /// The key of fingerprints and of kept digests.
    pub fingerprints: FingerprintKey,
}
