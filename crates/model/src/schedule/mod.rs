//! When secrets are to be replaced: the intervals of the policy, the windows in which it may go on by itself, the calendar.
//!
//! The intervals are a policy and not a law: `rotate_every` of a secret overrides them.

mod calendar;
mod windows;

pub use calendar::{Entry, calendar};
pub use windows::{Window, WindowError, Windows};

use crate::secret::{Class, Kind, Secret};
use crate::time::{Span, Timestamp};

/// How rotations may go on without anybody who says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// When they may enter a protected environment by themselves.
    pub windows: Windows,
    /// The least time between two rotations that share a route.
    pub gap: Span,
}

/// When a secret should have been replaced, and why then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The moment.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// Why a secret is due at its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// So long after it was made.
    Interval(Span),
    /// An upstream called it dead.
    Dead,
}

/// How often a secret of this kind and class is replaced; `None` for what is replaced when its upstream calls it dead.
#[must_use]
pub fn interval(kind: Kind, class: Class) -> Option<Span> {
    match (kind, class) {
        (Kind::OauthToken, _) => None,
        (Kind::DatabasePassword | Kind::DatabaseUrl, _) | (_, Class::Standard) => Some(Span::from_days(90)),
        (_, Class::Critical) => Some(Span::from_days(30)),
    }
}

/// Whether a secret of this kind is due as soon as its upstream calls it dead. For others such an answer is a reason to
/// look, and no date: a client can provoke it with bad requests.
#[must_use]
pub fn ends_when_dead(kind: Kind) -> bool {
    kind == Kind::OauthToken
}

/// When its interval ends; what the database keeps of [`due`], which depends on nothing but the secret's own row.
#[must_use]
pub fn interval_ends_at(secret: &Secret) -> Option<Timestamp> {
    by_interval(secret).map(|due| due.at)
}

/// When the secret should have been replaced; `None` for what nobody knows an end of. `dead_since` is when an upstream was
/// first seen to call it dead.
#[must_use]
pub fn due(secret: &Secret, dead_since: Option<Timestamp>) -> Option<Due> {
    let dead = dead_since.filter(|_| ends_when_dead(secret.kind)).map(|at| Due { at, reason: Reason::Dead });
    [by_interval(secret), dead].into_iter().flatten().min_by_key(|due| due.at)
}

fn by_interval(secret: &Secret) -> Option<Due> {
    let span = secret.rotate_every.or_else(|| interval(secret.kind, secret.class))?;
    Some(Due { at: secret.created_at.plus(span), reason: Reason::Interval(span) })
}

#[cfg(test)]
mod tests;
