//! The proxy: one file per phase of a request.
//!
//! Promise: a request is admitted, routed, filled, forwarded, answered and counted from one snapshot, which it loads
//! once. Where anything is in doubt (ambiguous framing, a missing secret, a host that a secret may not go to) nothing
//! is sent, and the answer says in a `code` and in `Proxy-Status` that it is the gateway's own.
//!
//! | phase | module |
//! |---|---|
//! | accept, TLS, limits, drain | `serve` |
//! | framing, hop-by-hop headers, client key or signature | `admit`, `client_key`, `signature`, `seen`, `failures`, `origin` |
//! | route, environment, client certificate, policies, rate limits | `select`, `certificate`, `limit` |
//! | headers, query, body | `inject`, `signed_body` |
//! | which credential, while a rotation replaces one by another | `trial` |
//! | out and back, and a second time where the incoming credential is refused | `forward`, `shield` |
//! | the answer's head and body, guarded | `respond`, `ahead` |
//! | counts and the access log | `report` |
//! | other protocols on a client's connection | `tunnel` |
//! | what is under way, so that it can be ended | `open` |
//!
//! Absences: no database, no encryption of values, no lock on the way of a request that is not
//! signed. It writes nothing but tallies and
//! log lines, and neither ever holds a header, a query or a body.

mod admit;
mod ahead;
mod answer;
mod body;
mod certificate;
mod client_key;
mod failures;
mod forward;
mod inject;
mod limit;
mod open;
mod origin;
mod report;
mod request;
mod request_id;
mod respond;
mod seen;
mod select;
mod serve;
mod shield;
mod signature;
mod signed_body;
mod trial;
mod tunnel;

pub use answer::{KINDS, Kind};
pub use certificate::any_certificate;
pub use report::ACCESS;
pub use serve::{Gateway, GatewayOptions, Limits, Running};
