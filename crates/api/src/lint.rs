//! What `lint` finds: names that do not fit, and habits that make a leak or an outage more likely.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which findings, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LintQuery {
    /// Only those of this rule: `value-too-short`, `same-value`, `other-environment`, `overdue`, `never-rotated`,
    /// `no-allowed-hosts`, `unreferenced`, `unused`, `temporary`, `naming`, `naming-mixed`, `naming-version`.
    pub rule: Option<String>,
    /// Only those about this secret.
    pub secret: Option<String>,
    /// How many items at most, 1 to 500; 50 where it is not given.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// One thing that can be tidied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LintItem {
    /// `rule:secret`; there is one finding of a rule about a secret.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// The secret.
    pub secret: String,
    /// What was found.
    pub detail: String,
    /// What to do.
    pub advice: String,
}
