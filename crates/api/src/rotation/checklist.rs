//! What is to be done in a rotation, and how far it is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ChecklistItem;

/// A rotation's checklist, and the playbook of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checklist {
    /// The eleven entries, in order.
    pub items: Vec<ChecklistItem>,
    /// The steps for a credential of this kind, in order.
    pub playbook: Vec<PlaybookStep>,
    /// The words that can be attested.
    pub attestable: Vec<String>,
}

/// One step of a playbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlaybookStep {
    /// How it stands.
    #[serde(flatten)]
    pub item: ChecklistItem,
    /// What to do.
    pub what: String,
    /// What to type; `null` where there is nothing.
    pub command: Option<String>,
    /// Whether it is done outside, by somebody who then attests it.
    pub outside: bool,
    /// Whether it is the next one.
    pub next: bool,
}
