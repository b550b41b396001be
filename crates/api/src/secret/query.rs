//! Which secrets a list shows.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{GroupBy, SecretClass, SecretKind, SecretState};

/// Filters of the list of secrets; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SecretQuery {
    /// Text to be found in name, description, owner or tags, whatever the case.
    pub q: Option<String>,
    /// Only this kind.
    #[param(inline)]
    pub kind: Option<SecretKind>,
    /// Only this class.
    #[param(inline)]
    pub class: Option<SecretClass>,
    /// Only secrets that are used, or may be used, in this environment.
    pub environment: Option<String>,
    /// Only with this label.
    pub tag: Option<String>,
    /// Only in this state; `active` when absent.
    #[param(inline)]
    pub state: Option<SecretState>,
    /// Only secrets without a use for so long: an integer and a unit (`30d`).
    pub unused_for: Option<String>,
    /// Only secrets that no route mentions (`true`), or only those that one does (`false`).
    pub unreferenced: Option<bool>,
    /// Only secrets that look like test or temporary ones by a word in their name or tags (`true`), or only those
    /// that do not (`false`).
    pub temporary: Option<bool>,
    /// Only secrets that are overdue or due within so long: an integer and a unit (`14d`).
    pub due_within: Option<String>,
    /// Adds `group` to each row and orders by it.
    #[param(inline)]
    pub group_by: Option<GroupBy>,
    /// The order; `name` when absent.
    #[param(inline)]
    pub sort: Option<SecretSort>,
    /// How many items at most: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    pub cursor: Option<String>,
}

/// The order of a list of secrets; `-` in front turns it round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum SecretSort {
    /// By name.
    #[serde(rename = "name")]
    Name,
    /// By name, last first.
    #[serde(rename = "-name")]
    NameDown,
    /// Oldest first.
    #[serde(rename = "created_at")]
    CreatedAt,
    /// Newest first.
    #[serde(rename = "-created_at")]
    CreatedAtDown,
    /// Longest unused first; never used before all.
    #[serde(rename = "last_used_at")]
    LastUsedAt,
    /// Latest used first.
    #[serde(rename = "-last_used_at")]
    LastUsedAtDown,
    /// Soonest due first; never due last.
    #[serde(rename = "rotation_due_at")]
    RotationDueAt,
    /// Latest due first.
    #[serde(rename = "-rotation_due_at")]
    RotationDueAtDown,
}
