//! One request to a third party: fill, address check, dial, TLS, pool, judge the answer.
//!
//! Promise: a credential leaves this process through [`Forwarder::forward`] and no other way, whoever sends it
//! (traffic, a probe, a route's test, a sink). It goes to an address that was checked when it was dialled, over a
//! connection whose certificate was verified, at most once unless the rules of [`forward`](Forwarder::forward) allow
//! a second time, and only along the route's upstream: no redirect is followed, no proxy of the environment is asked.
//!
//! Absences: no database, no route selection, no client keys. It does not know which secret it carries, and no error
//! of it holds a header, a body or a value.

mod address;
mod answer;
mod body;
mod compose;
mod connection;
mod dial;
mod error;
mod exchange;
mod forward;
pub mod guard;
mod identity;
pub mod inject;
pub mod judge;
mod login;
mod mask;
mod pool;
pub mod probe;
mod race;
mod record;
mod resolver;
mod streams;
mod tls;
mod wire;

pub use address::{Resolve, Resolving, SystemResolver};
pub use answer::{AnswerBody, AnswerError};
pub use body::{BodyError, OutBody};
pub use compose::{ComposeError, Given, compose};
pub use error::{Failure, Fault, ForwardError, Phase, TlsFailure};
pub use forward::{Forwarded, Forwarder, Target, Timeouts};
pub use identity::{IdentityError, check_identity, prepare};
pub use login::{Login, log_in};
pub use mask::Mask;
pub use pool::PoolLimits;
pub use resolver::CachingResolver;
pub use tls::{CaError, Tls, TlsSettings, check_ca};
