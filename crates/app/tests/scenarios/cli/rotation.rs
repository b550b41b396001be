//! Whole rotations by command line, under traffic: one that gets there, one that goes back by itself, one that needs two
//! people.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use testkit::{Answer, CliOutput, TestNode, Upstream};

use super::run;
use crate::house::{KEYROLL, client, eventually, served};

/// What the upstream takes; everything else gets its 401.
const GOOD: [&str; 2] = ["Bearer sk_live_one", "Bearer sk_live_two"];
const PATH: &str = "/payments/v1/balance";

struct House {
    node: TestNode,
    upstream: Upstream,
    keys: [String; 2],
}

impl House {
    fn new() -> Self {
        let node = TestNode::start(KEYROLL);
        let upstream = Upstream::start(|request| match request.header("authorization") {
            Some(sent) if GOOD.contains(&sent.as_str()) => Answer::text(200, "2685 EUR"),
            _ => Answer::text(401, "no"),
        });
        run(&node, "secret create stripe_api_key --value-stdin", "sk_live_one").expect(0);
        let route = format!(
            "route create payments --upstream {} --header 'Authorization=Bearer {{{{stripe_api_key}}}}' -e staging -e production",
            upstream.url()
        );
        run(&node, &route, "").expect(0);
        let keys = ["staging", "production"].map(|environment| client(&node, environment, environment));
        keys.iter().for_each(|key| served(&node, PATH, key));
        Self { node, upstream, keys }
    }

    /// Does this while requests go through the gateway in both environments, none of which may fail.
    fn under_traffic(&self, work: impl FnOnce()) {
        let (ending, sent) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            for key in &self.keys {
                scope.spawn(|| {
                    while !ending.load(Ordering::Relaxed) {
                        let reply = self.node.gateway_get(PATH, &[("Keyroll-Key", key)]);
                        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
                        sent.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(Duration::from_millis(10));
                    }
                });
            }
            let _end = Ended(&ending);
            work();
        });
        assert!(sent.into_inner() > 50);
    }

    fn keyroll(&self, line: &str, stdin: &str) -> CliOutput {
        run(&self.node, line, stdin)
    }

    fn rotation(&self, of: &str) -> Value {
        self.keyroll(&format!("rotation get {of} -o json"), "").expect(0).json()
    }

    /// What the upstream was sent last, by environment.
    fn carried(&self) -> [String; 2] {
        [0, 1].map(|at| {
            self.node.gateway_get(PATH, &[("Keyroll-Key", &self.keys[at])]).expect(200);
            self.upstream.last().header("authorization").unwrap()
        })
    }
}

/// Ends the traffic however the work ends, or the test would never.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The words of the events that were told, in their order.
fn told(stderr: &str) -> Vec<&str> {
    let events = stderr.lines().filter(|line| line.starts_with("20") && line.contains("Z  "));
    events.filter_map(|line| line.split_whitespace().nth(1)).collect()
}

/// The line of a page that says where a rotation stands.
fn state(page: &str) -> &str {
    page.lines().find(|line| line.starts_with("State:")).unwrap_or_default()
}

#[test]
fn a_good_value_takes_the_place_and_a_wrong_one_goes_back_by_itself() {
    let house = House::new();
    let planned =
        house.keyroll("rotation start stripe_api_key --value-stdin --dry-run", "sk_live_two").expect(0).stdout;
    assert!(planned.contains("stripe_api_key is replaced by stripe_api_key_v2"), "{planned}");
    assert!(
        planned.contains("payments  production   Bearer {{stripe_api_key}}  Bearer {{stripe_api_key_v2}}"),
        "{planned}"
    );
    assert_eq!(house.keyroll("rotation list -o name", "").expect(0).stdout, "", "nothing was started");

    house.under_traffic(|| {
        let start = "rotation start stripe_api_key --value-stdin --canary staging=100% --canary production=20%,100% \
                     --canary-step 1s --soak 2s --wait --wait-timeout 2m";
        thread::scope(|scope| {
            let waiting = scope.spawn(|| house.keyroll(start, "sk_live_two"));
            eventually("it waits for an operator before production", || {
                let list = house.keyroll("rotation list --live --state waiting -e production -o name", "").stdout;
                list.starts_with("rot_")
            });
            // As long as it takes to be told so: the other one looks every half second.
            thread::sleep(Duration::from_secs(1));
            let twice = house.keyroll("rotation start stripe_api_key --value-stdin", "sk_live_two").expect(5);
            assert!(twice.stderr.contains("rotation-in-progress") && twice.stderr.contains("rotation get rot_"));
            house.keyroll("rotation advance stripe_api_key -e production", "").expect(0);
            let done = waiting.join().unwrap().expect(0);
            let seen = told(&done.stderr);
            let order = [
                "planned",
                "stage_began",
                "promoted",
                "advanced",
                "stage_began",
                "canary_step",
                "promoted",
                "withdrawn",
            ];
            let mut rest = seen.iter();
            assert!(order.iter().all(|event| rest.any(|seen| seen == event)), "{order:?} are not in {seen:?}");
            assert!(done.stderr.contains("keyroll rotation advance rot_"), "{}", done.stderr);
            assert!(done.stderr.contains("keyroll secret delete stripe_api_key"), "{}", done.stderr);
            assert!(state(&done.stdout).contains("withdrawn"), "{}", done.stdout);
            assert!(!done.stderr.contains('\u{1b}') && !done.stderr.contains("sk_live"), "{}", done.stderr);
        });
    });
    assert_eq!(house.carried(), ["Bearer sk_live_two"; 2]);
    house.keyroll("secret delete stripe_api_key --yes", "").expect(0);
    assert_eq!(house.rotation("stripe_api_key")["state"], "completed");
    let evidence = house.keyroll("rotation evidence stripe_api_key", "").expect(0).stdout;
    assert!(evidence.contains("stripe_api_key is replaced by stripe_api_key_v2"), "{evidence}");
    assert!(!evidence.contains("sk_live"), "{evidence}");
    let open = house.keyroll("rotation checklist stripe_api_key -o name", "").expect(0).stdout;
    assert!(!open.contains("delete_outgoing") && open.contains("update_documentation"), "{open}");
    let attest = "rotation attest stripe_api_key_v2 update_documentation --note 'page 12'";
    assert!(house.keyroll(attest, "").expect(3).stderr.contains("no rotation of it is under way"));

    house.under_traffic(|| {
        let start = "rotation start stripe_api_key_v2 --value-stdin --canary 50%,100% --canary-step 2s --advance automatic --wait";
        let done = house.keyroll(start, "sk_live_typo").expect(2);
        assert!(done.stderr.contains("was rolled back: "), "{}", done.stderr);
        assert!(state(&done.stdout).contains("rolled_back"), "{}", done.stdout);
        assert_eq!(told(&done.stderr).last(), Some(&"rolled_back"));
    });
    assert_eq!(house.carried(), ["Bearer sk_live_two"; 2]);
    let page = house.keyroll("rotation get stripe_api_key_v2", "").expect(0).stdout;
    assert!(page.contains("History:") && page.contains("stage_began"), "{page}");
    let refused = house.keyroll("rotation advance stripe_api_key_v2", "").expect(3);
    assert!(refused.stderr.contains("no rotation of it is under way"), "{}", refused.stderr);
}

#[test]
fn what_has_to_be_approved_is_approved_by_somebody_else() {
    let house = House::new();
    let other = house.keyroll("token create other --role operator -o name", "").expect(0).stdout;
    let start = "rotation start stripe_api_key --value-stdin --approval --advance manual";
    let started = house.keyroll(&format!("{start} -o name"), "sk_live_two").expect(0);
    let id = started.stdout.trim_end().to_owned();
    let refused = house.keyroll("rotation approve stripe_api_key --reason 'my own'", "").expect(5);
    assert!(
        refused.stderr.contains("action-not-possible") && refused.stderr.contains("possible now: "),
        "{}",
        refused.stderr
    );
    let late = house.keyroll(&format!("rotation get {id} --watch --wait-timeout 1s"), "").expect(6);
    assert!(late.stderr.contains(&format!("keyroll rotation approve {id} --reason TEXT")), "{}", late.stderr);
    let approve = ["rotation", "approve", "stripe_api_key", "--reason", "reviewed"];
    house.node.cli_as(Some(other.trim_end()), &approve, "").expect(0);
    eventually("it goes on until an operator is asked", || house.rotation(&id)["state"] == "waiting");
    house.keyroll("rotation hold stripe_api_key --note lunch", "").expect(0);
    let refused = house.keyroll("rotation advance stripe_api_key", "").expect(5);
    assert!(refused.stderr.contains("resume"), "{}", refused.stderr);
    house.keyroll("rotation resume stripe_api_key", "").expect(0);
    house.keyroll("rotation abandon stripe_api_key --note 'not today'", "").expect(0);
    let ended = house.keyroll(&format!("rotation get {id} --watch"), "").expect(2);
    assert!(
        ended.stderr.contains("was abandoned: abandoned: not today") || ended.stderr.contains("not today"),
        "{}",
        ended.stderr
    );
    assert_eq!(house.carried(), ["Bearer sk_live_one"; 2]);
}
