//! The store through its front door, and through the back door that every database file has.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by a panic, in its helpers, too"
)]

mod common;

// One suite for both engines: each of the two takes in the same files.
#[allow(clippy::duplicate_mod, reason = "one suite for both engines")]
mod postgres;
#[allow(clippy::duplicate_mod, reason = "one suite for both engines")]
mod sqlite;
