//! What was counted in a rotation, as its evidence shows it: by environment and upstream, in the order of time.

use std::collections::BTreeMap;

use super::evidence::Measured;
use super::facts::CountRow;
use super::rotation::Rotation;
use super::verdict::Counts;
use crate::name::EnvironmentName;
use crate::snapshot::Sign;
use crate::time::Timestamp;

/// What was counted for one upstream in one environment from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The environment.
    pub environment: EnvironmentName,
    /// The upstream.
    pub upstream: String,
    /// When the span began.
    pub at: Timestamp,
    /// What was counted in it.
    pub counts: Counts,
}

impl From<&CountRow> for Counted {
    fn from(row: &CountRow) -> Self {
        let count = |sign: Sign| row.counted.counts.get(sign as usize).copied().unwrap_or(0);
        Self {
            environment: row.environment.clone(),
            upstream: row.upstream.clone(),
            at: row.at,
            counts: Counts {
                alive: count(Sign::Alive),
                pairs: count(Sign::Pair),
                outgoing_alive: count(Sign::OutgoingAlive),
                outgoing_dead: count(Sign::OutgoingDead),
                unpaired: count(Sign::Unpaired),
            },
        }
    }
}

/// What counts since each environment was entered, wherever its routes lead now: a rotation that is over is told by what
/// was counted while it lasted.
pub(super) fn measured(rotation: &Rotation, counted: &[Counted]) -> Vec<Measured> {
    let mut found: BTreeMap<(&EnvironmentName, &str), Measured> = BTreeMap::new();
    let counts = |one: &&Counted| rotation.counts(&one.environment, one.at);
    for one in counted.iter().filter(counts) {
        let sum = found.entry((&one.environment, &one.upstream)).or_insert_with(|| Measured {
            environment: one.environment.clone(),
            upstream: one.upstream.clone(),
            spans: Vec::new(),
            doubtful_since_probe: 0,
            last_at: None,
        });
        sum.spans.push(one.counts);
        if one.counts.judged() > 0 {
            sum.last_at = sum.last_at.max(Some(one.at));
        }
    }
    found.into_values().collect()
}
