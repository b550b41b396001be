//! Who may call, from where, and how often one may be wrong: limits, throttled failures, trusted proxies.

mod common;

use common::{Rig, World, all_headers, client, code, key, request};
use model::route::RateLimit;
use model::time::Span;
use serde_json::json;
use testkit::{Answer, Reply, Upstream};

fn told(reply: &Reply, name: &str) -> Vec<String> {
    all_headers(&reply.headers).remove(name).unwrap_or_default()
}

#[test]
fn answers_tell_the_limits_of_client_and_route() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({"rate_limit": {"requests": 60, "per": "1h", "burst": 2}}));
    world.route("free", &upstream.url(), &json!({}));
    world.route("gone", "http://127.0.0.1:1", &json!({}));
    world.client().rate_limit = Some(RateLimit { requests: 4, per: Span::from_hours(1), burst: None });
    world.clients.push((key(2), client("unlimited")));
    let rig = Rig::start(world);
    let policies = ["\"keyroll-client\";q=4;w=3600", "\"keyroll-route\";q=60;w=3600"];
    let left = |reply: &Reply| -> Vec<String> {
        let items = told(reply, "ratelimit");
        items.iter().map(|item| item.split_once(";t=").unwrap().0.to_owned()).collect()
    };

    let first = rig.get("/r/");
    assert_eq!((first.status, told(&first, "ratelimit-policy")), (200, policies.map(str::to_owned).to_vec()));
    assert_eq!(left(&first), ["\"keyroll-client\";r=3", "\"keyroll-route\";r=1"]);
    assert_eq!(first.header("retry-after"), None);
    assert_eq!(left(&rig.get("/r/")), ["\"keyroll-client\";r=2", "\"keyroll-route\";r=0"]);

    let of_route = rig.get("/r/");
    assert_eq!((code(&of_route).as_str(), told(&of_route, "ratelimit-policy").len()), ("rate-limited", 2));
    assert_eq!(left(&of_route), ["\"keyroll-client\";r=1", "\"keyroll-route\";r=0"]);
    let wait = of_route.header("retry-after").unwrap();
    assert_eq!(told(&of_route, "ratelimit")[1], format!("\"keyroll-route\";r=0;t={wait}"), "the same moment");

    let unreachable = rig.get("/gone/");
    assert_eq!(code(&unreachable), "upstream-unreachable");
    assert_eq!(left(&unreachable), ["\"keyroll-client\";r=0"], "an answer of our own, and only the limit that applies");
    let of_client = rig.get("/r/");
    assert_eq!(code(&of_client), "rate-limited");
    assert_eq!(left(&of_client), ["\"keyroll-client\";r=0", "\"keyroll-route\";r=0"]);
    assert!(of_client.json()["detail"].as_str().unwrap().contains("client's"));

    let free = rig.raw(testkit::wire::request("GET", "/free/", &[("Host", "a"), ("Keyroll-Key", &key(2))], b""));
    assert_eq!(free.status, 200);
    for name in ["ratelimit", "ratelimit-policy"] {
        assert_eq!(told(&free, name), Vec::<String>::new(), "nothing where there is no limit");
    }
    for path in ["/nothing/", "/r/../"] {
        assert_eq!(told(&rig.get(path), "ratelimit"), Vec::<String>::new(), "{path}: no limit was asked");
    }
}

#[test]
fn the_limits_of_an_upstream_stay_its_own() {
    let upstream = Upstream::start(|_| {
        Answer::text(200, "ok")
            .header("RateLimit", "\"client\";r=7;t=9")
            .header("RateLimit-Policy", "\"client\";q=9;w=9")
    });
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    world.route("limited", &upstream.url(), &json!({"rate_limit": {"requests": 5, "per": "1s"}}));
    let rig = Rig::start(world);
    assert_eq!(told(&rig.get("/r/"), "ratelimit"), ["\"client\";r=7;t=9"]);
    let both = rig.get("/limited/");
    assert_eq!(told(&both, "ratelimit"), ["\"client\";r=7;t=9", "\"keyroll-route\";r=4;t=1"]);
    assert_eq!(told(&both, "ratelimit-policy"), ["\"client\";q=9;w=9", "\"keyroll-route\";q=5;w=1"]);
}

#[test]
fn wrong_keys_are_throttled_and_live_ones_never() {
    let upstream = Upstream::ok();
    let rig = Rig::to(&upstream);
    let wrong = |number| testkit::wire::request("GET", "/r/", &[("Host", "a"), ("Keyroll-Key", &key(number))], b"");
    for number in 100..110 {
        assert_eq!(code(&rig.raw(wrong(number))), "client-key-invalid", "{number}");
        assert_eq!(rig.get("/r/").status, 200, "{number}");
    }
    for number in 110..150 {
        let throttled = rig.raw(wrong(number));
        assert_eq!((throttled.status, code(&throttled).as_str()), (429, "rate-limited"), "{number}");
        let wait: u64 = throttled.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=6).contains(&wait), "{wait}");
        assert_eq!(told(&throttled, "ratelimit"), Vec::<String>::new(), "no limit of anybody's");
        assert_eq!(rig.get("/r/").status, 200, "{number}: whoever has a live key is not held back");
    }
    // What is no key that is wrong is answered as ever.
    let missing = rig.raw("GET /r/ HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(code(&missing), "client-key-missing");
    assert_eq!(upstream.count(), 50);
}

#[test]
fn behind_a_trusted_proxy_each_address_fails_for_itself() {
    let upstream = Upstream::ok();
    let mut world = World::new();
    world.route("r", &upstream.url(), &json!({}));
    world.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let rig = Rig::start(world);
    let wrong = |from: &str| {
        let headers = [("Host", "a"), ("Keyroll-Key", &*key(9)), ("X-Forwarded-For", from)];
        rig.raw(testkit::wire::request("GET", "/r/", &headers, b"")).status
    };
    let heard = |from: &str| (0..12).filter(|_| wrong(from) == 401).count();
    assert_eq!(heard("192.0.2.1"), 10);
    assert_eq!(heard("192.0.2.2"), 10, "the neighbour is not held back");
    assert_eq!(heard("198.51.100.1, 192.0.2.1"), 0, "what the client wrote to the left counts for nothing");
    assert_eq!(heard("2001:db8::1"), 10);
    assert_eq!(heard("2001:db8::2"), 0, "the same /64");
}

#[test]
fn allowed_ips_go_by_the_address_that_a_trusted_proxy_names() {
    let upstream = Upstream::ok();
    let call = |rig: &Rig, lines: &[&str]| {
        let headers: Vec<_> = lines.iter().map(|line| ("X-Forwarded-For", *line)).collect();
        let reply = rig.call("GET", "/r/", &headers, b"");
        if reply.status == 200 { "ok".to_owned() } else { code(&reply) }
    };
    let rig = |trusted: &[&str], allowed: &[&str]| {
        let mut world = World::new();
        world.route("r", &upstream.url(), &json!({}));
        world.trusted_proxies = trusted.iter().map(|text| text.parse().unwrap()).collect();
        world.client().allowed_ips = allowed.iter().map(|text| text.parse().unwrap()).collect();
        Rig::start(world)
    };

    let proxied = rig(&["127.0.0.0/8", "10.0.0.0/8"], &["192.0.2.0/24"]);
    for (lines, outcome) in [
        (&["192.0.2.1"][..], "ok"),
        (&["198.51.100.1, 192.0.2.1"], "ok"),
        (&["198.51.100.1", "192.0.2.1, 10.0.0.7"], "ok"),
        (&["192.0.2.1, 198.51.100.1"], "client-not-allowed"),
        (&["192.0.2.1", "198.51.100.1"], "client-not-allowed"),
        (&[], "client-not-allowed"),
        (&["10.0.0.7"], "client-not-allowed"),
        (&["192.0.2.1, unknown"], "request-invalid"),
        (&["192.0.2.1,"], "request-invalid"),
        (&["192.0.2.300"], "request-invalid"),
    ] {
        assert_eq!(call(&proxied, lines), outcome, "{lines:?}");
    }
    // Whoever is not trusted says nothing about where a request comes from.
    let direct = rig(&["10.0.0.0/8"], &["192.0.2.0/24"]);
    assert_eq!(call(&direct, &["192.0.2.1"]), "client-not-allowed");
    let local = rig(&["10.0.0.0/8"], &["127.0.0.1/32"]);
    for lines in [&["192.0.2.1"][..], &["unknown"], &[]] {
        assert_eq!(call(&local, lines), "ok", "{lines:?}");
    }
    // A client that may call from anywhere does not depend on what cannot be read.
    assert_eq!(call(&rig(&["127.0.0.1/32"], &[]), &["unknown"]), "ok");
}

#[test]
fn what_our_own_proxies_wrote_about_a_caller_stays_here() {
    let upstream = Upstream::ok();
    let headers = [
        ("X-Forwarded-For", "10.1.2.3"),
        ("X_Forwarded_For", "10.1.2.3"),
        ("X-Forwarded-Host", "inside.example"),
        ("Forwarded", "for=10.1.2.3"),
        ("X-Real-IP", "10.1.2.3"),
        ("X-Forward", "kept"),
    ];
    let passed = |trusted: &str| {
        let mut world = World::new();
        world.route("r", &upstream.url(), &json!({}));
        world.trusted_proxies = vec![trusted.parse().unwrap()];
        let rig = Rig::start(world);
        assert_eq!(rig.raw(request("GET", "/r/", &headers, b"")).status, 200);
        let record = upstream.last();
        headers.map(|(name, _)| record.header(name).is_some())
    };
    assert_eq!(passed("127.0.0.1/32"), [false, false, false, false, false, true]);
    assert_eq!(passed("10.0.0.0/8"), [true; 6], "what a client writes itself passes as ever");
}
