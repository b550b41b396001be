//! WebSockets with two libraries that know nothing of each other, `websockets` for Python and `ws` for Node, as client
//! and as server: each with each, through the gateway.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use testkit::NodeOptions;

use crate::house::{KEYROLL, client, secret};
use crate::peer::{Peer, Stage};
use crate::program;

/// A library's name, and its program.
type Library = (&'static str, fn() -> Command);

const SERVERS: [Library; 2] =
    [("python", || program::python("websocket_server.py")), ("node", || program::node("websocket_server.js"))];
const CLIENTS: [Library; 2] =
    [("python", || program::python("websocket_client.py")), ("node", || program::node("websocket_client.js"))];

const EXPECTED: &[&str] = &[
    "subprotocol b",
    "text True",
    "binary True",
    "empty True",
    "large text True",
    "large binary True",
    "fragments in three pieces",
    "ping pong",
    "many True",
    "closed 4002",
    "pieces a message in pieces",
    "asked pong",
    "credential Bearer ******************** Bearer ********************",
    "ended 4001 that is all",
];

/// A node with a route to each of the servers.
fn stage(options: NodeOptions) -> (Stage, [Peer; 2]) {
    let stage = Stage::with(options);
    let servers = SERVERS.map(|(name, server)| {
        let server = Peer::start(server());
        stage.route(name, &format!("http://127.0.0.1:{}", server.port));
        server
    });
    (stage, servers)
}

#[test]
fn every_kind_of_message_between_each_two() {
    let (stage, servers) = stage(NodeOptions::new(KEYROLL));
    let mut all = Vec::new();
    for (route, _) in SERVERS {
        for (library, program) in CLIENTS {
            let mut command = program();
            stage.environment(command.arg("calls"), route);
            let output = program::output(&mut command);
            let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
            assert_eq!(out.lines().collect::<Vec<_>>(), EXPECTED, "{library} with {route}\n{err}");
            all.extend([out, err]);
        }
    }
    for server in &servers {
        // What a client says at the end arrives, and is not only the end of a connection.
        server.says("closed /echo 4002", 2);
        server.says("closed /close 4001", 2);
    }
    stage.assert_no_leak(&all.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Clients of a kind each that hold a socket open, and say how it ends.
fn held(stage: &Stage, key: &str) -> Vec<Peer> {
    let held = |route: &str, program: fn() -> Command| {
        let mut command = program();
        stage.environment(command.arg("hold"), route);
        command.env("API_KEY", key);
        Peer::start(command)
    };
    SERVERS.iter().flat_map(|(route, _)| CLIENTS.map(|(_, program)| held(route, program))).collect()
}

#[test]
fn a_drain_tells_clients_to_go() {
    let (mut stage, _servers) = stage(NodeOptions::new(KEYROLL));
    let clients = held(&stage, &stage.key);
    let begun = Instant::now();
    stage.node.signal(Signal::TERM);
    for client in &clients {
        client.says("ended 1001", 1);
    }
    let status = stage.node.wait_exit(Duration::from_secs(25));
    assert!(status.success() && begun.elapsed() < Duration::from_secs(25), "{status} {:?}", begun.elapsed());
}

#[test]
fn a_revoked_key_and_a_deleted_secret_end_sockets() {
    let (stage, servers) = stage(NodeOptions::new(KEYROLL).env("KEYROLL_POLICY__STREAM_GRACE", "1s"));
    let other = client(&stage.node, "other", "production");
    let (mine, others) = (held(&stage, &stage.key), held(&stage, &other));
    stage.node.api("DELETE", "/v1/clients/app", None).expect(204);
    for client in &mine {
        client.says("ended 1001", 1);
    }
    for server in &servers {
        server.says("closed /hold", 2);
    }
    // The others' go on, until the secret is gone.
    assert!(others.iter().all(|client| client.count("ended") == 0));
    secret(&stage.node, "peer_v2", "tok_live_another");
    let body = json!({"from": "peer", "to": "peer_v2"});
    stage.node.api("POST", "/v1/routes/replace-secret", Some(&body)).expect(200);
    stage.node.api("DELETE", "/v1/secrets/peer?force=true&reason=test", None).expect(204);
    for client in &others {
        client.says("ended 1001", 1);
    }
}
