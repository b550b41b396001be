//! A new process in the place of one that runs, under traffic: no request fails, no connection is refused, no use is lost.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use testkit::{Answer, Connection, TestNode, Upstream, wire};

use crate::house::{client, eventually, route, secret, served};

/// A node with one route, the key of a client, and what the route leads to.
fn furnished() -> (TestNode, Upstream, String) {
    furnish(super::options().env("KEYROLL_LOG__LEVEL", "info").start())
}

fn furnish(node: TestNode) -> (TestNode, Upstream, String) {
    let upstream = Upstream::ok();
    secret(&node, "key", "sk_handed_over_0001");
    route(&node, "payments", &upstream.url(), &json!({"Authorization": "Bearer {{key}}"}));
    let key = client(&node, "shop", "production");
    served(&node, "/payments/", &key);
    (node, upstream, key)
}

fn count(node: &TestNode) -> u64 {
    node.api("GET", "/v1/secrets/key", None).expect(200).json()["use_count"].as_u64().unwrap()
}

/// Waits until every request that arrived at the upstream is counted, and no more than these.
#[track_caller]
fn counted(node: &TestNode, upstream: &Upstream) {
    let arrived = u64::try_from(upstream.count()).unwrap();
    eventually("every use is counted", || count(node) >= arrived);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(count(node), arrived, "each use is counted once");
}

/// Traffic on connections kept alive and on new ones, GET and POST, from threads of its own until it is told to end.
struct Traffic<'a> {
    gateway: &'a str,
    key: &'a str,
    ending: &'a AtomicBool,
    sent: AtomicU64,
}

impl<'a> Traffic<'a> {
    fn new(gateway: &'a str, key: &'a str, ending: &'a AtomicBool) -> Self {
        Self { gateway, key, ending, sent: AtomicU64::new(0) }
    }

    /// Answers what went wrong.
    fn drive(&self, kept: bool, method: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let mut open: Option<Connection> = None;
        while !self.ending.load(Ordering::Relaxed) && faults.len() < 5 {
            let headers = [("Host", "gateway"), ("Keyroll-Key", self.key)];
            let body: &[u8] = if method == "POST" { b"a body" } else { b"" };
            let request = wire::request(method, "/payments/v1/x", &headers, body);
            let connection = open.take().map_or_else(|| Connection::open(self.gateway), Ok);
            let reply = connection.and_then(|mut connection| Ok((connection.call(&request)?, connection)));
            self.sent.fetch_add(1, Ordering::Relaxed);
            match reply {
                Ok((reply, connection)) if reply.status == 200 => {
                    let last = reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
                    open = (kept && !last).then_some(connection);
                }
                Ok((reply, _)) => faults.push(format!("{method}, kept {kept}: {} {}", reply.status, reply.text())),
                Err(error) => faults.push(format!("{method}, kept {kept}: {error}")),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        faults
    }
}

/// Does something under traffic of which no request may fail; how many there were.
#[track_caller]
fn under_traffic(node: &mut TestNode, key: &str, act: impl FnOnce(&mut TestNode)) -> u64 {
    let gateway = node.gateway().to_owned();
    let ending = AtomicBool::new(false);
    let traffic = Traffic::new(&gateway, key, &ending);
    let (faults, acted) = std::thread::scope(|scope| {
        let kinds = [(true, "GET"), (true, "POST"), (false, "GET"), (false, "POST")];
        let traffic = &traffic;
        let drivers: Vec<_> = kinds.map(|(kept, method)| scope.spawn(move || traffic.drive(kept, method))).into();
        std::thread::sleep(Duration::from_millis(200));
        let acted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(node)));
        std::thread::sleep(Duration::from_millis(200));
        ending.store(true, Ordering::Relaxed);
        let faults: Vec<String> = drivers.into_iter().flat_map(|driver| driver.join().unwrap()).collect();
        (faults, acted)
    });
    if let Err(panic) = acted {
        std::panic::resume_unwind(panic);
    }
    assert!(faults.is_empty(), "{faults:?}; {}", node.log());
    traffic.sent.load(Ordering::Relaxed)
}

#[test]
fn ten_take_overs_under_traffic_fail_no_request_and_lose_no_count() {
    let (mut node, upstream, key) = furnished();
    let sent = under_traffic(&mut node, &key, |node| {
        for round in 0..10 {
            let pid = node.pid();
            let name = format!("added_{round}");
            secret(node, &name, "sk_added_before_0001");
            node.take_over();
            assert_ne!(node.pid(), pid);
            node.api("GET", &format!("/v1/secrets/{name}"), None).expect(200);
            // Both what was written just before and what is written just after is served.
            let path = format!("new-{round}");
            route(node, &path, &upstream.url(), &json!({"Authorization": format!("Bearer {{{{{name}}}}}")}));
            served(node, &format!("/{path}/"), &key);
        }
    });
    assert!(sent > 200, "only {sent} requests: nothing was tried");
    let ours =
        |record: &testkit::Recorded| record.header("authorization").as_deref() == Some("Bearer sk_handed_over_0001");
    let arrived = u64::try_from(upstream.records().iter().filter(|record| ours(record)).count()).unwrap();
    eventually("every use is counted", || count(&node) >= arrived);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(count(&node), arrived, "each use is counted once");
    let nodes = node.api("GET", "/v1/nodes", None).expect(200).json();
    let states: Vec<_> = nodes["items"].as_array().unwrap().iter().map(|item| item["state"].clone()).collect();
    assert_eq!(states, [json!("live")], "it was one node all the time");
}

#[test]
fn what_is_in_flight_is_answered_by_the_process_that_took_it() {
    let (mut node, _upstream, key) = furnished();
    let slow = Upstream::start(|_| Answer::text(200, "late").after(Duration::from_millis(2_500)));
    route(&node, "slow", &slow.url(), &json!({"Authorization": "Bearer {{key}}"}));
    served(&node, "/payments/", &key);
    std::thread::sleep(Duration::from_millis(500));
    let before = count(&node);
    let mut connection = Connection::open(node.gateway()).unwrap();
    connection.send(&wire::request("GET", "/slow/", &[("Host", "x"), ("Keyroll-Key", &key)], b"")).unwrap();
    slow.wait_for(1);
    let successor = node.successor(&[]);
    node.wait_log("has taken over", 0);
    node.api("GET", "/v1/environments", None).expect(200);
    let reply = connection.reply(false).unwrap().expect(200);
    assert_eq!((reply.text().as_str(), reply.header("connection").as_deref()), ("late", Some("close")));
    node.succeed(successor);
    eventually("the use is counted by the other process", || count(&node) > before);
}

/// The address of a server that switches to the WebSocket protocol and sends back what it is sent.
fn switching() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut piece = [0; 4096];
                while !head.ends_with(b"\r\n\r\n") {
                    let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
                    head.extend_from_slice(&piece[..count]);
                }
                let granted = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
                stream.write_all(granted.as_bytes()).ok()?;
                while let Some(count) = stream.read(&mut piece).ok().filter(|count| *count > 0) {
                    stream.write_all(&piece[..count]).ok()?;
                }
                Some(())
            });
        }
    });
    url
}

/// A WebSocket through the gateway, over which one text went and came back.
fn socket(node: &TestNode, key: &str) -> Connection {
    let mut connection = Connection::open(node.gateway()).unwrap();
    let asking = [("Host", "x"), ("Keyroll-Key", key), ("Connection", "Upgrade"), ("Upgrade", "websocket")];
    let reply = connection.call(&wire::request("GET", "/sockets/", &asking, b"")).unwrap();
    assert_eq!(reply.status, 101, "{}", reply.text());
    connection.send(b"\x81\x05hello").unwrap();
    let mut text = [0; 7];
    connection.stream().read_exact(&mut text).unwrap();
    assert_eq!(&text, b"\x81\x05hello");
    connection
}

#[test]
fn a_websocket_is_told_to_go_and_comes_back_to_the_successor() {
    let (mut node, _upstream, key) = furnished();
    route(&node, "sockets", &switching(), &json!({"Authorization": "Bearer {{key}}"}));
    eventually("the route is served", || node.gateway_get("/sockets/", &[("Keyroll-Key", &key)]).status != 404);
    let mut open = socket(&node, &key);
    let successor = node.successor(&[]);
    // A close that says why: the process goes away (RFC 6455 section 7.4.1). Nothing comes behind it.
    let mut rest = Vec::new();
    open.stream().read_to_end(&mut rest).unwrap();
    assert_eq!(rest, [0x88, 0x02, 0x03, 0xe9], "{}", node.log());
    node.succeed(successor);
    drop(socket(&node, &key));
}

#[test]
fn a_successor_with_a_mistake_in_its_configuration_changes_nothing() {
    let (mut node, upstream, key) = furnished();
    let pid = node.pid();
    under_traffic(&mut node, &key, |node| {
        let table: [(&[(&str, &str)], &str); 4] = [
            (&[("KEYROLL_LOG__LEVEL", "loud")], "KEYROLL_LOG__LEVEL"),
            // A file that is there and holds no certificate.
            (
                &[("KEYROLL_GATEWAY__TLS__CERT", "/etc/passwd"), ("KEYROLL_GATEWAY__TLS__KEY", "/etc/passwd")],
                "usable PEM",
            ),
            (&[("KEYROLL_NODE__ROLE", "control")], "node.role was changed"),
            // Found out when it has the database already, and the running process writes nothing.
            (&[("KEYROLL_KEYS__KEK_FILE", "/nowhere/kek")], "/nowhere/kek"),
        ];
        for (variables, said) in table {
            let status = node.successor(variables).wait().unwrap();
            assert_eq!(status.code(), Some(1), "{said}");
            assert!(node.log().contains(said), "{said}: {}", node.log());
            let body = json!({"name": format!("after_{}", said.len()), "value": "sk_taken_again_0001"});
            eventually("changes are taken again", || node.api("POST", "/v1/secrets", Some(&body)).status == 201);
        }
    });
    assert_eq!(node.pid(), pid);
    secret(&node, "after", "sk_still_here_0001");
    counted(&node, &upstream);
    node.take_over();
    node.api("GET", "/v1/secrets/after", None).expect(200);
}

/// A KEK file that is read only once somebody writes into it: a successor waits there, with everything handed to it but
/// the traffic.
struct Threshold(std::path::PathBuf);

impl Threshold {
    fn new(node: &TestNode, name: &str) -> Self {
        let path = node.work_dir().join(name);
        assert!(std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap().success());
        Self(path)
    }

    /// Starts a successor, and waits until the running process refuses changes.
    fn successor(&self, node: &TestNode) -> std::process::Child {
        let successor = node.successor(&[("KEYROLL_KEYS__KEK_FILE", self.0.to_str().unwrap())]);
        let body = json!({"name": "key", "value": "sk_taken_already_0001"});
        eventually("changes are refused for the moment", || {
            let reply = node.api("POST", "/v1/secrets", Some(&body));
            let refused = reply.status == 503;
            if refused {
                assert_eq!(reply.json()["code"], "handing-over");
                assert_eq!(reply.header("retry-after").as_deref(), Some("1"));
            }
            refused
        });
        node.api("GET", "/v1/secrets/key", None).expect(200);
        successor
    }

    fn cross(&self, node: &TestNode) {
        std::fs::write(&self.0, std::fs::read(node.data_dir().join("kek")).unwrap()).unwrap();
    }
}

#[track_caller]
fn takes_changes(node: &TestNode, name: &str) {
    let body = json!({"name": name, "value": "sk_kept_through_0001"});
    eventually("changes are taken", || node.api("POST", "/v1/secrets", Some(&body)).status == 201);
}

#[test]
fn kill_9_of_the_successor_leaves_the_process_that_runs() {
    let (mut node, upstream, key) = furnished();
    let pid = node.pid();
    under_traffic(&mut node, &key, |node| {
        for pause in [1, 10, 25] {
            let mut successor = node.successor(&[("KEYROLL_GATEWAY__DRAIN_TIMEOUT", "20s")]);
            std::thread::sleep(Duration::from_millis(pause));
            successor.kill().unwrap();
            successor.wait().unwrap();
            takes_changes(node, &format!("kept_{pause}"));
        }
        let threshold = Threshold::new(node, "kek");
        let mut successor = threshold.successor(node);
        std::thread::sleep(Duration::from_millis(1_500));
        successor.kill().unwrap();
        successor.wait().unwrap();
        takes_changes(node, "kept_last");
    });
    assert_eq!(node.pid(), pid);
    counted(&node, &upstream);
    node.take_over();
    counted(&node, &upstream);
}

#[test]
fn kill_9_of_the_process_that_runs_leaves_the_successor() {
    let (mut node, _upstream, key) = furnished();
    let threshold = Threshold::new(&node, "kek");
    let successor = threshold.successor(&node);
    node.kill();
    threshold.cross(&node);
    node.adopt(successor);
    served(&node, "/payments/", &key);
    takes_changes(&node, "on_its_own");
}

#[test]
fn sigterm_while_a_successor_prepares_leaves_the_successor() {
    let (mut node, upstream, key) = furnished();
    let threshold = Threshold::new(&node, "kek");
    let successor = threshold.successor(&node);
    node.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(500));
    threshold.cross(&node);
    node.succeed(successor);
    served(&node, "/payments/", &key);
    counted(&node, &upstream);
}

#[test]
fn without_being_asked_nobody_is_taken_over_from_and_with_nobody_there_it_is_a_start() {
    let (mut node, _upstream, key) = furnished();
    node.stop();
    let successor = node.successor(&[]);
    node.adopt(successor);
    served(&node, "/payments/", &key);
}

#[test]
fn sigusr2_starts_the_binary_anew() {
    let (mut node, upstream, key) = furnished();
    under_traffic(&mut node, &key, |node| {
        node.signal(Signal::USR2);
        node.wait_log("has taken over", 0);
        let status = node.wait_exit(Duration::from_secs(60));
        assert!(status.success(), "{status}");
    });
    // It is no child of this test: the file that it writes tells who it is.
    let pid = std::fs::read_to_string(node.data_dir().join("run/lock")).unwrap();
    counted(&node, &upstream);
    std::process::Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap();
    eventually("it has stopped", || !node.data_dir().join("run/addresses.json").exists());
}

#[test]
fn a_restart_on_sockets_of_the_service_manager_fails_no_request() {
    let [gateway, admin] = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let address = gateway.local_addr().unwrap();
    let node = super::options().env("KEYROLL_LOG__LEVEL", "info").sockets(gateway, admin).start();
    let (mut node, upstream, key) = furnish(node);
    assert_eq!(node.gateway(), format!("http://{address}"));
    under_traffic(&mut node, &key, |node| {
        for _ in 0..3 {
            node.restart();
        }
        // A process that takes over is given the same sockets by the one before, and needs none of the manager.
        node.take_over();
    });
    counted(&node, &upstream);
    assert_eq!(node.gateway(), format!("http://{address}"));
}
