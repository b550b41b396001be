//! Failures of keys, counted by address, so that trying keys out is slow wherever it comes from.
//!
//! Ten failures may come at once from one address, and one is earned back every 6 s. What is above is told to wait
//! instead of hearing that its key is wrong. Nobody with a live key is ever asked: the table is looked at once a request
//! has failed. It has a fixed size, holds keyed hashes instead of addresses, and forgets the oldest where it is full:
//! whoever fails from more addresses than it has places gets the ordinary answer.

use std::hash::{DefaultHasher, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use model::time::Entropy;

/// Failures that may come at once, and how long it takes to earn one back, in milliseconds.
const BURST: u64 = 10;
const EACH: u64 = 6_000;

/// Places for addresses: so many sets, each with so many that share it. 128 KiB together.
const SETS: usize = 4_096;
const WAYS: usize = 4;

/// Who it is, in the upper bits of a place, and until when its failures count, in the lower ones.
const TIME_BITS: u32 = 40;
const TIME: u64 = (1 << TIME_BITS) - 1;

/// The failures of the addresses that failed last.
#[derive(Debug)]
pub(crate) struct Failures {
    started: Instant,
    /// Keeps anybody from choosing addresses that share a place with somebody else's.
    seed: [u8; 16],
    places: Box<[AtomicU64]>,
}

impl Failures {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut seed = [0; 16];
        entropy.fill(&mut seed);
        let places = std::iter::repeat_with(AtomicU64::default).take(SETS * WAYS).collect();
        Self { started: Instant::now(), seed, places }
    }

    /// Counts a failure, or says how long the address has to wait until its next one is heard.
    pub(crate) fn count(&self, address: IpAddr) -> Result<(), Duration> {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(TIME).min(TIME);
        self.count_at(address, now).map_err(Duration::from_millis)
    }

    fn count_at(&self, address: IpAddr, now: u64) -> Result<(), u64> {
        let (set, who) = self.place(address);
        let Some(ways) = self.places.chunks_exact(WAYS).nth(set) else { return Ok(()) };
        // Another thread may take the place meanwhile; one failure that is not counted does no harm.
        for _ in 0..8 {
            let Some((place, seen)) = choose(ways, who) else { return Ok(()) };
            let counted = if seen >> TIME_BITS == who { seen & TIME } else { 0 };
            let until = counted.max(now).saturating_add(EACH);
            let wait = until.saturating_sub(now).saturating_sub(BURST * EACH);
            if wait > 0 {
                return Err(wait);
            }
            let next = (who << TIME_BITS) | until.min(TIME);
            if place.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                break;
            }
        }
        Ok(())
    }

    fn place(&self, address: IpAddr) -> (usize, u64) {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.seed);
        match address {
            IpAddr::V4(address) => hasher.write(&address.octets()),
            // One customer has a /64, and as many addresses in it as it likes.
            IpAddr::V6(address) => hasher.write(&(address.to_bits() >> 64).to_be_bytes()),
        }
        let hash = hasher.finish();
        let set = usize::try_from(hash % SETS as u64).unwrap_or_default();
        // Never 0, which is an empty place.
        (set, (hash >> TIME_BITS) | 1)
    }
}

/// The place of an address, else the one whose failures are forgiven first; and what is in it.
fn choose(ways: &[AtomicU64], who: u64) -> Option<(&AtomicU64, u64)> {
    let ways = || ways.iter().map(|place| (place, place.load(Ordering::Relaxed)));
    let own = ways().find(|(_, seen)| seen >> TIME_BITS == who);
    own.or_else(|| ways().min_by_key(|(_, seen)| seen & TIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    fn heard(failures: &Failures, address: &str, now: u64) -> usize {
        let address: IpAddr = address.parse().unwrap();
        (0..100).filter(|_| failures.count_at(address, now).is_ok()).count()
    }

    #[test]
    fn ten_failures_are_heard_and_one_more_every_six_seconds() {
        let failures = Failures::new(&Fixed);
        assert_eq!(heard(&failures, "192.0.2.1", 0), 10);
        assert_eq!(failures.count_at("192.0.2.1".parse().unwrap(), 0), Err(6_000));
        assert_eq!(failures.count_at("192.0.2.1".parse().unwrap(), 5_000), Err(1_000));
        assert_eq!(heard(&failures, "192.0.2.1", 6_000), 1);
        assert_eq!(heard(&failures, "192.0.2.1", 30_000), 4);
        assert_eq!(heard(&failures, "192.0.2.1", 10_000_000), 10, "after a rest it is as if nothing had been");
    }

    #[test]
    fn addresses_count_alone_and_ipv6_by_its_network() {
        let failures = Failures::new(&Fixed);
        for address in ["192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"] {
            assert_eq!(heard(&failures, address, 0), 10, "{address}");
        }
        assert_eq!(heard(&failures, "2001:db8:0:1:ffff::9", 0), 0, "the same /64");
    }

    #[test]
    fn a_full_table_forgets_and_never_grows() {
        let failures = Failures::new(&Fixed);
        let before = failures.places.len();
        for number in 0..200_000_u32 {
            assert_eq!(failures.count_at(IpAddr::V4(number.into()), 0), Ok(()), "one failure each");
        }
        assert_eq!(failures.places.len(), before);
        assert!(heard(&failures, "198.51.100.1", 1) >= 9, "a newcomer finds a place");
        assert_eq!(heard(&failures, "198.51.100.1", 1), 0, "and keeps it while it fails most");
    }
}
