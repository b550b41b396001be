//! The durable truth: SQL and migrations behind one concrete [`Store`].
//!
//! Promise: a change, its audit event and its revision are one transaction ([`WriteTx::commit`]); what is acknowledged
//! survives a loss of power; a secret's value is never updated and its name never used again, and the database itself
//! refuses both, whoever asks.
//!
//! Absences: no cryptography but hashing, and no plaintext: sealed parts come in and go out as bytes. No clock, no
//! randomness, no HTTP. No storage trait: tests run on `sqlite::memory:`. SQL never leaves this crate.

mod audit;
mod backend;
mod changes;
mod clients;
mod copy;
mod diagnosis;
mod environments;
mod error;
mod idempotency;
mod leases;
mod meta;
mod migrate;
mod nodes;
mod ownership;
mod page;
mod rotations;
mod routes;
mod seals;
mod secrets;
mod store;
mod tallies;
mod telemetry;
mod tokens;
mod tombstones;
mod transaction;

pub use audit::{AuditFault, AuditFilter, AuditReport, AuditRow, Tree, leaf_hash};
pub use backend::{DatabaseUrl, PostgresUrl};
pub use changes::{Changes, Damage};
pub use clients::ClientKeys;
pub use copy::{Copied, copy};
pub use diagnosis::Answered;
pub use environments::EnvironmentUse;
pub use error::{Rule, StoreError};
pub use idempotency::IdempotencyRecord;
pub use leases::Lease;
pub use meta::WrappedFingerprintKey;
pub use migrate::MigrationError;
pub use nodes::Heartbeat;
pub use page::{Listed, Page};
pub use rotations::{Detail, Logged, NewRotation, RotationFilter};
pub use routes::{ReferenceRow, RouteFilter, RouteRevision, RouteRow};
pub use seals::Sealer;
pub use secrets::{Binding, Rebound, Sealed, SealedSecret, SecretFilter, SecretRow, SecretSort, SortKey};
pub use store::Store;
pub use tallies::{Bucket, SecretUsage};
pub use telemetry::Telemetry;
pub use tokens::Token;
pub use tombstones::{Tombstone, TombstoneKind};
pub use transaction::{Committed, Position, ReadTx, WriteTx};
