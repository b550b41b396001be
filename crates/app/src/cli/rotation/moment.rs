//! Moments as a person reads them: how long ago, and how long still.

use std::time::Duration;

use model::time::{Clock, Span, Timestamp};

use crate::ambient::SystemClock;

/// Now, by this machine's clock. It is only shown: what happens when is the server's business.
pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

/// How long ago a moment of the server's was; the text itself where it is no moment.
pub(super) fn ago(moment: &str, now: Timestamp) -> String {
    match moment.parse::<Timestamp>() {
        Ok(at) => roughly(now.as_millis().saturating_sub(at.as_millis())),
        Err(_) => moment.to_owned(),
    }
}

/// How long it is until a moment of the server's: `in 3m 48s`, or `now`.
pub(super) fn ahead(moment: &str, now: Timestamp) -> String {
    match moment.parse::<Timestamp>() {
        Ok(at) if at <= now => "now".to_owned(),
        Ok(at) => format!("in {}", roughly(at.as_millis().saturating_sub(now.as_millis()))),
        Err(_) => moment.to_owned(),
    }
}

/// The two greatest units of so many milliseconds.
fn roughly(millis: i64) -> String {
    let seconds = millis.max(0) / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// A span of a flag: a number of seconds, or a number with a unit.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    text.parse::<Span>().map(Span::as_std).map_err(|_| "give a number and a unit, such as 90s, 10m or 50h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_are_enough() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m 0s"),
            (132, "2m 12s"),
            (3_600, "1h 0m"),
            (86_399, "23h 59m"),
            (176_400, "2d 1h"),
        ] {
            assert_eq!(roughly(seconds * 1000), text);
        }
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        assert_eq!(ago("2026-11-26T11:58:00.5Z", now), "1m 59s");
        // Two clocks are never quite the same.
        assert_eq!(ago("2026-11-26T12:00:01Z", now), "0s");
        assert_eq!(ahead("2026-11-26T11:00:00Z", now), "now");
        assert_eq!(ahead("2026-11-26T12:03:48Z", now), "in 3m 48s");
        assert_eq!(ahead("soon", now), "soon");
    }

    #[test]
    fn spans_of_flags() {
        assert_eq!(span("90"), Ok(Duration::from_secs(90)));
        assert_eq!(span("10m"), Ok(Duration::from_secs(600)));
        assert!(span("a while").unwrap_err().contains("such as 90s"));
    }
}
