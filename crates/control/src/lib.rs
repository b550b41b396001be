//! The admin API: what operators ask for. A handler checks, writes, and ends at its commit.
//!
//! Promise: every request passes one door (`door.rs`), every refusal leaves through one place (`answer.rs`), and every
//! change is one transaction with its audit event and, where asked for, the record of its idempotency key.
//!
//! Absences: it imports neither the engine nor the gateway. It does not know when a change is served, and it answers
//! while no traffic flows.

mod answer;
mod attempts;
mod body;
mod call;
mod codes;
mod deadline;
mod door;
mod dry_run;
mod endpoints;
mod etag;
mod idempotency;
mod keys;
mod members;
mod refusal;
mod router;
mod state;
mod text;
mod waiting;

pub use codes::{CODES, Code};
pub use endpoints::{ENDPOINTS, Endpoint, Least};
pub use keys::Keys;
pub use router::{openapi, router, status_router};
pub use state::{Control, Policy, Standing};
pub use waiting::waiting;
