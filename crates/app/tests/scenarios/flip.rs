//! Traffic goes on while the credential behind it changes: no request fails, each carries exactly one of the two.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use testkit::load::{self, LoadPlan};
use testkit::{Upstream, wire};

use crate::house::{client, route, secret, served};

#[test]
fn twenty_thousand_requests_while_the_secret_flips_two_hundred_times() {
    flip_under_load(200, 1);
}

#[test]
#[ignore = "soak"]
fn half_a_million_requests_while_the_secret_flips_five_thousand_times() {
    flip_under_load(5_000, 25);
}

/// Flips at least so often, under at least so many loads of 20,000 requests each.
fn flip_under_load(least: usize, loads: usize) {
    let node = super::options().env("KEYROLL_LOG__LEVEL", "warn").start();
    let upstream = Upstream::ok();
    let values = ["sk_flip_one_0001", "sk_flip_two_0002"];
    secret(&node, "one", values[0]);
    secret(&node, "two", values[1]);
    route(&node, "payments", &upstream.url(), &json!({"Authorization": "Bearer {{one}}"}));
    let key = client(&node, "shop", "production");
    served(&node, "/payments/", &key);
    upstream.clear();

    let done = AtomicBool::new(false);
    let flips = std::thread::scope(|scope| {
        let flipping = scope.spawn(|| {
            let mut flips = 0;
            // At least as many as promised, and on until the last request was answered.
            while flips < least || !done.load(Ordering::Relaxed) {
                let (from, to) = if flips % 2 == 0 { ("one", "two") } else { ("two", "one") };
                let reply = node.api("POST", "/v1/routes/replace-secret", Some(&json!({"from": from, "to": to})));
                assert_eq!(reply.status, 200, "{} {}", reply.text(), node.log());
                assert!(!reply.json()["revision"].is_null());
                flips += 1;
                // Rests, odd and even ones in turn: a flip that is overtaken by the next one need never be served, and
                // on a busy machine it can always be the same one that is.
                if flips % 25 == 0 {
                    std::thread::sleep(Duration::from_millis(300));
                }
            }
            flips
        });
        // Set on a panic, too, so that the flips end.
        let ending = Ending(&done);
        let mut sent = 0;
        let mut seen = BTreeSet::new();
        let request = |_| wire::request("GET", "/payments/v1/x", &[("Host", "gateway"), ("Keyroll-Key", &key)], b"");
        // The load is repeated until the flips are through, so that all of them happen under traffic.
        while sent < loads || !flipping.is_finished() && sent < 20 * loads {
            let plan = LoadPlan { address: node.gateway(), connections: 32, total: 20_000, request: &request };
            load::run(&plan).assert_all(200, 20_000);
            sent += 1;
            let records = upstream.records();
            assert_eq!(records.len(), 20_000);
            assert!(records.iter().all(|record| record.all("authorization").len() == 1));
            seen.extend(records.iter().flat_map(|record| record.all("authorization")));
            upstream.clear();
            done.store(sent >= loads, Ordering::Relaxed);
        }
        drop(ending);
        let expected: BTreeSet<_> = values.iter().map(|value| format!("Bearer {value}")).collect();
        assert_eq!(seen, expected, "each of both values was sent, and nothing else");
        flipping.join().unwrap()
    });
    assert!(flips >= least);
}

/// Says at its end that no more load will come.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
