//! What is taken out of a request and what is put in: headers, query parameters, members of a JSON body.
//!
//! The order matters: first hop-by-hop headers go ([`strip_hop_by_hop`]), so that a client which lists
//! `Authorization` in `Connection` does not remove what is injected later; then what is injected takes the place of
//! whatever the client sent under that name or an alias of it.

use http::HeaderName;

mod body;
mod headers;
mod query;

pub use body::{Announced, announced, inject_body};
pub use headers::{inject_headers, remove_aliases, remove_injected, set_injected, strip_answer, strip_hop_by_hop};
pub use query::inject_target;

/// Why a request cannot be filled; it is not sent then. Holds no value and no part of the client's body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InjectError {
    /// A filled header value has a byte that no header may have.
    #[error("the value of the header {0} may not stand in a header")]
    Header(HeaderName),
    /// Path and query together are no request target.
    #[error("the path or query is too long or has a character that may not stand there")]
    Target,
    /// The body is not JSON.
    #[error("this route adds members to the body, so the body must be a JSON object")]
    NotJson,
    /// The way to a member leads through something that has no members.
    #[error("this route adds the member {0} to the body, but a value on the way to it is not an object")]
    NoSuchPlace(String),
}
