//! TLS with real handshakes: certificates of the listener by name, those of clients, and ours towards upstreams.

mod callers;
mod listener;
mod strangers;
mod upstreams;

use std::path::{Path, PathBuf};

use serde_json::json;
use testkit::{Authority, Issued, NodeOptions, Reply, TestNode, Visitor};

use crate::house::{KEYROLL, eventually};

/// Puts a pair where a listener reads it.
fn install(dir: &Path, name: &str, issued: &Issued) -> (PathBuf, PathBuf) {
    let (cert, key) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
    std::fs::write(&cert, &issued.pem).unwrap();
    std::fs::write(&key, &issued.key_pem).unwrap();
    (cert, key)
}

/// A node whose gateway has one certificate of this authority, for `localhost`.
fn secured(dir: &Path, authority: &Authority) -> TestNode {
    let (cert, key) = install(dir, "server", &authority.server(&["localhost"]));
    let options = NodeOptions::new(KEYROLL).env("KEYROLL_GATEWAY__TLS__CERT", cert);
    options.env("KEYROLL_GATEWAY__TLS__KEY", key).start()
}

/// A GET through the gateway under the name `localhost`, with a client's key.
fn get(visitor: &Visitor, node: &TestNode, path: &str, key: &str) -> Reply {
    let reply = visitor.get(node.gateway(), "localhost", path, &[("Keyroll-Key", key)]);
    reply.unwrap_or_else(|error| panic!("{path}: {error}; {}", node.log()))
}

/// Waits until the gateway answers so.
#[track_caller]
fn answered(visitor: &Visitor, node: &TestNode, path: &str, key: &str, status: u16) {
    eventually("the gateway answers as expected", || get(visitor, node, path, key).status == status);
}

/// Creates a secret with a chain and its key.
#[track_caller]
fn certificate(node: &TestNode, name: &str, issued: &Issued) {
    let body = json!({"name": name, "value": issued.both_pem(), "kind": "certificate"});
    let made = node.api("POST", "/v1/secrets", Some(&body)).expect(201).json();
    assert_eq!(made["warnings"], serde_json::Value::Null);
}
