//! Secrets on the wire: metadata both ways, the value only on the way in.

mod delete;
mod item;
mod probe;
mod query;
mod text;
mod usage;
mod words;
mod write;

pub use delete::{DeleteOutcome, DeleteQuery, DeleteResult, DeleteSecrets, SecretsDeleted};
pub use item::{SecretItem, SecretPlace, SecretRouteItem, Warning};
pub use probe::{HttpProbe, PostgresProbe, ProbeAnswer, ProbeReading, ProbeSecret, SecretProbe};
pub use query::{SecretQuery, SecretSort};
pub use text::SecretText;
pub use usage::{UsageAnswer, UsageBucket, UsageOutcome, UsageQuery};
pub use words::{GroupBy, SecretClass, SecretKind, SecretState};
pub use write::{CompareAnswer, CompareSecret, SecretCreate, SecretPatch, ValueGiven};
