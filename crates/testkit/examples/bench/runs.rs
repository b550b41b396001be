//! Starts, changes and memory of a node on a full database.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::TestNode;

use crate::figures::{Figures, timed};
use crate::http::Api;
use crate::{Plan, fill};

/// Kills the node and starts it again until it is ready, which is looked at every 20 ms.
pub(crate) fn starts(plan: &Plan, node: &mut TestNode, figures: &mut Figures) {
    let mut taken = Vec::new();
    for _ in 0..plan.times.div_ceil(4) {
        node.kill();
        let begun = Instant::now();
        node.restart();
        taken.push(begun.elapsed());
    }
    figures.times("start", "from the start of the process until `/readyz` answers 200", taken);
    settle(plan);
}

/// A new secret, and one route's secret replaced there and back.
pub(crate) fn changes(plan: &Plan, node: &TestNode, figures: &mut Figures) {
    let mut api = Api::open(node);
    let body = |n: usize| json!({"name": format!("made_by_bench_{n}"), "value": format!("sk_live_made_{n:028}")});
    let taken = timed(plan.times, |n| drop(api.call("POST", "/v1/secrets", Some(&body(n)), 201)));
    figures.times("changes", "a secret is created", taken);
    let (outgoing, incoming) = (fill::secret(2), "made_by_bench_0".to_owned());
    let names = |n: usize| if n.is_multiple_of(2) { (&outgoing, &incoming) } else { (&incoming, &outgoing) };
    let taken = timed(plan.times, |n| {
        let (from, to) = names(n);
        let body = json!({"from": from, "to": to, "environments": ["production"]});
        api.call("POST", "/v1/routes/replace-secret", Some(&body), 200);
    });
    figures.times("changes", "`replace-secret`, which one route names", taken);
}

/// Resident memory after a fresh start and after many changes of many routes.
pub(crate) fn memory(plan: &Plan, node: &mut TestNode, figures: &mut Figures) {
    node.kill();
    node.restart();
    settle(plan);
    figures.size("memory", "after the start", resident(node));
    for round in 1..=2 {
        // A new one for each round: the one before is closed while the node settles.
        let mut api = Api::open(node);
        for n in 0..plan.changes {
            let body = json!({"description": format!("change {n} of round {round}"), "base": {"remove_headers": [format!("x-{round}-{n}")]}});
            api.call("PATCH", &format!("/v1/routes/{}", fill::route(n % plan.count)), Some(&body), 200);
        }
        settle(plan);
        figures.size("memory", &format!("after {} changes", round * plan.changes), resident(node));
    }
}

/// Lets the node finish what it does after a start, which is to verify all rows, or after a change.
fn settle(plan: &Plan) {
    std::thread::sleep(Duration::from_millis(1_000 + plan.count / 10));
}

/// `VmRSS`, in MiB.
fn resident(node: &TestNode) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux writes it");
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kibibytes / 1024.0
}
