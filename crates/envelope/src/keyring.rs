//! The key-encryption keys that a process holds: the current one seals, all of them open.

use std::fmt;

use model::time::Timestamp;

use crate::cipher::Key;
use crate::error::OpenError;

/// The key-encryption keys (KEKs), zeroed on drop. A process without one is locked.
///
/// Made by [`Keyring::parse`] or [`crate::kek_file::load`]. It never shows its keys and cannot be copied:
///
/// ```
/// let zero = "A".repeat(43);
/// let keyring = envelope::Keyring::parse(&format!("kek_a {zero}="))?;
/// assert_eq!(keyring.current().as_str(), "kek_a");
/// assert_eq!(format!("{keyring:?}"), "Keyring(…)");
/// # Ok::<(), envelope::KekTextError>(())
/// ```
///
/// ```compile_fail,E0599
/// # let keyring = envelope::Keyring::parse(&format!("kek_a {}=", "A".repeat(43))).unwrap();
/// let second = keyring.clone();
/// ```
///
/// ```compile_fail,E0277
/// # let keyring = envelope::Keyring::parse(&format!("kek_a {}=", "A".repeat(43))).unwrap();
/// println!("{keyring}");
/// ```
pub struct Keyring {
    pub(crate) current: Kek,
    pub(crate) older: Vec<Kek>,
}

/// One key and its id.
pub(crate) struct Kek {
    pub(crate) id: KekId,
    pub(crate) key: Key,
    /// When it was made, where the file says so.
    pub(crate) made_at: Option<Timestamp>,
}

/// The id of a KEK: `kek_` and 1 to 64 of `A-Z a-z 0-9 _ -`. Not a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KekId(String);

impl Keyring {
    /// The id of the key that wraps from now on; what is wrapped with another one is due for [`crate::rewrap`].
    #[must_use]
    pub fn current(&self) -> &KekId {
        &self.current.id
    }

    /// The ids of all keys, the current one first, in the order of the KEK file.
    pub fn ids(&self) -> impl Iterator<Item = &KekId> {
        self.keks().map(|kek| &kek.id)
    }

    /// The same with the moments at which the keys were made, where the file says so.
    pub fn made(&self) -> impl Iterator<Item = (&KekId, Option<Timestamp>)> {
        self.keks().map(|kek| (&kek.id, kek.made_at))
    }

    pub(crate) fn key(&self, kek_id: &str) -> Result<&Key, OpenError> {
        let kek = self.keks().find(|kek| kek.id.as_str() == kek_id);
        kek.map(|kek| &kek.key).ok_or_else(|| OpenError::UnknownKek { kek_id: kek_id.to_owned() })
    }

    fn keks(&self) -> impl Iterator<Item = &Kek> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

impl KekId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("kek_")?;
        let fits = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        (fits && (1..=64).contains(&rest.len())).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
