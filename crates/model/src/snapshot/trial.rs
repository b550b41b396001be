//! Two credentials for one route and environment, while a rotation replaces one by the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::bound::Bound;
use crate::name::{EnvironmentName, RouteName, SecretName};
use crate::rotation::Weight;
use crate::time::Timestamp;

/// What one request needs to know of a rotation that its route and environment take part in.
///
/// The two bindings differ in the secret alone: what a client may do is the same with either.
#[derive(Debug)]
pub struct Trial {
    /// The rotation, `rot_…`.
    pub rotation: String,
    /// The secret that is replaced.
    pub outgoing: SecretName,
    /// The secret that takes its place.
    pub incoming: SecretName,
    /// The route as it is with the outgoing secret.
    pub with_outgoing: Arc<Bound>,
    /// The route as it is with the incoming secret.
    pub with_incoming: Arc<Bound>,
    /// How much of the traffic gets the incoming one.
    pub weight: Weight,
    /// Whether the incoming one is yet to be found healthy: a request that cannot be sent again then keeps the outgoing
    /// one.
    pub careful: bool,
    /// Whether an answer that refuses the incoming credential is followed by a second try with the outgoing one.
    pub shield: bool,
    /// Makes the choice of a binding another one in each rotation. Known to nobody outside.
    pub salt: u64,
    /// What is counted.
    pub counts: Arc<TrialCounts>,
}

/// Whose counts they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrialKey {
    /// The rotation.
    pub rotation: String,
    /// The environment.
    pub environment: EnvironmentName,
    /// The route.
    pub route: RouteName,
    /// Scheme, host and port of the upstream: credentials are judged for each.
    pub upstream: String,
}

impl Trial {
    /// Whether a request gets the incoming credential. `drawn` is a random number that the gateway made for this request
    /// and tells nobody, so that no client can choose.
    ///
    /// Where the incoming one cannot be used at all (its row does not open, its limits were changed), nobody gets it.
    #[must_use]
    pub fn picks_incoming(&self, drawn: u64, replayable: bool) -> bool {
        let may = self.with_incoming.injection.is_ok() && (replayable || !self.careful);
        may && self.weight.includes(mixed(drawn ^ self.salt))
    }
}

/// The finaliser of SplitMix64: each bit of the number has a say in each bit of the answer.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// What an answer says in a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// The upstream took the incoming credential.
    Alive,
    /// It refused the incoming one, and took the outgoing one for the same request.
    Pair,
    /// It refused both for the same request: that says nothing about either.
    BothDead,
    /// It refused the incoming one, and what it would have done with the outgoing one is not known.
    Unpaired,
    /// It knows the incoming one, which may not do this (403).
    Refused,
    /// With the incoming one: too many requests, a failure of its own, or no answer.
    Unclear,
    /// It took the outgoing credential.
    OutgoingAlive,
    /// It refused the outgoing one.
    OutgoingDead,
    /// With the outgoing one: anything else.
    OutgoingUnclear,
    /// The request kept the outgoing credential because it cannot be sent again. Counted beside the others.
    Kept,
}

/// All signs, in the order of their counters.
pub const SIGNS: [Sign; 10] = [
    Sign::Alive,
    Sign::Pair,
    Sign::BothDead,
    Sign::Unpaired,
    Sign::Refused,
    Sign::Unclear,
    Sign::OutgoingAlive,
    Sign::OutgoingDead,
    Sign::OutgoingUnclear,
    Sign::Kept,
];

/// The counters of one route and environment in a rotation. Raised without a lock.
#[derive(Debug, Default)]
pub struct TrialCounts {
    counts: [AtomicU64; SIGNS.len()],
    needed_at: AtomicI64,
}

/// What was counted when it was drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrialDrained {
    /// By sign, in the order of [`SIGNS`].
    pub counts: [u64; SIGNS.len()],
    /// When the outgoing credential was needed last: sent in the first place, or taken after the incoming one was
    /// refused. A second try that was refused as well needed neither.
    pub needed_at: Option<Timestamp>,
}

impl TrialCounts {
    /// Counts an answer to a request that began at `at`.
    pub fn saw(&self, sign: Sign, at: Timestamp) {
        if let Some(count) = self.counts.get(sign as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if matches!(sign, Sign::Pair | Sign::OutgoingAlive | Sign::OutgoingDead | Sign::OutgoingUnclear) {
            self.needed_at.fetch_max(at.as_millis(), Ordering::Relaxed);
        }
    }

    /// Takes what was counted since the last time; `None` where nothing was.
    #[must_use]
    pub fn drain(&self) -> Option<TrialDrained> {
        let counts =
            std::array::from_fn(|index| self.counts.get(index).map_or(0, |count| count.swap(0, Ordering::Relaxed)));
        let needed_at = match self.needed_at.swap(0, Ordering::Relaxed) {
            0 => None,
            millis => Some(Timestamp::from_millis(millis)),
        };
        (needed_at.is_some() || counts.iter().any(|count| *count > 0)).then_some(TrialDrained { counts, needed_at })
    }

    /// Gives back what could not be written.
    pub fn put_back(&self, drained: TrialDrained) {
        for (count, more) in self.counts.iter().zip(drained.counts) {
            count.fetch_add(more, Ordering::Relaxed);
        }
        if let Some(at) = drained.needed_at {
            self.needed_at.fetch_max(at.as_millis(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_has_the_weight_and_is_another_one_with_another_salt() {
        let five: Weight = "5%".parse().unwrap();
        let picks = |salt: u64| (0..100_000_u64).filter(|drawn| five.includes(mixed(drawn ^ salt))).collect::<Vec<_>>();
        let (one, other) = (picks(1), picks(0xdead_beef_0000_0000));
        assert!((4_700..5_300).contains(&one.len()), "{}", one.len());
        let both = one.iter().filter(|drawn| other.contains(drawn)).count();
        assert!(both < 500, "{both}");
    }

    #[test]
    fn signs_are_drained_once_and_tell_when_the_outgoing_one_was_needed() {
        let at = Timestamp::from_millis;
        let counts = TrialCounts::default();
        assert_eq!(counts.drain(), None);
        counts.saw(Sign::BothDead, at(9));
        counts.saw(Sign::Alive, at(9));
        let drained = counts.drain().unwrap();
        assert_eq!(drained.needed_at, None, "a second try that failed as well needed neither");
        counts.put_back(drained);
        counts.saw(Sign::Pair, at(5));
        let drained = counts.drain().unwrap();
        assert_eq!((drained.counts[..3].to_vec(), drained.needed_at), (vec![1, 1, 1], Some(at(5))));
        assert_eq!(counts.drain(), None);
    }
}
