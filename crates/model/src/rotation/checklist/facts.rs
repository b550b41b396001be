//! What stands now, beside what was recorded.

use std::collections::BTreeSet;

use crate::name::EnvironmentName;
use crate::rotation::event::Mention;
use crate::rotation::evidence::{Measured, Sibling};
use crate::secret::{Secret, State};
use crate::time::Timestamp;

/// What the checklist and the playbook go by, beside the rotation and its log.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Present {
    /// The incoming secret; `None` where there is none of that name.
    pub incoming: Option<SecretNow>,
    /// The outgoing one.
    pub outgoing: Option<SecretNow>,
    /// Where the outgoing secret is named, disabled routes and idle bases included.
    pub outgoing_at: Vec<Mention>,
    /// Where the incoming secret is named.
    pub incoming_at: Vec<Mention>,
    /// The environments that are protected.
    pub protected: BTreeSet<EnvironmentName>,
    /// What was counted since each environment was entered.
    pub measured: Vec<Measured>,
    /// Requests since the last promotion that were refused with the incoming credential and taken with the outgoing one.
    pub pairs_since_cut_over: u64,
    /// When the outgoing credential was last needed in the places of the plan.
    pub needed_at: Option<Timestamp>,
    /// How the rotation stands that has to go first.
    pub sibling: Option<Sibling>,
    /// The places that the incoming secret's own probe tries, as they are told in its outcome.
    pub probe_places: Vec<String>,
    /// A later rotation that has put another secret into the incoming one's place. What the routes name now is its doing
    /// and says nothing about this one any more.
    pub replaced_by: Option<String>,
}

/// What is known about a secret of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretNow {
    /// Whether it has a value.
    pub state: State,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When its value was destroyed.
    pub deleted_at: Option<Timestamp>,
    /// When it should be replaced; `None` where nothing says so.
    pub due_at: Option<Timestamp>,
    /// Keyed digest of the value.
    pub fingerprint: String,
}

impl From<&Secret> for SecretNow {
    fn from(secret: &Secret) -> Self {
        Self {
            state: secret.state,
            created_at: secret.created_at,
            created_by: secret.created_by.clone(),
            deleted_at: secret.deleted_at,
            due_at: crate::schedule::interval_ends_at(secret).into_iter().chain(secret.expires_at).min(),
            fingerprint: secret.fingerprint.clone(),
        }
    }
}
