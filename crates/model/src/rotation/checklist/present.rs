//! What stands now, beside what was recorded.

use std::collections::BTreeSet;

use crate::environment::Environment;
use crate::name::EnvironmentName;
use crate::probe::SecretProbe;
use crate::rotation::counted::{Counted, measured};
use crate::rotation::event::Mention;
use crate::rotation::evidence::{Evidence, Measured, Sibling};
use crate::rotation::facts::{Facts, Summary, mentions_of};
use crate::rotation::rotation::Rotation;
use crate::schedule::due;
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
    /// What was counted since each environment was entered, wherever its routes lead now.
    pub measured: Vec<Measured>,
    /// Requests since the last promotion that were refused with the incoming credential and taken with the outgoing one.
    pub pairs_since_cut_over: u64,
    /// When the outgoing credential was last needed in the places of the plan.
    pub needed_at: Option<Timestamp>,
    /// How the rotation stands that has to go first.
    pub sibling: Option<Sibling>,
    /// The places that the incoming secret's own probe logs in to.
    pub connections: Vec<String>,
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
    /// When it should be replaced, or ends; `None` where nothing says so.
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
            due_at: due(secret, None).map(|due| due.at).into_iter().chain(secret.expires_at).min(),
            fingerprint: secret.fingerprint.clone(),
        }
    }
}

impl Present {
    /// What follows from what is stored. `later` are rotations whose outgoing secret is this one's incoming secret.
    #[must_use]
    pub fn gather(
        rotation: &Rotation,
        facts: &Facts,
        evidence: &Evidence,
        environments: &[Environment],
        later: &[Summary],
    ) -> Self {
        let counted: Vec<Counted> = facts.counts.iter().map(Counted::from).collect();
        let took_over = |other: &&Summary| {
            // One that went back left the incoming secret in its place.
            other.outgoing == rotation.incoming && other.cut_over_at.is_some() && other.state != "rolled_back"
        };
        Self {
            incoming: facts.incoming.as_ref().map(SecretNow::from),
            outgoing: facts.outgoing.as_ref().map(SecretNow::from),
            outgoing_at: evidence.outgoing_at.clone(),
            incoming_at: mentions_of(&rotation.incoming, &facts.specs),
            protected: environments.iter().filter(|one| one.protected).map(|one| one.name.clone()).collect(),
            measured: measured(rotation, &counted),
            pairs_since_cut_over: pairs(rotation, &counted, evidence.needed_at),
            needed_at: evidence.needed_at,
            sibling: evidence.sibling,
            connections: facts.incoming.as_ref().map(connections).unwrap_or_default(),
            replaced_by: later.iter().find(took_over).map(|other| other.id.clone()),
        }
    }
}

/// A minute in which an environment was promoted may have begun before; the moment of the last need knows better.
fn pairs(rotation: &Rotation, counted: &[Counted], needed_at: Option<Timestamp>) -> u64 {
    let cut_over = rotation.cut_over_at();
    if rotation.promoted.is_empty() || needed_at.is_none_or(|needed| needed <= cut_over) {
        return 0;
    }
    let minute = cut_over.minus(crate::time::Span::from_secs(60));
    counted.iter().filter(|one| one.at > minute).map(|one| one.counts.pairs).fold(0, u64::saturating_add)
}

fn connections(incoming: &Secret) -> Vec<String> {
    match SecretProbe::of(incoming) {
        Ok(Some(SecretProbe::Postgres(probe))) => probe.connections,
        Ok(Some(SecretProbe::Http(_)) | None) | Err(_) => Vec::new(),
    }
}
