//! Requests that the HTTP parser refuses before anybody sees them: its bare answer becomes a problem like all others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::Version;
use memchr::memmem;

use super::seats::Engaged;
use crate::answer::{self, Refusal};
use crate::request::Shared;

/// Whether a request of a connection is being answered. While one is, no answer is the parser's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Busy(Arc<Answer>);

#[derive(Debug, Default)]
struct Answer {
    running: AtomicBool,
    /// How many answers have ended.
    ended: AtomicU64,
    /// Another protocol is spoken from here on.
    switched: AtomicBool,
    decided: AtomicWaker,
    /// Only the end of the connection can mark its end: so it is with HTTP/1.0.
    ends_by_close: AtomicBool,
}

/// Lasts as long as a request is being answered.
#[derive(Debug)]
pub(crate) struct Answering {
    busy: Busy,
    broken: bool,
    _engaged: Engaged,
}

impl Busy {
    pub(super) fn begin(&self, version: Version, engaged: Engaged) -> Answering {
        self.0.running.store(true, Ordering::Release);
        self.0.ends_by_close.store(version < Version::HTTP_11, Ordering::Release);
        Answering { busy: self.clone(), broken: false, _engaged: engaged }
    }

    pub(super) fn is_running(&self) -> bool {
        self.0.running.load(Ordering::Acquire)
    }

    /// How many answers have ended, the one that grants another protocol included.
    pub(super) fn ended(&self) -> u64 {
        self.0.ended.load(Ordering::Acquire)
    }

    /// Whether another protocol was granted.
    pub(super) fn is_switched(&self) -> bool {
        self.0.switched.load(Ordering::Acquire)
    }

    /// Wakes whoever waits for an answer to end.
    pub(super) fn tell(&self, waker: &Waker) {
        self.0.decided.register(waker);
    }

    pub(super) fn ends_by_close(&self) -> bool {
        self.0.ends_by_close.load(Ordering::Acquire)
    }
}

impl Answering {
    /// The answer broke off: it never ends.
    pub(crate) fn broke_off(&mut self) {
        self.broken = true;
    }

    /// The answer grants another protocol.
    pub(crate) fn switches(&self) {
        self.busy.0.switched.store(true, Ordering::Release);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.broken {
            self.busy.0.running.store(false, Ordering::Release);
        }
        self.busy.0.ended.fetch_add(1, Ordering::AcqRel);
        self.busy.0.decided.wake();
    }
}

/// Watches what the server writes.
pub(super) struct Unread {
    pub(super) shared: Arc<Shared>,
    pub(super) busy: Busy,
}

impl Unread {
    /// What is sent in the place of these bytes, where they are the parser's own answer. Every other answer, ours or
    /// an upstream's, says so in `Proxy-Status`.
    pub(super) fn instead(&self, bytes: &[u8]) -> Option<Bytes> {
        if self.busy.is_running() {
            return None;
        }
        let status = bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
        let (kind, detail) = match status {
            b"400" => (answer::REQUEST_INVALID, "The request is not HTTP/1.1 as RFC 9112 has it."),
            b"414" => (answer::TARGET_TOO_LONG, "Send a shorter path and query."),
            b"431" => (answer::HEADERS_TOO_LARGE, "Send fewer or shorter headers."),
            _ => return None,
        };
        let bare = memmem::find(bytes, b"\r\nconnection: close\r\ncontent-length: 0\r\n").is_some();
        if !bare || memmem::find(bytes, b"\r\nproxy-status: ").is_some() {
            return None;
        }
        let id = model::id::new("req", self.shared.clock.now(), &*self.shared.entropy);
        Some(Refusal::new(kind, detail).bytes(&id))
    }
}
