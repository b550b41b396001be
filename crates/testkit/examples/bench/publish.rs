//! How long after the answer to a change the gateway serves it.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::wire::{self, Connection};
use testkit::{Answer, TestNode, Upstream};

use crate::Plan;
use crate::figures::Figures;
use crate::fill::MARKED;
use crate::http::Api;
use crate::kept::Kept;

const TABLE: &str = "publish";

/// Changes one route again and again, and asks each gateway without pause until it serves the change.
pub(crate) fn one_by_one(plan: &Plan, kept: &Kept, node: &TestNode, second: Option<&TestNode>, figures: &mut Figures) {
    let upstream = Upstream::start(|request| Answer::text(200, request.header("X-Mark").unwrap_or_default()));
    let key = kept.client_key();
    let mut api = Api::open(node);
    let mut commits = Vec::new();
    let mut here = Vec::new();
    let mut there = Vec::new();
    for n in 0..plan.times {
        let mark = format!("mark-{n}");
        let change = json!({"base": {"upstream": upstream.url(), "inject": {"headers": {"X-Mark": mark}}}});
        let begun = Instant::now();
        api.call("PATCH", &format!("/v1/routes/{MARKED}"), Some(&change), 200);
        commits.push(begun.elapsed());
        let answered = Instant::now();
        let other = second.map(|second| (second.gateway().to_owned(), key.clone(), mark.clone()));
        let other = other.map(|(at, key, mark)| std::thread::spawn(move || until_served(&at, &key, &mark, answered)));
        here.push(until_served(node.gateway(), &key, &mark, answered));
        there.extend(other.map(|thread| thread.join().expect("it does not panic")));
        upstream.clear();
    }
    figures.times(TABLE, "a route's PATCH, from request to answer", commits);
    figures.times(TABLE, "from the answer until the node that was asked serves it", here);
    if !there.is_empty() {
        figures.times(TABLE, "from the answer until another node serves it", there);
    }
}

fn until_served(gateway: &str, key: &str, mark: &str, answered: Instant) -> Duration {
    let mut connection = Connection::open(gateway).expect("the gateway listens");
    let request = wire::request("GET", &format!("/{MARKED}/"), &[("Host", "bench"), ("Keyroll-Key", key)], b"");
    loop {
        let reply = connection.call(&request).expect("an answer");
        if reply.status == 200 && reply.body == mark.as_bytes() {
            return answered.elapsed();
        }
        assert!(
            answered.elapsed() < Duration::from_secs(30),
            "not served after 30 s: {} {}",
            reply.status,
            reply.text()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}
