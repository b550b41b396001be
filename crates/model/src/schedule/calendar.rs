//! The due dates as an iCalendar document (RFC 5545), for calendars of people.

use super::{Due, Reason};
use crate::name::SecretName;
use crate::secret::Secret;
use crate::time::Timestamp;

/// A secret that is due some day.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The secret.
    pub secret: &'a Secret,
    /// When and why.
    pub due: Due,
    /// Its latest successor.
    pub superseded_by: Option<&'a SecretName>,
}

/// How many days before its date an event reminds.
const REMINDERS: [u8; 3] = [14, 7, 1];

/// The longest line, in octets, without its end (section 3.1).
const LINE: usize = 75;

/// The calendar: one event for each entry, for the whole day (in UTC) on which the secret is due.
#[must_use]
pub fn calendar(entries: &[Entry<'_>], now: Timestamp) -> String {
    let mut out = Lines::default();
    out.line("BEGIN:VCALENDAR");
    out.line("VERSION:2.0");
    out.line("PRODID:-//Keyroll//Rotation calendar//EN");
    out.line("CALSCALE:GREGORIAN");
    // RFC 7986 and, since most programs know only that one, its forerunner.
    out.text("NAME", "Keyroll: secrets to rotate");
    out.text("X-WR-CALNAME", "Keyroll: secrets to rotate");
    out.line("REFRESH-INTERVAL;VALUE=DURATION:PT6H");
    for entry in entries {
        event(&mut out, entry, now);
    }
    if entries.is_empty() {
        // A calendar without any component is none (section 3.6), and some programs refuse it.
        zone(&mut out);
    }
    out.line("END:VCALENDAR");
    out.0
}

fn event(out: &mut Lines, entry: &Entry<'_>, now: Timestamp) {
    let Entry { secret, due, .. } = entry;
    let overdue = if due.at <= now { "Overdue: rotate" } else { "Rotate" };
    let summary = format!("{overdue} {}", secret.name);
    out.line("BEGIN:VEVENT");
    // The id is the secret's for ever, so that a later reading moves the event instead of adding one.
    out.line(&format!("UID:{}@keyroll", secret.id));
    out.line(&format!("DTSTAMP:{}", moment(now)));
    out.line(&format!("DTSTART;VALUE=DATE:{}", day(due.at)));
    out.text("SUMMARY", &summary);
    out.text("DESCRIPTION", &description(entry));
    out.text("CATEGORIES", secret.class.as_str());
    out.text("X-KEYROLL-SECRET", secret.name.as_str());
    // Nobody is busy for the whole day.
    out.line("TRANSP:TRANSPARENT");
    for days in REMINDERS {
        out.line("BEGIN:VALARM");
        out.line("ACTION:DISPLAY");
        out.line(&format!("TRIGGER:-P{days}D"));
        out.text("DESCRIPTION", &summary);
        out.line("END:VALARM");
    }
    out.line("END:VEVENT");
}

fn description(entry: &Entry<'_>) -> String {
    let Entry { secret, due, superseded_by } = entry;
    let why = match due.reason {
        Reason::Interval(span) => format!("Due at {}: {span} after it was made.", due.at),
        Reason::Dead => format!("Due since {}: its upstream called it dead.", due.at),
    };
    let mut lines = vec![why, format!("Kind {}, class {}.", secret.kind, secret.class)];
    if !secret.owner.is_empty() {
        lines.push(format!("Owner: {}.", secret.owner));
    }
    match superseded_by {
        Some(successor) => lines.push(format!(
            "It has a successor, {successor}: where nothing uses it any longer, keyroll secret delete {}",
            secret.name
        )),
        None => lines.push(format!("Start: keyroll rotation start {}", secret.name)),
    }
    lines.join("\n")
}

fn zone(out: &mut Lines) {
    for line in [
        "BEGIN:VTIMEZONE",
        "TZID:Etc/UTC",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        "TZOFFSETFROM:+0000",
        "TZOFFSETTO:+0000",
        "END:STANDARD",
        "END:VTIMEZONE",
    ] {
        out.line(line);
    }
}

/// `20261123T141200Z`, from `2026-11-23T14:12:00.250Z`.
fn moment(at: Timestamp) -> String {
    let text: String = at.to_string().chars().take(19).filter(|sign| !matches!(sign, '-' | ':')).collect();
    text + "Z"
}

/// `20261123`.
fn day(at: Timestamp) -> String {
    moment(at).chars().take(8).collect()
}

/// Content lines, folded and ended as section 3.1 says.
#[derive(Default)]
struct Lines(String);

impl Lines {
    /// A property whose value is text (section 3.3.11).
    fn text(&mut self, name: &str, value: &str) {
        let mut line = format!("{name}:");
        for sign in value.chars() {
            match sign {
                '\\' | ';' | ',' => line.extend(['\\', sign]),
                '\n' => line.push_str("\\n"),
                // No text has one: what a caller sends is refused with it.
                sign if sign.is_control() => {}
                sign => line.push(sign),
            }
        }
        self.line(&line);
    }

    /// A whole line. Each piece after the first begins with a space, which counts; no character is cut.
    fn line(&mut self, line: &str) {
        let mut octets = 0_usize;
        for sign in line.chars() {
            octets = octets.saturating_add(sign.len_utf8());
            if octets > LINE {
                self.0.push_str("\r\n ");
                octets = sign.len_utf8().saturating_add(1);
            }
            self.0.push(sign);
        }
        self.0.push_str("\r\n");
    }
}
