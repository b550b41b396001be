//! One request through a gateway, sent again where the node that had it was killed.

use std::collections::HashMap;

use testkit::{Connection, Reply};

use crate::hall::Hall;
use crate::provider::{GARBAGE, ID, UNCLEAR, now};

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Of the seed, and among its requests.
    pub(crate) name: String,
    pub(crate) route: usize,
    pub(crate) environment: usize,
    pub(crate) replayable: bool,
    /// Whether it is a POST, and how it says how long it is.
    pub(crate) body: Body,
    /// Whether no credential would save it.
    pub(crate) garbage: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    Short,
    Chunked,
    Long,
}

/// What became of it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) request: Request,
    /// Names the try that was answered.
    pub(crate) id: String,
    pub(crate) status: u16,
    /// Who answered, and what is wrong where it was the gateway itself.
    pub(crate) proxy: String,
}

/// Connections that are kept alive, by address and life.
#[derive(Default)]
pub(crate) struct Lines(HashMap<(String, usize), Connection>);

impl Lines {
    pub(crate) fn send(&mut self, hall: &Hall, request: Request, target: &str, key: &str, unclear: u32) -> Sent {
        let begun = now();
        for number in 1.. {
            let id = format!("{}.{number}", request.name);
            let place = hall.place();
            let address = (place.gateway, place.life);
            match self.exchange(&address, &bytes(&request, &id, target, key, unclear)) {
                Ok(reply) => {
                    let proxy = reply.header("proxy-status").unwrap_or_default();
                    return Sent { request, id, status: reply.status, proxy };
                }
                Err(error) => {
                    assert!(hall.was_cut(begun), "{id} to {target} got no answer: {error}");
                    assert!(now() - begun < 60_000, "{id} to {target} gets no answer");
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            }
        }
        unreachable!()
    }

    fn exchange(&mut self, address: &(String, usize), bytes: &[u8]) -> std::io::Result<Reply> {
        let mut line = match self.0.remove(address) {
            Some(line) => line,
            None => Connection::open(&address.0)?,
        };
        let reply = line.call(bytes)?;
        if !reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.0.insert(address.clone(), line);
        }
        Ok(reply)
    }
}

fn bytes(request: &Request, id: &str, target: &str, key: &str, unclear: u32) -> Vec<u8> {
    let method = if request.body == Body::None { "GET" } else { "POST" };
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: gateway\r\nKeyroll-Key: {key}\r\n{ID}: {id}\r\n");
    head.push_str(&format!("{UNCLEAR}: {unclear}\r\n"));
    if request.garbage {
        head.push_str(&format!("{GARBAGE}: yes\r\n"));
    }
    let body = match request.body {
        Body::None => "\r\n".to_owned(),
        Body::Short => "Content-Length: 5\r\n\r\nhello".to_owned(),
        Body::Chunked => "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_owned(),
        Body::Long => format!("Content-Length: 70000\r\n\r\n{}", "x".repeat(70_000)),
    };
    head.push_str(&body);
    head.into_bytes()
}
