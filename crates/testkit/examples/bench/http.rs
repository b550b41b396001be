//! A keep-alive connection to the admin API.

use serde_json::Value;
use testkit::TestNode;
use testkit::wire::{self, Connection, Reply};

/// One connection with the node's admin token.
pub(crate) struct Api {
    connection: Connection,
    token: String,
}

impl Api {
    pub(crate) fn open(node: &TestNode) -> Self {
        let connection = Connection::open(node.admin()).expect("the node listens");
        Self { connection, token: node.token().to_owned() }
    }

    /// Sends a request, whose answer must have this status.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, path: &str, body: Option<&Value>, status: u16) -> Reply {
        let bytes = request(&self.token, method, path, body);
        let reply = self.connection.call(&bytes).unwrap_or_else(|e| panic!("{method} {path}: {e}"));
        reply.expect(status)
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Value {
        self.call("GET", path, None, 200).json()
    }
}

/// The bytes of a request to the admin API.
pub(crate) fn request(token: &str, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
    let bearer = format!("Bearer {token}");
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let headers = [("Host", "bench"), ("Authorization", &bearer), ("Content-Type", kind)];
    let body = body.map(Value::to_string).unwrap_or_default();
    wire::request(method, path, &headers, body.as_bytes())
}
