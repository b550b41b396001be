//! How a member of an edit tells "leave it" (absent) from "take it away" (`null`).

use serde::{Deserialize, Deserializer};

/// For `#[serde(default, deserialize_with = "change")]`: absent is `None`, `null` is `Some(None)`.
pub(crate) fn change<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// For a member that cannot be taken away, `#[serde(default, deserialize_with = "given")]`: absent is `None`, `null` is
/// refused as any other value of the wrong shape is.
pub(crate) fn given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}
