//! A member of a layer of settings: absent (the layer below counts), null (nothing), or set.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A member that may be absent, null or set. Use with `#[serde(default, skip_serializing_if = "Member::is_absent")]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Member<T> {
    /// Not said here: the layer below counts.
    #[default]
    Absent,
    /// Said to be nothing.
    Null,
    /// Said.
    Set(T),
}

impl<T> Member<T> {
    /// Whether nothing is said here.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// What is set, if anything is.
    #[must_use]
    pub fn as_set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            _ => None,
        }
    }

    /// This layer laid over the one below.
    #[must_use]
    pub fn over<'a>(&'a self, below: &'a Self) -> &'a Self {
        if self.is_absent() { below } else { self }
    }
}

impl<T: Serialize> Serialize for Member<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_set().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Set))
    }
}
