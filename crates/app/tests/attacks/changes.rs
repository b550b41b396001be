//! What a change may leave behind: half of it, an old name, a key that was revoked, a connection from before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};
use testkit::Connection;

use crate::h2::{H2, Outcome};
use crate::scene::{Scene, VALUE, client, secret, spec};

#[test]
fn a_name_that_was_deleted_is_not_created_again() {
    let scene = Scene::start();
    let create = |name: &str| {
        scene.node.api(
            "POST",
            "/v1/secrets",
            Some(&json!({"name": name, "value": "sk_other_value_1", "kind": "api_key"})),
        )
    };
    create("gone").expect(201);
    scene.node.api("DELETE", "/v1/secrets/gone", None).expect(204);
    let again = create("gone");
    assert_eq!(again.status, 409, "{}", again.text());
    let headers = json!({"inject": {"headers": {"Authorization": "Bearer {{gone}}"}}});
    let naming = scene.node.api("POST", "/v1/routes", Some(&spec("reborn", &scene.elsewhere.url(), &headers)));
    assert_eq!(naming.status, 422, "{}", naming.text());
    create("gone_v2").expect(201);
    assert_eq!(scene.get("/r/x"), 200);
    scene.assert_sound();
}

#[test]
fn values_that_would_break_a_header_are_never_taken() {
    let scene = Scene::start();
    let create = |value: &str, kind: &str| {
        scene.node.api("POST", "/v1/secrets", Some(&json!({"name": "lines", "value": value, "kind": kind}))).status
    };
    for value in ["sk_a\r\nX-Hidden: 1", "sk_abcdef\nb", "sk_abcdef\rb", "sk_abcdef\0b"] {
        assert_eq!(create(value, "api_key"), 422, "{value:?}");
    }
    assert_eq!(create("sk_abcdef\0b", "other"), 422, "NUL has no place in any value");
    assert_eq!(create("first line\r\nX-Hidden: 1", "other"), 201, "where lines may be");
    let headers = json!({"inject": {"headers": {"X-Lines": "{{lines}}"}}});
    let reply = scene.node.api("POST", "/v1/routes", Some(&spec("broken", &scene.upstream.url(), &headers)));
    assert_eq!(reply.status, 422, "and not in a header: {}", reply.text());
    assert_eq!(scene.get("/r/x"), 200);
    scene.assert_sound();
}

/// Two headers are changed together, under load: no request carries one of each.
#[test]
fn a_change_is_served_whole_or_not_at_all() {
    let scene = Scene::start();
    for name in ["one_a", "one_b", "two_a", "two_b"] {
        secret(&scene.node, name, &format!("value_of_{name}"));
    }
    let pair = |which: &str| {
        let headers = json!({"X-A": format!("{{{{{which}_a}}}}"), "X-B": format!("{{{{{which}_b}}}}")});
        spec("pair", &scene.upstream.url(), &json!({"inject": {"headers": headers}}))
    };
    scene.node.api("POST", "/v1/routes", Some(&pair("one"))).expect(201);
    let key = client(&scene.node, "all", &json!(["*"]));
    scene.eventually("the route is served", || {
        scene.node.gateway_get("/pair/x", &[("Keyroll-Key", &key)]).status == 200
    });
    scene.upstream.clear();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut connection = Connection::open(scene.node.gateway()).unwrap();
                let get = testkit::wire::request("GET", "/pair/x", &[("Host", "a"), ("Keyroll-Key", &key)], b"");
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(connection.call(&get).unwrap().status, 200);
                }
            });
        }
        let ending = Ending(&done);
        for change in 0..12 {
            let which = if change % 2 == 0 { "two" } else { "one" };
            scene.node.api("PUT", "/v1/routes/pair", Some(&pair(which))).expect(200);
            let wanted = format!("value_of_{which}_a");
            scene.eventually("the change is served", || scene.upstream.last().header("x-a").as_ref() == Some(&wanted));
        }
        drop(ending);
    });
    let mut seen = [0, 0];
    for record in scene.upstream.records() {
        let (a, b) = (record.header("x-a").unwrap(), record.header("x-b").unwrap());
        assert_eq!(a.trim_end_matches("_a"), b.trim_end_matches("_b"), "one of each");
        seen[usize::from(a.contains("two"))] += 1;
    }
    assert!(seen.iter().all(|count| *count > 0), "both were sent: {seen:?}");
    scene.assert_sound();
}

/// Ends the load on a panic, too.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_revoked_key_ends_on_connections_that_are_open() {
    let scene = Scene::start();
    let made: Value = scene.node.api("POST", "/v1/clients/shop/keys", None).expect(201).json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let get = testkit::wire::request("GET", "/r/x", &[("Host", "gateway.test"), ("Keyroll-Key", key)], b"");
    let mut first = Connection::open(scene.node.gateway()).unwrap();
    let mut second = H2::open(scene.node.gateway());
    let over2 = |connection: &mut H2| {
        let fields =
            [(":method", "GET"), (":scheme", "http"), (":path", "/r/x"), (":authority", "a"), ("keyroll-key", key)];
        let stream = connection.request(&fields, b"").unwrap();
        let outcome = connection.outcome(stream);
        assert!(matches!(outcome, Outcome::Answer { .. }), "{outcome:?}");
        outcome.status().unwrap()
    };
    scene.eventually("the second key is served", || first.call(&get).unwrap().status == 200);
    assert_eq!(over2(&mut second), 200);
    scene.node.api("DELETE", &format!("/v1/clients/shop/keys/{id}"), None).expect(204);
    // Asked seldom: whoever is refused too often is refused for longer.
    scene.eventually("the key is refused", || {
        thread::sleep(std::time::Duration::from_millis(400));
        first.call(&get).unwrap().status == 401
    });
    let before = scene.upstream.count();
    assert_eq!(over2(&mut second), 401, "on the other connection, too");
    assert_eq!(scene.upstream.count(), before);
    // The client's other key goes on, with the credential.
    assert_eq!(scene.get("/r/x"), 200);
    assert_eq!(scene.upstream.last().header("authorization"), Some(format!("Bearer {VALUE}")));
    scene.assert_sound();
}

/// What the node says of itself: errors, lists, metrics, the log at its chattiest.
#[test]
fn nothing_that_the_node_says_holds_a_value() {
    let scene = Scene::start();
    let mut said = String::new();
    for path in ["/stand-in/echo-body", "/stand-in/echo-error", "/stand-in/truncated", "/stand-in/two-framings", "/x"] {
        let bytes = testkit::wire::request(
            "GET",
            &format!("/r{path}"),
            &[("Host", "gateway.test"), ("Keyroll-Key", &scene.key), ("Connection", "close")],
            b"",
        );
        if let Ok(reply) = Connection::open(scene.node.gateway()).unwrap().call(&bytes) {
            said += &String::from_utf8_lossy(&reply.head);
            said += &reply.text();
        }
    }
    let (status, token) = (|path: &str| scene.node.api("GET", path, None), scene.node.token());
    for path in
        ["/metrics", "/readyz", "/healthz", "/version", "/openapi.json", "/v1/secrets", "/v1/routes/r", "/v1/audit"]
    {
        said += &status(path).text();
    }
    for text in [VALUE, crate::scene::ODD, &scene.key, token] {
        assert!(!said.contains(text), "it was told");
        assert!(!scene.node.log().contains(text), "it was logged");
    }
    assert!(said.contains("api_key"), "names are no secret");
    assert!(scene.node.log().contains("DEBUG"), "the log was as chatty as it can be");
    scene.assert_sound();
}
