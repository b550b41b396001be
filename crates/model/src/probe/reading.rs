//! What a try has found. It is told, and kept in events: no value, header or body has a place in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What one place says about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// It works.
    Alive,
    /// It is refused.
    Dead,
    /// Neither can be said.
    Unclear,
}

/// What was found at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Where: `route/environment`, the origin of a secret's own probe, or a database without its password.
    pub place: String,
    /// The class of the answer's status, such as `2xx`; nothing where there was no answer over HTTP.
    pub status_class: Option<String>,
    /// What it says.
    pub reading: Reading,
    /// Why, in words of ours.
    pub detail: String,
}

impl Reading {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Dead => "dead",
            Self::Unclear => "unclear",
        }
    }

    /// What all places say together: dead where one does, alive where every one does. Nothing says nothing.
    #[must_use]
    pub fn of_all(places: &[Tried]) -> Self {
        let says = |reading: Self| move |found: &Tried| found.reading == reading;
        if places.iter().any(says(Self::Dead)) {
            return Self::Dead;
        }
        if !places.is_empty() && places.iter().all(says(Self::Alive)) { Self::Alive } else { Self::Unclear }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
