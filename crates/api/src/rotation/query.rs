//! Which rotations a list shows.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// Filters of the list of rotations; all that are given must hold. The latest comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RotationQuery {
    /// Only those in this state.
    pub state: Option<String>,
    /// Only those that this secret is a part of, outgoing or incoming.
    pub secret: Option<String>,
    /// Only those that are in or before this environment.
    pub environment: Option<String>,
    /// Only those in which something can still happen (`true`), or only those that are over (`false`).
    pub live: Option<bool>,
    /// How many items at most: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    pub cursor: Option<String>,
}

/// The query of a change that is tried only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRun {
    /// `true` changes nothing.
    pub dry_run: bool,
}
