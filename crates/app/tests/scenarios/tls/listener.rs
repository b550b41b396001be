//! Several certificates on one listener, and their exchange under load.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::process::Signal;
use serde_json::json;
use testkit::{Authority, NodeOptions, TestNode, Upstream, Visitor, wire};

use super::{answered, install};
use crate::house::{KEYROLL, client, eventually, route, secret};

/// The listener's certificates, as a file says it.
fn configure(dir: &Path, more: &[&str]) {
    let pair = |name: &str| {
        format!("{}:{}", dir.join(format!("{name}.pem")).display(), dir.join(format!("{name}.key")).display())
    };
    let more: Vec<String> = more.iter().map(|name| format!("{:?}", pair(name))).collect();
    let first = |file: &str| dir.join(file).display().to_string();
    let text = format!(
        "[gateway.tls]\ncert = {:?}\nkey = {:?}\nmore = [{}]\n",
        first("first.pem"),
        first("first.key"),
        more.join(", ")
    );
    std::fs::write(dir.join("keyroll.toml"), text).unwrap();
}

fn shown(visitor: &Visitor, node: &TestNode, name: &str) -> Vec<u8> {
    visitor.open(node.gateway(), name).unwrap().shown()
}

/// A node with a route `pay`, and the key of a client.
fn serving(dir: &Path, authority: &Authority, upstream: &Upstream) -> (TestNode, String) {
    let node = NodeOptions::new(KEYROLL).arg("--config").arg(dir.join("keyroll.toml")).start();
    assert!(node.gateway().starts_with("https://"));
    secret(&node, "stripe", "sk_live_planted_0001");
    route(&node, "pay", &upstream.url(), &json!({"Authorization": "Bearer {{stripe}}"}));
    let key = client(&node, "shop", "production");
    answered(&Visitor::new(authority, None), &node, "/pay/", &key, 200);
    (node, key)
}

#[test]
fn a_client_is_shown_the_certificate_of_the_name_that_it_asks_for() {
    let (dir, authority, upstream) = (tempfile::tempdir().unwrap(), Authority::new(), Upstream::ok());
    let dir = dir.path();
    let first = authority.server(&["localhost", "127.0.0.1"]);
    let shop = authority.server(&["shop.example"]);
    let wild = authority.server(&["*.a.example"]);
    for (name, issued) in [("first", &first), ("shop", &shop), ("wild", &wild)] {
        install(dir, name, issued);
    }
    configure(dir, &["wild", "shop"]);
    let (mut node, key) = serving(dir, &authority, &upstream);
    let visitor = Visitor::new(&authority, None);
    for (name, expected) in [
        ("localhost", &first),
        // An address is no name that a client asks for.
        ("127.0.0.1", &first),
        ("shop.example", &shop),
        ("other.a.example", &wild),
    ] {
        assert_eq!(shown(&visitor, &node, name), expected.certificate, "{name}");
        let reply = visitor.get(node.gateway(), name, "/pay/", &[("Keyroll-Key", &key)]).unwrap();
        assert_eq!(reply.status, 200, "{name}");
    }
    let unknown = visitor.open(node.gateway(), "unknown.test").unwrap_err();
    assert!(unknown.to_string().contains("not valid for name"), "{unknown}");
    assert!(Visitor::new(&Authority::new(), None).open(node.gateway(), "localhost").is_err());

    let mut again = visitor.open(node.gateway(), "shop.example").unwrap();
    assert!(again.resumed(), "a session is resumed");
    assert_eq!(again.protocol().as_deref(), Some("http/1.1"));
    let request = wire::request("GET", "/pay/", &[("Host", "shop.example"), ("Keyroll-Key", &key)], b"");
    assert_eq!(again.call(&request).unwrap().status, 200);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let both = Visitor::speaking(&authority, None, &[version], &["http/1.1", "h2"]);
        assert_eq!(both.open(node.gateway(), "localhost").unwrap().protocol().as_deref(), Some("h2"));
    }
    node.stop();
}

#[test]
fn certificates_are_exchanged_under_load_all_or_none() {
    let (dir, authority, upstream) = (tempfile::tempdir().unwrap(), Authority::new(), Upstream::ok());
    let dir = dir.path();
    install(dir, "first", &authority.server(&["localhost"]));
    configure(dir, &[]);
    let (mut node, key) = serving(dir, &authority, &upstream);
    let visitor = Visitor::new(&authority, None);
    let request = wire::request("GET", "/pay/", &[("Host", "localhost"), ("Keyroll-Key", &key)], b"");

    let (done, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // Set on a panic, too, so that the load ends.
        let ending = Ending(&done);
        // Each for itself: one connection that lasts, and new ones all the time.
        for fresh in [false, true, true] {
            let (visitor, request, node, done, sent) = (Visitor::new(&authority, None), &request, &node, &done, &sent);
            scope.spawn(move || {
                let mut kept = visitor.open(node.gateway(), "localhost").unwrap();
                while !done.load(Ordering::Relaxed) {
                    if fresh {
                        kept = visitor.open(node.gateway(), "localhost").unwrap();
                    }
                    assert_eq!(kept.call(request).unwrap().status, 200);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..10 {
            let next = authority.server(&["localhost"]);
            install(dir, "first", &next);
            node.signal(Signal::HUP);
            eventually("the next certificate is shown", || shown(&visitor, &node, "localhost") == next.certificate);
        }
        drop(ending);
    });
    assert!(sent.load(Ordering::Relaxed) > 100, "{}", sent.load(Ordering::Relaxed));

    // A name more, by the file of the configuration.
    let mut before = visitor.open(node.gateway(), "localhost").unwrap();
    let shop = authority.server(&["shop.example"]);
    install(dir, "shop", &shop);
    configure(dir, &["shop"]);
    node.signal(Signal::HUP);
    eventually("the further name is served", || visitor.open(node.gateway(), "shop.example").is_ok());
    assert!(!node.log().contains("takes effect at the next start"));
    let first = shown(&visitor, &node, "localhost");

    // One of the two is broken: the other one, good as it is, is not taken either.
    let (next_first, next_shop) = (authority.server(&["localhost"]), authority.server(&["shop.example"]));
    install(dir, "first", &next_first);
    std::fs::write(dir.join("shop.pem"), &next_shop.pem).unwrap();
    node.signal(Signal::HUP);
    eventually("the broken pair is told", || node.log().contains("no certificate was reloaded"));
    assert!(node.log().contains("shop.key is not the key of"), "{}", node.log());
    assert_eq!(shown(&visitor, &node, "localhost"), first);
    assert_eq!(shown(&visitor, &node, "shop.example"), shop.certificate);

    install(dir, "shop", &next_shop);
    node.signal(Signal::HUP);
    eventually("both are taken", || shown(&visitor, &node, "localhost") == next_first.certificate);
    assert_eq!(shown(&visitor, &node, "shop.example"), next_shop.certificate);
    // A connection of before all that goes on.
    assert_eq!(before.call(&request).unwrap().status, 200);
    drop(before);
    node.stop();
}

/// Ends the load.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
