//! When a secret may be deleted.

use crate::time::{Span, Timestamp};

/// The facts that the decision needs, all about one active secret.
#[derive(Debug, Clone, Copy)]
pub struct Deletable {
    /// How many references (route, environment, field) name it, disabled ones included.
    pub references: usize,
    /// When it was last sent.
    pub last_used_at: Option<Timestamp>,
    /// When a route last stopped naming it.
    pub last_referenced_at: Option<Timestamp>,
}

/// What stands in the way of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// Something still names it; nothing overrides this.
    Referenced,
    /// It was used within the retention.
    RecentlyUsed {
        /// From when on it may go.
        until: Timestamp,
    },
    /// A route named it within the retention.
    InRetention {
        /// From when on it may go.
        until: Timestamp,
    },
}

impl Hindrance {
    /// The stable name of the rule.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Referenced => "secret-is-referenced",
            Self::RecentlyUsed { .. } => "secret-recently-used",
            Self::InRetention { .. } => "secret-in-retention",
        }
    }
}

/// Decides whether a secret may be deleted: `retention` after the later of last use and last reference, and never
/// while something names it. One that never had either may go at once. `force` overrides the retention alone.
///
/// # Errors
/// The hindrance that weighs most.
pub fn may_delete(facts: Deletable, retention: Span, force: bool, now: Timestamp) -> Result<(), Hindrance> {
    if facts.references > 0 {
        return Err(Hindrance::Referenced);
    }
    if force {
        return Ok(());
    }
    let free_from = |moment: Option<Timestamp>| moment.map(|at| at.plus(retention)).filter(|until| *until > now);
    let (used, referenced) = (free_from(facts.last_used_at), free_from(facts.last_referenced_at));
    match (used, referenced) {
        (Some(used), referenced) => {
            Err(Hindrance::RecentlyUsed { until: referenced.map_or(used, |other| other.max(used)) })
        }
        (None, Some(until)) => Err(Hindrance::InRetention { until }),
        (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletion_waits_for_the_later_of_use_and_reference() {
        let now = Timestamp::from_millis(1_000_000_000);
        let ago = |hours| Some(now.minus(Span::from_hours(hours)));
        let until = |hours| now.plus(Span::from_hours(hours));
        let table = [
            ((0, None, None), false, Ok(())),
            ((1, None, None), true, Err(Hindrance::Referenced)),
            ((0, ago(47), None), false, Err(Hindrance::RecentlyUsed { until: until(1) })),
            ((0, ago(47), ago(40)), false, Err(Hindrance::RecentlyUsed { until: until(8) })),
            ((0, ago(60), ago(40)), false, Err(Hindrance::InRetention { until: until(8) })),
            ((0, ago(48), ago(48)), false, Ok(())),
            ((0, ago(1), ago(1)), true, Ok(())),
        ];
        for ((references, last_used_at, last_referenced_at), force, expected) in table {
            let facts = Deletable { references, last_used_at, last_referenced_at };
            assert_eq!(may_delete(facts, Span::from_hours(48), force, now), expected);
        }
    }
}
