//! An audit event: who did what to which thing, written in the transaction of the change.

use serde::Serialize;
use serde_json::Value;

use crate::access::Permit;
use crate::time::Timestamp;

/// One event, before the store gives it its sequence number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When.
    pub time: Timestamp,
    /// Who: `token:ops`, `system:bootstrap`.
    pub actor: String,
    /// From where: an address, or `local`.
    pub source: String,
    /// What: `secret.create`, `route.replace-secret`.
    pub action: String,
    /// To what: `secret/stripe_api_key`, `route/payments`.
    pub subject: String,
    /// The thing before; metadata alone, never a value.
    pub before: Value,
    /// The thing after; metadata alone, never a value.
    pub after: Value,
    /// `done`, or what became of it.
    pub outcome: String,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// The rotation that it is part of.
    pub rotation_id: Option<String>,
    /// The rotation's epoch.
    pub epoch: Option<i64>,
}

/// Where a request came from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// An address, or `local`.
    pub source: String,
    /// The request's id.
    pub request_id: Option<String>,
}

impl Origin {
    /// Keyroll itself.
    #[must_use]
    pub fn local() -> Self {
        Self { source: "local".to_owned(), request_id: None }
    }
}

impl Event {
    /// An event of something that was done; give it its `before` and `after` with the two functions below.
    #[must_use]
    pub fn done(permit: &Permit, origin: &Origin, time: Timestamp, action: &str, subject: String) -> Self {
        Self {
            time,
            actor: permit.actor().name.clone(),
            source: origin.source.clone(),
            action: action.to_owned(),
            subject,
            before: Value::Null,
            after: Value::Null,
            outcome: "done".to_owned(),
            request_id: origin.request_id.clone(),
            rotation_id: None,
            epoch: None,
        }
    }

    /// The thing before the change.
    #[must_use]
    pub fn before(mut self, thing: Value) -> Self {
        self.before = thing;
        self
    }

    /// The thing after the change.
    #[must_use]
    pub fn after(mut self, thing: Value) -> Self {
        self.after = thing;
        self
    }

    /// Another outcome than `done`.
    #[must_use]
    pub fn outcome(mut self, outcome: &str) -> Self {
        outcome.clone_into(&mut self.outcome);
        self
    }
}
