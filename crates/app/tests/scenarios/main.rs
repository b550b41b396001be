//! Scenarios: the real binary, real sockets, a real nginx; what a user would do, and what an attacker would.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what was measured is shown where somebody asks for it")]

mod admission;
mod audit;
mod cli;
mod demo;
mod floods;
mod house;
mod kek;
mod readme;
mod tls;

// One set of scenarios for both engines: each of the two takes in the same files.
#[allow(clippy::duplicate_mod, reason = "one set for both engines")]
mod postgres;
#[allow(clippy::duplicate_mod, reason = "one set for both engines")]
mod sqlite;
