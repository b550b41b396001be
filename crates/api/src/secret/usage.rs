//! How often, where and with what outcome a secret was used.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which span of time, in which steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UsageQuery {
    /// The beginning (RFC 3339); 24 hours before `to` when absent.
    pub from: Option<String>,
    /// The end (RFC 3339); now when absent.
    pub to: Option<String>,
    /// The width of a bucket: an integer and a unit (`1m`, `1h`, `1d`); chosen to fit when absent.
    pub step: Option<String>,
}

/// A secret's uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageAnswer {
    /// The buckets that are not empty, oldest first.
    pub buckets: Vec<UsageBucket>,
    /// The sum of all counts.
    pub total: u64,
}

/// The uses of one step of time, by place and outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageBucket {
    /// The beginning of the step (RFC 3339).
    pub at: String,
    /// Through which route.
    pub route: String,
    /// In which environment.
    pub environment: String,
    /// How they ended.
    pub outcome: UsageOutcome,
    /// How many.
    pub count: u64,
}

/// What an upstream's answer says about the credential that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageOutcome {
    /// The upstream took it.
    Accepted,
    /// The upstream called it dead, usually by a 401.
    Rejected,
    /// The upstream knows it but it may not do this (403).
    Refused,
    /// Too many requests (429); says nothing about the credential.
    Throttled,
    /// The upstream failed; says nothing about the credential.
    Failed,
    /// Bytes were sent and no answer came.
    Unreachable,
}
