//! Requests through the one door, to real servers on loopback: every server here is a socket that a test scripts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod addresses;
mod bodies;
mod guard;
mod http2;
mod identity;
mod inject;
mod pooling;
mod probe;
mod protocol;
mod retries;
mod server;
mod streaming;
mod timeouts;
mod tls;
