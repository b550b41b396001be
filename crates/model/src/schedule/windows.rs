//! When rotations may enter a protected environment by themselves: minutes that a crontab expression describes.

use std::fmt;
use std::str::FromStr;

use cronexpr::Crontab;

use crate::time::Timestamp;

/// Several windows; one that is open is enough, and where there is none, it is always open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows(Vec<Window>);

/// One window, such as `* 9-16 * * MON-FRI Europe/Berlin`: it is open in each minute that matches.
///
/// Zones are looked up when it is read, in the machine's own database of zones and, where that has none, in the one that
/// is part of the program.
#[derive(Clone)]
pub struct Window {
    text: String,
    crontab: Crontab,
}

/// Why a text is no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It cannot be read.
    #[error("is not a window, such as `* 9-16 * * MON-FRI Europe/Berlin`: {0}")]
    Form(String),
    /// No minute matches.
    #[error("never opens: no minute of four years matches it")]
    Never,
}

/// A moment from which a window has to open: the four years after it have a 29th of February.
const PROBE: i64 = 1_767_225_600_000;

/// Later than this no window is open: the arithmetic of calendars ends soon after.
const FAR: i64 = 253_000_000_000_000;

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let crontab = cronexpr::parse_crontab(text).map_err(|error| WindowError::Form(reason(&error)))?;
        let window = Self { text: text.to_owned(), crontab };
        match window.next(Timestamp::from_millis(PROBE)) {
            Some(_) => Ok(window),
            None => Err(WindowError::Never),
        }
    }
}

impl Windows {
    /// Reads each text.
    ///
    /// # Errors
    /// For the first one that is no window.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, WindowError> {
        texts.iter().map(|text| text.as_ref().parse()).collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// Whether a rotation may go on by itself now.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.0.is_empty() || self.0.iter().any(|window| window.is_open(now))
    }

    /// When it may: now, or at the beginning of the next minute in which a window is open. `None` where none opens any more.
    #[must_use]
    pub fn opens_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_open(now) { Some(now) } else { self.0.iter().filter_map(|window| window.next(now)).min() }
    }
}

impl FromIterator<Window> for Windows {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Self {
        Self(windows.into_iter().collect())
    }
}

impl Window {
    fn is_open(&self, now: Timestamp) -> bool {
        moment(now).is_some_and(|now| self.crontab.matches(now).unwrap_or(false))
    }

    /// The next minute after this one that matches.
    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let next = self.crontab.find_next(moment(now)?).ok()?;
        Some(Timestamp::from_millis(next.timestamp().as_millisecond()))
    }
}

fn moment(at: Timestamp) -> Option<jiff::Timestamp> {
    if at.as_millis() > FAR {
        return None;
    }
    jiff::Timestamp::from_millisecond(at.as_millis()).ok()
}

/// One line of what the parser says: it draws the expression with a mark below, and its reason behind that.
fn reason(error: &cronexpr::Error) -> String {
    let told = error.to_string();
    let reason = told.rsplit_once("^ ").map_or(told.as_str(), |(_, reason)| reason);
    reason.split("; for a list").next().unwrap_or_default().replace('\n', " ")
}

impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Window {}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
