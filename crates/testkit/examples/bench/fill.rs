//! Fills an empty node over its API, by several connections at once.

use std::time::Instant;

use serde_json::{Value, json};
use testkit::TestNode;
use testkit::load::{self, LoadPlan};

use crate::http::{self, Api};

/// Requests between two words about the progress.
const PART: u64 = 10_000;
const CONNECTIONS: usize = 8;

/// The route that the publish times are taken on.
pub(crate) const MARKED: &str = "marked";

pub(crate) fn secret(n: u64) -> String {
    format!("service_{n:06}_api_key")
}

pub(crate) fn route(n: u64) -> String {
    format!("service-{n:06}")
}

/// Which secret the route names: each twentieth secret is left out, so that no route names it.
pub(crate) fn named_by(n: u64) -> u64 {
    if n.is_multiple_of(20) { n + 1 } else { n }
}

/// Makes the secrets, then the routes, then one client for all of them, whose key is the answer.
///
/// `part_done` is called now and then: a server's statistics are kept up to date by what is no part of it.
pub(crate) fn fill(node: &TestNode, count: u64, part_done: &dyn Fn()) -> String {
    let many = |path: &str, body: &(dyn Fn(u64) -> Value + Sync)| many(node, count, path, body, part_done);
    many("/v1/secrets", &|n| {
        json!({"name": secret(n), "value": format!("sk_live_{n:032}"), "owner": format!("team-{}", n % 40),
               "description": "the key of a provider", "tags": [format!("area-{}", n % 12)]})
    });
    many("/v1/routes", &|n| {
        let bearer = format!("Bearer {{{{{}}}}}", secret(named_by(n)));
        json!({"name": route(n), "tags": [format!("area-{}", n % 12)],
               "base": {"upstream": format!("https://api-{}.example.com", n % 500),
                        "inject": {"headers": {"Authorization": bearer}}},
               "environments": {"production": {}}})
    });
    let mut api = Api::open(node);
    let marked =
        json!({"name": MARKED, "base": {"upstream": "http://127.0.0.1:9"}, "environments": {"production": {}}});
    api.call("POST", "/v1/routes", Some(&marked), 201);
    let client = json!({"name": "bench", "environments": ["production"], "routes": ["*"]});
    api.call("POST", "/v1/clients", Some(&client), 201);
    let key = api.call("POST", "/v1/clients/bench/keys", Some(&json!({})), 201).json();
    key["key"].as_str().expect("shown once").to_owned()
}

fn many(node: &TestNode, count: u64, path: &str, body: &(dyn Fn(u64) -> Value + Sync), part_done: &dyn Fn()) {
    let begun = Instant::now();
    let mut done = 0;
    while done < count {
        let total = PART.min(count - done);
        let plan = LoadPlan {
            address: node.admin(),
            connections: CONNECTIONS,
            total,
            request: &|n| http::request(node.token(), "POST", path, Some(&body(done + n))),
        };
        load::run(&plan).assert_all(201, total);
        done += total;
        part_done();
        eprintln!("   {path}: {done} of {count} after {} s", begun.elapsed().as_secs());
    }
}
