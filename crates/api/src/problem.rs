//! What the API answers when it refuses or fails: an RFC 9457 problem.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A refusal or failure (RFC 9457), sent as `application/problem+json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here and what to do next; never a secret's value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The stable, kebab-case name of the problem, for programs.
    pub code: String,
    /// The request's id, to be found in the log and in the audit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// The members that broke a rule, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<MemberError>,
    /// The existing name that was probably meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
    /// With `secret-is-referenced`: everything that mentions the secret, disabled routes included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// With `secret-recently-used` and `secret-in-retention`: the earliest moment (RFC 3339) at which the deletion is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletable_at: Option<String>,
    /// With `rotation-in-progress`, `secret-in-rotation`, `secret-being-replaced` and `action-not-possible`: the rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<String>,
    /// With `action-not-possible`: the state that the rotation is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// With `action-not-possible`: the actions that are possible instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possible: Option<Vec<String>>,
}

/// One member that broke a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberError {
    /// A JSON Pointer (RFC 6901) to the member; for a query parameter, its name after a slash.
    pub pointer: String,
    /// The stable, kebab-case name of the rule.
    pub code: String,
    /// The rule, and what to do; never a secret's value.
    pub detail: String,
    /// The existing name that was probably meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
}

/// One place that mentions a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Reference {
    /// The route.
    pub route: String,
    /// The environment in which the mention takes effect; `null` where it is in the base alone.
    pub environment: Option<String>,
    /// The member that mentions it, such as `inject.headers.Authorization`.
    pub field: String,
    /// Whether the route is served there.
    pub enabled: bool,
}
