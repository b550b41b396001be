//! How often values were compared with a secret lately, so that nobody guesses one at leisure.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::name::SecretName;
use model::time::{Span, Timestamp};

/// How many comparisons a secret allows within the window.
const ALLOWED: usize = 10;
/// The window.
const WINDOW: Span = Span::from_secs(60);

/// The comparisons of the last minute, by secret. Each process counts its own.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<SecretName, Vec<Timestamp>>>);

impl Attempts {
    /// Counts a comparison.
    ///
    /// # Errors
    /// Where there were too many: the seconds after which the next one is allowed. That one is not counted.
    pub(crate) fn take(&self, secret: &SecretName, now: Timestamp) -> Result<(), u64> {
        // A panic while it was held left nothing half done: each change is one call.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Memory is bounded by what was compared within a window.
        all.retain(|_, moments| {
            moments.retain(|at| at.plus(WINDOW) > now);
            !moments.is_empty()
        });
        let moments = all.entry(secret.clone()).or_default();
        if moments.len() < ALLOWED {
            moments.push(now);
            return Ok(());
        }
        let free = moments.iter().min().map_or(now, |first| first.plus(WINDOW));
        let millis = u64::try_from(Span::between(now, free).as_millis()).unwrap_or(0);
        Err(millis.div_ceil(1_000).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_in_a_minute_for_each_secret() {
        let attempts = Attempts::default();
        let (one, other) = ("one".parse().unwrap(), "other".parse().unwrap());
        let at = |millis: i64| Timestamp::from_millis(1_000_000 + millis);
        for second in 0..10 {
            assert_eq!(attempts.take(&one, at(second * 1_000)), Ok(()));
        }
        assert_eq!(attempts.take(&one, at(9_500)), Err(51));
        assert_eq!(attempts.take(&other, at(9_500)), Ok(()));
        assert_eq!(attempts.take(&one, at(59_999)), Err(1));
        assert_eq!(attempts.take(&one, at(60_000)), Ok(()));
        assert_eq!(attempts.take(&one, at(60_000)), Err(1));
        assert_eq!(attempts.take(&one, at(600_000)), Ok(()));
        assert_eq!(attempts.0.lock().unwrap().len(), 1, "what is past is forgotten");
    }
}
