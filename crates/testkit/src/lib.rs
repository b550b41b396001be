//! What the tests of every crate share: a real node, real upstreams, and a watch for leaks.
//!
//! Promise: nothing here pretends. A [`TestNode`] is the shipped binary in its own process, an
//! [`Upstream`] is a server on a socket that keeps the bytes it was sent, [`Nginx`] and
//! [`Postgres`] are Debian's. A [`LeakWatch`] proves on planted controls that its searches can find
//! before it reports that they found nothing.
//!
//! Absences: knows none of our crates, so that a mistake in one cannot hide in the tool that
//! tests it: HTTP is read and written here byte by byte, over blocking sockets and threads, and a
//! test needs no async runtime. Nothing is skipped: what is missing on the machine is a panic that
//! says how to install it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "used by tests only, where stopping with a message is the right answer to a surprise"
)]

pub mod corpus;
pub mod fault;
pub mod frames;
pub mod leak;
pub mod load;
pub mod nginx;
pub mod node;
mod port;
pub mod postgres;
pub mod tls;
pub mod transcript;
pub mod upstream;
pub mod wire;

pub use fault::{FaultProxy, Mode};
pub use frames::Frames;
pub use leak::LeakWatch;
pub use nginx::Nginx;
pub use node::{CliOutput, NodeOptions, TestNode};
pub use postgres::{Database, Postgres};
pub use tls::{Issued, Visitor};
pub use transcript::Transcript;
pub use upstream::{Answer, Authority, Feed, Recorded, Upstream};
pub use wire::{Connection, Reply};
