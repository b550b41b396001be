//! Requests to a node, on a fresh connection each; every answer goes into the transcript.

use serde_json::Value;

use super::TestNode;
use crate::wire::{self, Connection, Reply};

impl TestNode {
    /// An admin API request with the node's admin token.
    ///
    /// # Panics
    /// When no whole answer comes.
    #[track_caller]
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.api_as(Some(&self.token), method, path, body)
    }

    /// An admin API request with another token, or without one.
    ///
    /// # Panics
    /// When no whole answer comes.
    #[track_caller]
    pub fn api_as(&self, token: Option<&str>, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let bearer = token.map(|t| format!("Bearer {t}"));
        let mut headers: Vec<(&str, &str)> = Vec::new();
        if let Some(bearer) = &bearer {
            headers.push(("Authorization", bearer));
        }
        if body.is_some() {
            let patch = method == "PATCH";
            let kind = if patch { "application/merge-patch+json" } else { "application/json" };
            headers.push(("Content-Type", kind));
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        self.api_raw(method, path, &headers, body.as_bytes())
    }

    /// An admin API request with exactly these headers (beside `Host`) and body bytes.
    ///
    /// # Panics
    /// When no whole answer comes.
    #[track_caller]
    pub fn api_raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.exchange(&self.admin, method, path, headers, body)
    }

    /// A GET to the gateway listener with these headers beside `Host`.
    ///
    /// # Panics
    /// When no whole answer comes.
    #[track_caller]
    pub fn gateway_get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.gateway_request("GET", path, headers, b"")
    }

    /// A request to the gateway listener with exactly these headers (beside `Host`) and body bytes.
    ///
    /// # Panics
    /// When no whole answer comes.
    #[track_caller]
    pub fn gateway_request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.exchange(&self.gateway, method, path, headers, body)
    }

    /// Sends bytes as they are to the gateway listener and reads one answer.
    ///
    /// # Panics
    /// When no whole answer comes; use [`Connection`] for answers that may be cut short.
    #[track_caller]
    pub fn gateway_bytes(&self, request: &[u8]) -> Reply {
        self.send(&self.gateway, "bytes to the gateway", request)
    }

    #[track_caller]
    fn exchange(&self, base: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let host = base.trim_start_matches("http://");
        let own = [("Host", host), ("Connection", "close")];
        let all: Vec<(&str, &str)> =
            own.into_iter().filter(|(n, _)| !named(headers, n)).chain(headers.iter().copied()).collect();
        self.send(base, &format!("{method} {path}"), &wire::request(method, path, &all, body))
    }

    #[track_caller]
    fn send(&self, base: &str, label: &str, request: &[u8]) -> Reply {
        let reply = Connection::open(base).and_then(|mut c| c.call(request));
        let reply = reply.unwrap_or_else(|e| panic!("{label}: no answer: {e}; {}", self.log_tail()));
        self.transcript.add_reply(label, &reply);
        reply
    }
}

fn named(headers: &[(&str, &str)], name: &str) -> bool {
    headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
}
