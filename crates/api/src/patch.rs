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
