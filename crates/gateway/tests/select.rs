//! Phase 3 through the front door: routes, environments, policies, rate limits.

mod common;

use common::{Rig, World, client, code, key};
use model::client::RouteGrant;
use model::route::RateLimit;
use model::time::Span;
use serde_json::json;
use testkit::{Reply, Upstream};

#[test]
fn paths_reach_the_upstream_as_they_were_encoded() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    world.route("based", &format!("{}/v1", upstream.url()), &json!({}));
    world.route("hosted", &upstream.url(), &json!({})).hosts = vec!["api.test".to_owned()];
    let rig = Rig::start(world);
    // path, Host, target
    for (path, host, target) in [
        ("/r/", "a", "/"),
        ("/r", "a", "/"),
        ("/r?x=%20", "a", "/?x=%20"),
        ("/r/a%20b/%C3%A4%2Ab//c/?q=%2F..%2f&a=b+c&&e", "a", "/a%20b/%C3%A4%2Ab//c/?q=%2F..%2f&a=b+c&&e"),
        ("/r/r/x", "a", "/r/x"),
        ("/based/charges;v=1", "a", "/v1/charges;v=1"),
        ("/r/x", "api.test", "/r/x"),
        ("/any%20path", "API.test:8080", "/any%20path"),
        ("/hosted/x", "a", "/x"),
        ("/r/{{api_key}}?{{api_key}}={{api_key}}", "a", "/{{api_key}}?{{api_key}}={{api_key}}"),
    ] {
        let bytes = testkit::wire::request("GET", path, &[("Host", host), ("Keyroll-Key", &key(1))], b"");
        let reply = rig.raw(bytes);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert_eq!(upstream.last().target, target, "{path}");
    }
    let before = upstream.count();
    for path in ["/r/../x", "/r/%2e%2e/x", "/r/..;/x", "/r/a%2fb", "/r/a\\b", "/r/%252e/", "/r/%", "/r/%00", "/r/%5c"] {
        assert_eq!(code(&rig.get(path)), "path-invalid", "{path}");
    }
    for path in ["/", "//r/x", "/R/x", "/%72/x", "/unknown/x"] {
        assert_eq!(code(&rig.get(path)), "route-not-found", "{path}");
    }
    assert_eq!(upstream.count(), before);
}

#[test]
fn environments_are_chosen_and_held_to() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    let spec = world.route("r", &upstream.url(), &json!({"inject": {"headers": {"X-Env": "{{environment}}"}}}));
    for name in ["staging", "development"] {
        spec.environments.insert(name.parse().unwrap(), Default::default());
    }
    world.route("only", &upstream.url(), &json!({}));
    let mut several = client("several");
    several.environments = ["production", "staging", "empty"].map(|name| name.parse().unwrap()).into();
    let mut without = client("without");
    without.environments = ["staging", "development"].map(|name| name.parse().unwrap()).into();
    world.clients.extend([(key(2), several), (key(3), without)]);
    let rig = Rig::start(world);
    let call = |number, route: &str, wanted: Option<&str>| {
        let key = key(number);
        let mut headers = vec![("Host", "a"), ("Keyroll-Key", key.as_str())];
        headers.extend(wanted.map(|wanted| ("Keyroll-Environment", wanted)));
        rig.raw(testkit::wire::request("GET", &format!("/{route}/"), &headers, b""))
    };
    // client, wanted, got
    for (number, wanted, got) in [
        (1, None, Ok("production")),
        (1, Some("production"), Ok("production")),
        (1, Some("staging"), Err("client-not-allowed")),
        (2, None, Ok("production")),
        (2, Some("staging"), Ok("staging")),
        (2, Some("development"), Err("client-not-allowed")),
        (2, Some("NO NAME"), Err("client-not-allowed")),
        (2, Some("empty"), Err("route-not-served-in-environment")),
        (3, None, Err("environment-required")),
        (3, Some("development"), Ok("development")),
    ] {
        let reply = call(number, "r", wanted);
        match got {
            Ok(name) => {
                assert_eq!(reply.status, 200, "{number} {wanted:?}: {}", reply.text());
                assert_eq!(upstream.last().header("x-env").as_deref(), Some(name), "{number} {wanted:?}");
                assert_eq!(upstream.last().header("keyroll-environment"), None);
            }
            Err(wanted) => assert_eq!(code(&reply), wanted, "{number}"),
        }
    }
    assert_eq!(code(&call(3, "only", Some("staging"))), "route-not-served-in-environment");
    let twice =
        rig.call("GET", "/r/", &[("Keyroll-Environment", "production"), ("Keyroll-Environment", "production")], b"");
    assert_eq!(code(&twice), "request-invalid");
}

#[test]
fn policies_of_clients_and_routes() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({"methods": ["GET", "POST"], "paths": ["/v1/**", "/a b"]}));
    world.route("other", &upstream.url(), &json!({}));
    world.client().routes = RouteGrant::Named(["r".parse().unwrap()].into());
    let rig = Rig::start(world);
    let refused = |reply: Reply| (reply.status, code(&reply));
    assert_eq!(rig.call("GET", "/r/v1/x", &[], b"").status, 200);
    assert_eq!(rig.call("POST", "/r/a%20b", &[], b"").status, 200);
    assert_eq!(refused(rig.call("GET", "/r/v10", &[], b"")), (403, "path-not-allowed".to_owned()));
    assert_eq!(refused(rig.call("GET", "/r/a%2520b", &[], b"")), (403, "path-not-allowed".to_owned()));
    let method = rig.call("DELETE", "/r/v1/x", &[], b"");
    assert_eq!(method.header("allow").as_deref(), Some("GET, POST"));
    assert_eq!(refused(method), (405, "method-not-allowed".to_owned()));
    assert_eq!(refused(rig.get("/other/")), (403, "client-not-allowed".to_owned()));
    assert_eq!(upstream.count(), 2);
}

#[test]
fn rate_limits_of_routes_and_clients_survive_a_new_snapshot() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({"rate_limit": {"requests": 3, "per": "1h"}}));
    world.route("free", &upstream.url(), &json!({}));
    let mut other = client("other");
    other.rate_limit = Some(RateLimit { requests: 2, per: Span::from_hours(1), burst: None });
    world.clients.push((key(2), other));
    let rig = Rig::start(world);
    for _ in 0..3 {
        assert_eq!(rig.get("/r/").status, 200);
        rig.publish();
    }
    let limited = rig.get("/r/");
    assert_eq!((limited.status, code(&limited).as_str()), (429, "rate-limited"));
    let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((1100..=1200).contains(&wait), "one of three an hour: {wait} s");
    for _ in 0..5 {
        assert_eq!(rig.get("/free/").status, 200, "a route without a limit");
    }
    let as_other = || rig.raw(testkit::wire::request("GET", "/free/", &[("Host", "a"), ("Keyroll-Key", &key(2))], b""));
    assert_eq!([as_other(), as_other(), as_other()].map(|reply| reply.status), [200, 200, 429]);
    assert_eq!(upstream.count(), 10);
}
