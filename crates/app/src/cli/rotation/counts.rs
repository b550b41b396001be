//! What was counted of both credentials, environment by environment.

use api::rotation::{EvidenceItem, RotationItem, SignCounts};

/// The head of the table.
pub(super) const HEAD: [&str; 6] = ["ENVIRONMENT", "CREDENTIAL", "ACCEPTED", "REJECTED", "FORBIDDEN", "OTHER"];

/// Two lines for each environment that was entered, in the order of the plan, or for the one that is asked for: the outgoing
/// credential and the incoming one.
pub(super) fn rows(item: &RotationItem, only: Option<&str>) -> Vec<Vec<String>> {
    let stages = item.plan.environments.iter().filter(|name| only.is_none_or(|only| *name == only));
    let entered = stages.filter_map(|name| Some((name, sum(&item.evidence, name)?)));
    entered.flat_map(|(name, counts)| both(name, item, &counts)).collect()
}

fn both(environment: &str, item: &RotationItem, counts: &SignCounts) -> [Vec<String>; 2] {
    let rejected = counts.pair.saturating_add(counts.both_dead).saturating_add(counts.unpaired);
    let line = |secret: &str, numbers: [String; 4]| {
        [environment.to_owned(), secret.to_owned()].into_iter().chain(numbers).collect()
    };
    [
        // Of the outgoing one, what its upstream forbids is not told apart.
        line(
            &item.outgoing,
            [
                counts.outgoing_alive.to_string(),
                counts.outgoing_dead.to_string(),
                "-".to_owned(),
                counts.outgoing_unclear.to_string(),
            ],
        ),
        line(
            &item.incoming,
            [counts.alive.to_string(), rejected.to_string(), counts.refused.to_string(), counts.unclear.to_string()],
        ),
    ]
}

/// The counts of all routes of an environment; nothing where it was not entered.
fn sum(evidence: &[EvidenceItem], environment: &str) -> Option<SignCounts> {
    let entered = evidence.iter().filter(|entry| entry.environment == environment && entry.since.is_some());
    entered.map(|entry| entry.counts).reduce(|one, other| SignCounts {
        alive: one.alive.saturating_add(other.alive),
        pair: one.pair.saturating_add(other.pair),
        both_dead: one.both_dead.saturating_add(other.both_dead),
        unpaired: one.unpaired.saturating_add(other.unpaired),
        refused: one.refused.saturating_add(other.refused),
        unclear: one.unclear.saturating_add(other.unclear),
        outgoing_alive: one.outgoing_alive.saturating_add(other.outgoing_alive),
        outgoing_dead: one.outgoing_dead.saturating_add(other.outgoing_dead),
        outgoing_unclear: one.outgoing_unclear.saturating_add(other.outgoing_unclear),
        kept: one.kept.saturating_add(other.kept),
    })
}
