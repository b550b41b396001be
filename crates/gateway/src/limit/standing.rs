//! What an answer says about the limits that its request fell under: `RateLimit-Policy` and `RateLimit`, as in
//! draft-ietf-httpapi-ratelimit-headers-11.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use model::route::RateLimit;

const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The largest integer of a structured field (RFC 9651 section 3.3.1).
const LARGEST: u64 = 999_999_999_999_999;

/// How a request stands with one limit.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// The limit itself, as it is told.
    pub(super) policy: HeaderValue,
    pub(super) name: &'static str,
    /// How many requests may come at once.
    pub(super) left: u64,
    /// Until everything is earned back; with nothing left, until the next request may come.
    pub(super) wait: Duration,
}

impl Standing {
    fn seconds(&self) -> u64 {
        let seconds = whole_seconds(self.wait);
        // "Nothing left, and nothing to wait for" would make a client come back at once.
        if self.left == 0 { seconds.max(1) } else { seconds }
    }
}

/// What a request's answer has to say; nothing, and no cost, where no limit applies.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) client: Option<Standing>,
    pub(crate) route: Option<Standing>,
}

impl Told {
    /// Says it. What the upstream says about its own limits stays in its own field lines: it is told apart by the names.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        for standing in self.client.into_iter().chain(self.route) {
            let (name, left, seconds) = (standing.name, standing.left.min(LARGEST), standing.seconds().min(LARGEST));
            if let Ok(value) = HeaderValue::try_from(format!("\"{name}\";r={left};t={seconds}")) {
                headers.append(RATELIMIT, value);
            }
            headers.append(RATELIMIT_POLICY, standing.policy);
        }
    }
}

/// Seconds, begun ones counted whole.
pub(crate) fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}

/// A limit in words: `"keyroll-client";q=100;w=60`. A window is a number of whole seconds there: what is counted by
/// other spans is told for the seconds that the span has begun.
pub(super) fn policy(name: &str, limit: RateLimit) -> HeaderValue {
    let millis = limit.per.as_std().as_millis().max(1);
    let window = millis.div_ceil(1_000);
    let quota = u128::from(limit.requests).saturating_mul(window.saturating_mul(1_000)) / millis;
    let most = u128::from(LARGEST);
    let text = format!("\"{name}\";q={};w={}", quota.clamp(1, most), window.min(most));
    // Digits and a name of ours are always a value.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
