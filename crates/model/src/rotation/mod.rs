//! Replacing an outgoing secret by an incoming one behind every route that names it.

mod replace;
mod verdict;
mod weight;

pub use replace::{Change, replace};
pub use verdict::{Counts, ENOUGH, Verdict, Why, judge};
pub use weight::{Weight, WeightError};
