//! Clients that sign their requests instead of sending a key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Whether a client signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signing {
    /// Each request is signed, and the key itself is refused.
    Required,
}

impl Signing {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
        }
    }
}

/// A word that says nothing about signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("can be required, or null")]
pub struct UnknownSigning;

impl FromStr for Signing {
    type Err = UnknownSigning;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "required" => Ok(Self::Required),
            _ => Err(UnknownSigning),
        }
    }
}

/// The key with which a client signs, `krs_…`; zeroed on drop, and never in a `{:?}`. The bytes of the text are the key
/// of the HMAC, so that nobody has to decode anything.
pub struct SigningKey(Zeroizing<String>);

impl SigningKey {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// What the HMAC is made with.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The key as it is shown, once.
    #[must_use]
    pub fn into_text(self) -> Zeroizing<String> {
        self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}
