//! Trying a route: one request, and exactly what was sent, values masked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One request to be sent through a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestRoute {
    /// In which environment.
    #[schema(example = "staging")]
    pub environment: String,
    /// The method; `GET` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path and query below the route; `/` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/v1/balance")]
    pub path: Option<String>,
    /// Headers as a client would send them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// The body as text; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What was sent and what came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestAnswer {
    /// The request as the upstream got it; `null` in the answer to a repetition under the same `Idempotency-Key`, for
    /// which it is not kept.
    pub sent: Option<SentRequest>,
    /// The upstream's answer; `null` where none came. A repetition is told the status alone.
    pub answer: Option<UpstreamAnswer>,
    /// Why no answer came, as the gateway would have said it: a `code` such as `upstream-timeout`. A repetition is told
    /// `outcome-unknown` where the first request is not at its end.
    pub error: Option<String>,
    /// How long it took.
    pub times: TestTimes,
}

/// A request as the upstream got it; each injected value is shown as `*` of a fixed length with the secret's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SentRequest {
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The headers in the order sent, as pairs of name and value.
    pub headers: Vec<(String, String)>,
    /// The body as text, its first 64 KiB; `null` where there was none.
    pub body: Option<String>,
    /// The secrets that were inserted.
    pub secrets: Vec<String>,
}

/// An upstream's answer, guarded: no injected value is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpstreamAnswer {
    /// The status.
    pub status: u16,
    /// The headers, as pairs of name and value.
    pub headers: Vec<(String, String)>,
    /// The body as text, its first 64 KiB.
    pub body: String,
    /// Whether the body went on after that.
    pub truncated: bool,
}

/// How long a request took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestTimes {
    /// From the start to the end of the answer.
    pub total_ms: u64,
}
