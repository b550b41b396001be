//! A route: where requests go, and which credentials are added on the way, by environment.

mod effective;
mod header;
mod judgement;
mod layer;
mod reference;
mod spec;
mod validate;

pub use effective::{Effective, effective};
pub use header::{is_injectable, same_header};
pub use judgement::{Judgement, Rule};
pub use layer::Member;
pub(crate) use reference::CLIENT_CERTIFICATE;
pub use reference::{Reference, mentions, references};
pub use spec::{Basic, Guard, Inject, Injection, Plain, RateLimit, RouteSpec, Settings, Timeouts, Tls};
pub use validate::{Known, field_pointer, validate};
