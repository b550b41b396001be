//! The one type that holds a secret's value in memory.

use std::fmt;

use zeroize::Zeroizing;

/// A secret's value.
///
/// It has no `Display`, `Clone`, `PartialEq` or `Serialize`, a blank `Debug`, and is zeroed when dropped.
/// It opens through [`SecretValue::expose`] alone, whose callers are an allow-list that `cargo xtask tidy` checks:
/// the envelope, the compilation of a snapshot, and the filling of one request.
///
/// ```compile_fail
/// let value = model::secret::SecretValue::new("hunter2".to_owned());
/// println!("{value}");
/// ```
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// Takes the value over.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself, for the few that may see it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds one of these characters.
    #[must_use]
    pub fn contains_any(&self, wanted: &[char]) -> bool {
        self.0.contains(wanted)
    }

    /// Whether white space surrounds it, the usual trace of a careless copy.
    #[must_use]
    pub fn has_outer_white_space(&self) -> bool {
        self.0.trim().len() != self.0.len()
    }

    /// The same value without the white space around it.
    #[must_use]
    pub fn trimmed(&self) -> Self {
        Self::new(self.0.trim().to_owned())
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}
