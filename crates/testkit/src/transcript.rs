//! Everything that a node answered, over HTTP and on the command line, kept for the leak watch.

use std::sync::{Arc, Mutex};

use crate::wire::Reply;

/// A shared record of answers; clones write to the same one.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    entries: Arc<Mutex<Vec<Entry>>>,
}

/// One answer: where it came from, and its bytes.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Such as `GET /v1/secrets` or `stderr of keyroll secret list`.
    pub label: String,
    /// Head and body, or the output.
    pub bytes: Vec<u8>,
}

impl Transcript {
    /// An empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds these bytes.
    pub fn add(&self, label: &str, bytes: &[u8]) {
        let entry = Entry { label: label.to_owned(), bytes: bytes.to_vec() };
        self.entries.lock().expect("no holder panics").push(entry);
    }

    /// Adds an answer: its head as received, its body and its trailers.
    pub fn add_reply(&self, label: &str, reply: &Reply) {
        let mut bytes = reply.head.clone();
        bytes.extend_from_slice(&reply.body);
        for (name, value) in &reply.trailers {
            bytes.extend_from_slice(format!("\r\n{name}: ").as_bytes());
            bytes.extend_from_slice(value);
        }
        self.add(label, &bytes);
    }

    /// All entries so far, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().expect("no holder panics").clone()
    }
}
