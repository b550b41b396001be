//! Replacing an outgoing secret by an incoming one behind every route that names it.

mod replace;

pub use replace::{Change, replace};
