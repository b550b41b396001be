//! The nouns and rules of Keyroll, as pure functions.
//!
//! Promise: everything that is decided (what a name may be, what a template means, which
//! credential a route uses, who may do what) is decided here, from its arguments alone.
//!
//! Absences: no input or output, no async, no SQL, no cryptography, no clock and no randomness. (One exception:
//! the time zone that a window names is looked up in the machine's own database when the window is read.)
//! Of HTTP it knows the vocabulary (the `http` crate's names and values), never a connection.

pub mod access;
pub mod audit;
pub mod client;
pub mod doctor;
pub mod environment;
pub mod id;
pub mod lint;
pub mod name;
pub mod node;
pub mod path;
pub mod probe;
pub mod problem;
pub mod rotation;
pub mod route;
pub mod schedule;
pub mod secret;
pub mod signing;
pub mod snapshot;
pub mod template;
pub mod text;
pub mod time;
pub mod token;
pub mod upstream;
pub mod usage;
