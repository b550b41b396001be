//! The one door: who may do what. A passed check leaves a [`Permit`] behind, and everything that writes takes one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token may do. `developer`, `operator` and `admin` each include the one before; `auditor` stands beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads metadata.
    Viewer,
    /// Reads metadata, the audit and the evidence.
    Auditor,
    /// Changes routes, clients and secrets of environments that are not protected.
    Developer,
    /// The same in protected environments; changes where secrets may go; compares and probes.
    Operator,
    /// Everything; environments, tokens and settings are for this role alone.
    Admin,
}

/// All roles.
pub const ROLES: [Role; 5] = [Role::Viewer, Role::Auditor, Role::Developer, Role::Operator, Role::Admin];

impl Role {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Developer => "developer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not one of viewer, auditor, developer, operator, admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        ROLES.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// How the audit names it: `token:ops`, `system:bootstrap`.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

impl Actor {
    /// Keyroll itself, at one of its own tasks.
    #[must_use]
    pub fn system(task: &'static str) -> Self {
        Self { name: format!("system:{task}"), role: Role::Admin }
    }
}

/// What an action needs. A list test holds every endpoint against this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// To see metadata.
    Read,
    /// To see the audit.
    ReadAudit,
    /// To change routes, clients or secrets; `protected` where a protected environment is touched, or no limit says
    /// that none is.
    Change {
        /// Whether a protected environment is touched.
        protected: bool,
    },
    /// To change where a secret may go.
    ChangeLimits,
    /// To learn whether a value that one has is the stored one.
    Compare,
    /// To try whether a stored value is alive.
    Probe,
    /// To vouch for what Keyroll cannot see, such as that a machine is switched off.
    Attest,
    /// To delete a secret before its retention has passed.
    ForceDeletion,
    /// To change environments, tokens or settings.
    Administer,
}

impl Need {
    /// Whether a role is enough. The table of the reference, "Environments, clients, tokens".
    #[must_use]
    pub fn is_met_by(self, role: Role) -> bool {
        use Role::{Admin, Auditor, Developer, Operator};
        match self {
            Self::Read => true,
            Self::ReadAudit => matches!(role, Auditor | Operator | Admin),
            Self::Change { protected: false } => matches!(role, Developer | Operator | Admin),
            Self::Change { protected: true } | Self::ChangeLimits | Self::Compare | Self::Probe | Self::Attest => {
                matches!(role, Operator | Admin)
            }
            Self::ForceDeletion | Self::Administer => role == Admin,
        }
    }

    /// The least role that is enough, for the message.
    #[must_use]
    pub fn least(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::ReadAudit => Role::Auditor,
            Self::Change { protected: false } => Role::Developer,
            Self::Change { protected: true } | Self::ChangeLimits | Self::Compare | Self::Probe | Self::Attest => {
                Role::Operator
            }
            Self::ForceDeletion | Self::Administer => Role::Admin,
        }
    }
}

/// Proof that the door was passed. Only [`authorize`] makes one.
///
/// ```compile_fail
/// let permit = model::access::Permit { actor: model::access::Actor::system("x") };
/// ```
#[derive(Debug, Clone)]
pub struct Permit {
    actor: Actor,
}

impl Permit {
    /// Who passed.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
}

/// The door stayed shut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this needs the role {needed}; the token's role is {role}")]
pub struct Denied {
    /// What the token has.
    pub role: Role,
    /// The least that would be enough.
    pub needed: Role,
}

/// Asks whether `actor` may do what needs all of `needs`.
///
/// # Errors
/// The first need that is not met.
pub fn authorize(actor: &Actor, needs: impl IntoIterator<Item = Need>) -> Result<Permit, Denied> {
    match needs.into_iter().find(|need| !need.is_met_by(actor.role)) {
        Some(need) => Err(Denied { role: actor.role, needed: need.least() }),
        None => Ok(Permit { actor: actor.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line a need, one mark a role, in the order of [`ROLES`].
    #[test]
    fn the_table_of_roles() {
        let table = [
            (Need::Read, "+++++"),
            (Need::ReadAudit, "-+-++"),
            (Need::Change { protected: false }, "--+++"),
            (Need::Change { protected: true }, "---++"),
            (Need::ChangeLimits, "---++"),
            (Need::Compare, "---++"),
            (Need::ForceDeletion, "----+"),
            (Need::Administer, "----+"),
        ];
        for (need, marks) in table {
            for (role, mark) in ROLES.into_iter().zip(marks.chars()) {
                let actor = Actor { name: "token:t".to_owned(), role };
                assert_eq!(authorize(&actor, [Need::Read, need]).is_ok(), mark == '+', "{need:?} {role}");
            }
            assert!(need.is_met_by(need.least()));
        }
    }
}
