//! The signatures that were accepted, so that each is accepted once on this node.
//!
//! A signature is remembered for as long as its timestamp is. Memory is bounded for each key: where a key signs more
//! than is remembered, its oldest timestamps are refused from then on instead of being accepted twice.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use crate::signature::TOLERANCE;

/// Signatures remembered for one key: enough for 400 requests a second with clocks that are right.
const MOST: usize = 131_072;
/// A lock for each part of the keys: held for the time of one look-up, and by signed requests alone.
const PARTS: usize = 64;

/// Half of a signature says which one it is: nobody can make two whose halves are alike.
type Half = [u8; 16];

#[derive(Debug)]
pub(crate) struct Seen {
    parts: Box<[Mutex<Part>]>,
    most: usize,
}

#[derive(Debug, Default)]
struct Part {
    keys: HashMap<String, OfKey>,
    swept: i64,
}

/// What one key signed.
#[derive(Debug, Default)]
struct OfKey {
    by_second: BTreeMap<i64, HashSet<Half>>,
    number: usize,
    /// Up to which timestamp nothing is accepted any more, because not all of it is remembered.
    closed: Option<i64>,
}

impl Seen {
    pub(crate) fn new() -> Self {
        Self::with(MOST)
    }

    fn with(most: usize) -> Self {
        Self { parts: std::iter::repeat_with(Mutex::default).take(PARTS).collect(), most }
    }

    /// Whether the signature is a new one; from then on it is not. `second` is its timestamp, which is within the
    /// tolerance.
    pub(crate) fn accept(&self, key_id: &str, second: i64, signature: &[u8; 32], now: i64) -> bool {
        let mut hasher = DefaultHasher::new();
        key_id.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % PARTS as u64).unwrap_or_default();
        let Some(part) = self.parts.get(at) else { return false };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(part.swept) > TOLERANCE {
            part.swept = now;
            part.keys.retain(|_, of_key| of_key.forget(now) > 0);
        }
        if let Some(of_key) = part.keys.get_mut(key_id) {
            return of_key.accept(second, signature, now, self.most);
        }
        part.keys.entry(key_id.to_owned()).or_default().accept(second, signature, now, self.most)
    }
}

impl OfKey {
    fn accept(&mut self, second: i64, signature: &[u8; 32], now: i64, most: usize) -> bool {
        self.forget(now);
        if self.closed.is_some_and(|closed| second <= closed) {
            return false;
        }
        let Some(half) = signature.first_chunk() else { return false };
        if !self.by_second.entry(second).or_default().insert(*half) {
            return false;
        }
        self.number += 1;
        while self.number > most {
            let Some((oldest, gone)) = self.by_second.pop_first() else { break };
            self.number = self.number.saturating_sub(gone.len());
            self.closed = self.closed.max(Some(oldest));
        }
        true
    }

    /// Forgets what is too old to be accepted for its timestamp; how many are left. What was closed for want of room
    /// stays so for as long as it matters.
    fn forget(&mut self, now: i64) -> usize {
        while let Some(first) =
            self.by_second.first_entry().filter(|first| now.saturating_sub(*first.key()) > TOLERANCE)
        {
            self.number = self.number.saturating_sub(first.remove().len());
        }
        self.closed = self.closed.filter(|closed| now.saturating_sub(*closed) <= TOLERANCE);
        self.number + usize::from(self.closed.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(number: u32) -> [u8; 32] {
        let mut signature = [0; 32];
        signature[..4].copy_from_slice(&number.to_be_bytes());
        signature
    }

    #[test]
    fn a_signature_is_accepted_once_for_as_long_as_its_timestamp_is() {
        let seen = Seen::new();
        assert!(seen.accept("key_a", 1_000, &signature(1), 1_000));
        assert!(!seen.accept("key_a", 1_000, &signature(1), 1_000));
        assert!(seen.accept("key_a", 1_000, &signature(2), 1_000));
        assert!(seen.accept("key_b", 1_000, &signature(1), 1_000), "another key");
        for now in [1_001, 1_299, 1_300] {
            assert!(!seen.accept("key_a", 1_000, &signature(1), now), "{now}");
        }
        assert!(seen.accept("key_a", 1_600, &signature(3), 1_300), "a clock that is ahead");
        assert!(!seen.accept("key_a", 1_600, &signature(3), 1_900));
    }

    #[test]
    fn what_is_old_is_forgotten_with_its_key() {
        let seen = Seen::new();
        for number in 0..1_000 {
            assert!(seen.accept(&format!("key_{number}"), 1_000, &signature(number), 1_000));
        }
        let keys = || seen.parts.iter().map(|part| part.lock().unwrap().keys.len()).sum::<usize>();
        assert_eq!(keys(), 1_000);
        // One of each part is enough to sweep it.
        for number in 0..1_000 {
            seen.accept(&format!("other_{number}"), 2_000, &signature(number), 2_000);
        }
        assert_eq!(keys(), 1_000, "only those of now");
    }

    #[test]
    fn where_there_is_no_more_room_the_oldest_are_refused_and_none_is_accepted_twice() {
        let seen = Seen::with(100);
        for number in 0..1_000_u32 {
            let second = 1_000 + i64::from(number / 50);
            assert!(seen.accept("key_a", second, &signature(number), 1_020), "{number}");
        }
        for number in 0..1_000_u32 {
            let second = 1_000 + i64::from(number / 50);
            assert!(!seen.accept("key_a", second, &signature(number), 1_020), "{number}");
        }
        assert!(
            !seen.accept("key_a", 1_000, &signature(5_000), 1_020),
            "new, and no longer to be told from an old one"
        );
        assert!(seen.accept("key_a", 1_020, &signature(5_001), 1_020));
        assert!(seen.accept("key_b", 1_000, &signature(5_000), 1_020), "another key has room of its own");
        let held: usize = seen
            .parts
            .iter()
            .flat_map(|part| part.lock().unwrap().keys.values().map(|key| key.number).collect::<Vec<_>>())
            .sum();
        assert!(held <= 101, "{held}");
    }
}
