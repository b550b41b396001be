//! Moments and spans of time, and the two ambient things that are passed in: clock and entropy.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The wall clock, passed in so that every decision about time can be tested.
pub trait Clock: Send + Sync + 'static {
    /// The current moment.
    fn now(&self) -> Timestamp;
}

/// Randomness, passed in so that ids and keys can be reproduced in tests.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `out` with random bytes from a cryptographic source.
    fn fill(&self, out: &mut [u8]);
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z. On the wire RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The last moment that RFC 3339 can write, 9999-12-31T23:59:59.999Z.
const LAST: i64 = 253_402_300_799_999;

/// The first moment. Moments are reckoned from it by calendar and clock, since `jiff::Timestamp` ends a day before
/// [`LAST`].
const FIRST: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl Timestamp {
    /// A moment from milliseconds since 1970, brought into the years 1970 to 9999.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, LAST))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment `span` later.
    #[must_use]
    pub fn plus(self, span: Span) -> Self {
        Self::from_millis(self.0.saturating_add(span.as_millis()))
    }

    /// The moment `span` earlier.
    #[must_use]
    pub fn minus(self, span: Span) -> Self {
        Self::from_millis(self.0.saturating_sub(span.as_millis()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match FIRST.checked_add(SignedDuration::from_millis(self.0)) {
            Ok(moment) => write!(f, "{moment:.3}Z"),
            Err(_) => f.write_str("9999-12-31T23:59:59.999Z"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a moment or a span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not RFC 3339.
    #[error("is not a time in RFC 3339, such as 2026-11-23T14:12:00Z")]
    Timestamp,
    /// Not an integer and a unit.
    #[error("is not a duration: an integer and one of ms, s, m, h, d, such as 250ms, 30s or 48h")]
    Span,
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let parts = Pieces::parse(text).map_err(|_| TimeError::Timestamp)?;
        let (time, offset) = parts.time().zip(parts.to_numeric_offset()).ok_or(TimeError::Timestamp)?;
        let local = parts.date().to_datetime(time).duration_since(FIRST);
        let since = local.saturating_sub(SignedDuration::from_secs(offset.seconds().into()));
        Ok(Self::from_millis(i64::try_from(since.as_millis()).map_err(|_| TimeError::Timestamp)?))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A length of time in milliseconds. On the wire an integer and a unit: `250ms` `30s` `5m` `48h` `30d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

/// The units of a span, longest first, in milliseconds.
const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Span {
    /// A span of so many milliseconds; negative ones become zero.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        if millis < 0 { Self(0) } else { Self(millis) }
    }

    /// A span of so many seconds.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self::from_millis(secs.saturating_mul(1_000))
    }

    /// A span of so many hours.
    #[must_use]
    pub const fn from_hours(hours: i64) -> Self {
        Self::from_secs(hours.saturating_mul(3_600))
    }

    /// A span of so many days of 24 hours.
    #[must_use]
    pub const fn from_days(days: i64) -> Self {
        Self::from_hours(days.saturating_mul(24))
    }

    /// The time from `start` to `end`; zero where `end` is the earlier one.
    #[must_use]
    pub fn between(start: Timestamp, end: Timestamp) -> Self {
        Self::from_millis(end.as_millis().saturating_sub(start.as_millis()))
    }

    /// Milliseconds.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// The same length for the standard library and the timers.
    #[must_use]
    pub fn as_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `48h` and `30d` are both usual: days are used only where nobody would say hours.
        let fitting = UNITS
            .iter()
            .find(|(unit, size)| self.0 % size == 0 && self.0 >= *size && !(*unit == "d" && self.0 <= 3 * size));
        match fitting {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => f.write_str("0s"),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Span {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).ok_or(TimeError::Span)?;
        let size = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size).ok_or(TimeError::Span)?;
        let count: i64 = number.parse().map_err(|_| TimeError::Span)?;
        count.checked_mul(size).filter(|millis| *millis <= LAST).map(Self).ok_or(TimeError::Span)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_an_integer_and_a_unit() {
        for (text, millis) in
            [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("48h", 172_800_000), ("30d", 2_592_000_000)]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.as_millis(), millis);
            assert_eq!(span.to_string(), text);
        }
        for text in ["", "5", "h", "-5s", "5 s", "1.5h", "5w", "99999999999999999999d", "9223372036854775807d"] {
            assert_eq!(text.parse::<Span>(), Err(TimeError::Span), "{text}");
        }
    }

    #[test]
    fn moments_are_rfc_3339_in_utc() {
        let moment: Timestamp = "2026-11-23T15:12:00.25+01:00".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-11-23T14:12:00.250Z");
        for text in
            ["2026-11-23", "2026-11-23T14:12:00", "14:12:00Z", "2026-13-01T00:00:00Z", "+010000-01-01T00:00:00Z"]
        {
            assert_eq!(text.parse::<Timestamp>(), Err(TimeError::Timestamp), "{text}");
        }
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn the_last_days_are_moments_too() {
        for (text, told) in [
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
            ("9999-12-31T00:00:00.5+02:00", "9999-12-30T22:00:00.500Z"),
            ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59.999Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            ("2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z"),
        ] {
            let moment: Timestamp = text.parse().unwrap();
            assert_eq!(moment.to_string(), told, "{text}");
            assert_eq!(told.parse(), Ok(moment), "{text}");
        }
    }
}
