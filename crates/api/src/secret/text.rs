//! A secret's value on its way into the server.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret's value: 1 byte to 64 KiB of UTF-8, without NUL. Write-only: no answer ever holds one.
///
/// Zeroed on drop; `Debug` is blank. It can be serialised because the client has to send it.
#[derive(Zeroize, ZeroizeOnDrop, ToSchema)]
#[schema(value_type = String, format = Password, min_length = 1)]
pub struct SecretText(String);

impl SecretText {
    /// Takes the value over.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// Hands the value on, to be sealed or compared.
    #[must_use]
    pub fn into_inner(mut self) -> String {
        std::mem::take(&mut self.0)
    }

    /// Whether it has no byte at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_debug_is_blank_and_its_value_passes() {
        let text: SecretText = serde_json::from_str("\"planted\"").unwrap();
        assert!(!format!("{text:?}").contains("planted"));
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"planted\"");
        assert_eq!(text.into_inner(), "planted");
    }
}
