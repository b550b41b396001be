//! What is due, and when, for calendars.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// The media type of a calendar.
pub const ICALENDAR: &str = "text/calendar; charset=utf-8";
/// How many days a calendar looks ahead where nobody says so: a year and a month.
pub const DEFAULT_DAYS: u32 = 400;
/// How many days it looks ahead at most.
pub const MAX_DAYS: u32 = 3650;

/// Which due dates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CalendarQuery {
    /// How many days to look ahead, 1 to 3650; 400 where it is not given. What is overdue is always there.
    pub days: Option<u32>,
    /// Only secrets that are limited to this environment, among others, or in effect there.
    pub environment: Option<String>,
}
