//! Attacks on the wire, through the shipped binary: each with an honest twin, beside nginx and HAProxy, and by exhaustion.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what was measured is shown where somebody asks for it")]

mod address;
mod changes;
mod echo;
mod exhaustion;
mod framing;
mod h2;
mod keys;
mod malformed;
mod names;
mod row;
mod scene;
mod upstreams;
