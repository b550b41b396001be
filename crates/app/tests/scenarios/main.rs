//! Scenarios: the real binary, real sockets, a real nginx; what a user would do, and what an attacker would.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod cli;
mod crash;
mod flip;
mod house;
mod kek;
mod leak;
mod process;
mod readme;
mod tamper;
mod trace;
mod usage;
mod walk;
