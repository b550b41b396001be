//! How many requests a limit lets through, and when the next one may come.

use model::time::Span;

use super::*;

fn limit(requests: u32, per: i64, burst: Option<u32>) -> RateLimit {
    RateLimit { requests, per: Span::from_millis(per), burst }
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_burst_is_spent_and_earned_back() {
    let cell = Cell { limit: limit(10, 1_000, Some(3)), earned_back: AtomicU64::new(0) };
    let start = 7 * SECOND;
    for _ in 0..3 {
        assert_eq!(cell.take(start), Ok(()));
    }
    assert_eq!(cell.take(start), Err(SECOND / 10));
    assert_eq!(cell.take(start + SECOND / 20), Err(SECOND / 20));
    assert_eq!(cell.take(start + SECOND / 10), Ok(()));
    assert!(cell.take(start + SECOND / 10).is_err());
    // Rest does not save up more than the burst.
    for _ in 0..3 {
        assert_eq!(cell.take(start + 60 * SECOND), Ok(()));
    }
    assert!(cell.take(start + 60 * SECOND).is_err());
}

#[test]
fn over_time_no_more_passes_than_the_limit_says() {
    let cell = Cell { limit: limit(100, 60_000, Some(20)), earned_back: AtomicU64::new(0) };
    let passed = (0..600_000_u64).filter(|milli| cell.take(milli * 1_000_000).is_ok()).count();
    // Ten minutes: a burst, and 100 a minute.
    assert!((1_000..=1_020).contains(&passed), "{passed}");
}

#[test]
fn without_a_burst_it_is_the_number_of_requests() {
    let cell = Cell { limit: limit(5, 1_000, None), earned_back: AtomicU64::new(0) };
    assert_eq!((0..10).filter(|_| cell.take(SECOND).is_ok()).count(), 5);
}

#[test]
fn limits_outlive_snapshots_until_they_change_or_their_route_goes() {
    let limits = RateLimits::new();
    let (empty, small) = (Snapshot::default(), limit(2, 3_600_000, None));
    let client = || Holder::Client("app".parse().unwrap());
    let route = || Holder::Route("r".parse().unwrap(), "e".parse().unwrap());
    for _ in 0..2 {
        assert!(limits.take(client(), small, &empty).is_ok());
    }
    assert!(limits.take(client(), small, &Snapshot::default()).is_err(), "the next snapshot finds it as it was");
    assert!(limits.take(client(), limit(3, 3_600_000, None), &empty).is_ok(), "another limit begins anew");
    assert!(limits.take(route(), small, &empty).is_ok());
    assert_eq!(limits.cells.load().len(), 2);
    assert!(limits.take(Holder::Client("other".parse().unwrap()), small, &empty).is_ok());
    assert!(!limits.cells.load().contains_key(&route()), "the snapshot knows no such route");
}
