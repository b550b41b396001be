//! Trying a secret out: where its value goes to learn whether it is alive, and what was found there.
//!
//! Nothing is sent here. [`SecretProbe`] and [`Through`] say where to, `outbound::probe` goes there.

mod judgeable;
mod own;
mod reading;
mod target;
mod through;

pub use judgeable::Judgeable;
pub use own::{HttpProbe, PostgresProbe, SecretProbe, origin_and_rest};
pub use reading::{Reading, Tried};
pub use target::{Login, Request, Target};
pub use through::Through;

use crate::snapshot::BindError;

/// Why there is no saying where a value is to be tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// A request is sent in an environment, and there is none.
    #[error("there is no environment")]
    NoEnvironment,
    /// What is stored is no probe that this version knows.
    #[error("the stored probe cannot be read")]
    Unreadable,
    /// The request cannot be put together.
    #[error(transparent)]
    Bind(#[from] BindError),
}

#[cfg(test)]
mod tests;
