//! An environment: a stage that a change reaches in the order of ranks.

use serde::{Deserialize, Serialize};

use crate::name::EnvironmentName;

/// A stage such as staging or production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// The name that people read.
    pub display_name: String,
    /// Its place in the order of promotion; the lowest first.
    pub rank: i64,
    /// Whether changes here need an operator.
    pub protected: bool,
    /// Whether a client with several environments is served here when it names none.
    pub default: bool,
    /// Counts the edits, from 1; the ETag.
    pub version: i64,
}
