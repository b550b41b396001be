//! Identifiers: a prefix that says what is named, and a UUID version 7 (RFC 9562) in 32 hexadecimal digits.

use crate::time::{Entropy, Timestamp};

/// A new identifier such as `sec_0199c0ffee…`: sorted by time of making, unguessable in its last 74 bits.
#[must_use]
pub fn new(prefix: &str, now: Timestamp, entropy: &dyn Entropy) -> String {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    format!("{prefix}_{}", uuid.simple())
}
