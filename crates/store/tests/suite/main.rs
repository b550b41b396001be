//! The store through its front door, and through the back door that every database file has.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by a panic, in its helpers, too"
)]

mod audit;
mod common;
mod guards;
mod people;
mod publish;
mod routes;
mod secrets;
mod transactions;
mod usage;
