//! How many requests a limit lets through, and when the next one may come.

use model::time::Span;

use super::*;

fn limit(requests: u32, per: i64, burst: Option<u32>) -> RateLimit {
    RateLimit { requests, per: Span::from_millis(per), burst }
}

fn cell(limit: RateLimit) -> Cell {
    Cell::new(&Holder::Client("app".parse().unwrap()), limit)
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_burst_is_spent_and_earned_back() {
    let cell = cell(limit(10, 1_000, Some(3)));
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
    let cell = cell(limit(100, 60_000, Some(20)));
    let passed = (0..600_000_u64).filter(|milli| cell.take(milli * 1_000_000).is_ok()).count();
    // Ten minutes: a burst, and 100 a minute.
    assert!((1_000..=1_020).contains(&passed), "{passed}");
}

#[test]
fn without_a_burst_it_is_the_number_of_requests() {
    let cell = cell(limit(5, 1_000, None));
    assert_eq!((0..10).filter(|_| cell.take(SECOND).is_ok()).count(), 5);
}

#[test]
fn limits_outlive_snapshots_until_they_change_or_their_route_goes() {
    let limits = RateLimits::new();
    let (empty, small) = (Snapshot::default(), limit(2, 3_600_000, None));
    let client = || Holder::Client("app".parse().unwrap());
    let route = || Holder::Route("r".parse().unwrap(), "e".parse().unwrap());
    for _ in 0..2 {
        assert!(limits.take(&client(), small, &empty).1.is_ok());
    }
    assert!(limits.take(&client(), small, &Snapshot::default()).1.is_err(), "the next snapshot finds it as it was");
    assert!(limits.take(&client(), limit(3, 3_600_000, None), &empty).1.is_ok(), "another limit begins anew");
    assert!(limits.take(&route(), small, &empty).1.is_ok());
    assert_eq!(limits.cells.load().len(), 2);
    assert!(limits.take(&Holder::Client("other".parse().unwrap()), small, &empty).1.is_ok());
    assert!(!limits.cells.load().contains_key(&route()), "the snapshot knows no such route");
}

#[test]
fn an_answer_tells_the_limit_what_is_left_and_how_long_to_wait() {
    let holder = Holder::Client("app".parse().unwrap());
    let cell = cell(limit(6, 60_000, Some(2)));
    let told = |now: u64| {
        let mut headers = http::HeaderMap::new();
        Told { client: Some(cell.standing(&holder, now)), route: None }.tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"keyroll-client\";q=6;w=60");
        headers["ratelimit"].to_str().unwrap().to_owned()
    };
    let now = 3 * SECOND;
    assert_eq!(told(now), "\"keyroll-client\";r=2;t=0");
    cell.take(now).unwrap();
    assert_eq!(told(now), "\"keyroll-client\";r=1;t=10");
    cell.take(now).unwrap();
    // Nothing is left: how long it takes until the next, and the same as the refusal says.
    assert_eq!(told(now), "\"keyroll-client\";r=0;t=10");
    assert_eq!(cell.take(now), Err(10 * SECOND));
    assert_eq!(told(now + 9 * SECOND + 1), "\"keyroll-client\";r=0;t=1");
    assert_eq!(told(now + 10 * SECOND), "\"keyroll-client\";r=1;t=10");
    assert_eq!(told(now + 60 * SECOND), "\"keyroll-client\";r=2;t=0");
}

#[test]
fn a_policy_has_whole_seconds_whatever_the_span() {
    // requests, milliseconds, told
    for (requests, per, told) in [
        (100, 60_000, "q=100;w=60"),
        (10, 1_000, "q=10;w=1"),
        (1, 1, "q=1000;w=1"),
        (3, 1_500, "q=4;w=2"),
        (1, 10_500, "q=1;w=11"),
        (u32::MAX, 1, "q=4294967295000;w=1"),
    ] {
        let value = standing::policy("keyroll-route", limit(requests, per, None));
        assert_eq!(value.to_str().unwrap(), format!("\"keyroll-route\";{told}"));
    }
}
