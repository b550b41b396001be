//! A process that may end at any moment: begun again and again, waited for by nobody.

use std::process::ExitStatus;

use serde_json::Value;

use super::TestNode;
use crate::wire::{self, Connection, Reply};

impl TestNode {
    /// Starts the process again on the same data, with these variables on top for this time, and waits for nothing.
    ///
    /// # Panics
    /// When it runs.
    #[track_caller]
    pub fn begin_again(&mut self, variables: &[(&str, &str)]) {
        assert!(self.process.is_none(), "the node runs");
        self.prepare();
        let mut command = self.command();
        self.process = Some(self.spawn(command.envs(variables.iter().copied())));
    }

    /// How the process has ended; `None` while it runs.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let process = self.process.as_mut().expect("the node was started");
        let status = process.try_wait().expect("our child")?;
        self.process = None;
        Some(status)
    }

    /// Whether it is ready now.
    pub fn is_ready(&mut self) -> bool {
        self.ready()
    }

    /// An admin API request with the node's admin token, to a process that may be gone before it answers: then `None`, and
    /// nobody knows whether it was carried out.
    pub fn try_api(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Reply> {
        let mut connection = self.ask(method, path, body)?;
        let reply = connection.reply(method == "HEAD").ok()?;
        self.transcript.add_reply(&format!("{method} {path}"), &reply);
        Some(reply)
    }

    /// The same without waiting for the answer, which is still to come over the connection.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Connection> {
        let bearer = format!("Bearer {}", self.token);
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let mut headers = vec![("Host", "node"), ("Connection", "close"), ("Authorization", bearer.as_str())];
        headers.extend(body.map(|_| ("Content-Type", kind)));
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut connection = Connection::open(&self.admin).ok()?;
        connection.send(&wire::request(method, path, &headers, body.as_bytes())).ok()?;
        Some(connection)
    }
}
