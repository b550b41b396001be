//! What a sealed value is tied to: a value is only ever opened for the secret and the limits it was sealed for.

use model::name::SecretName;
use model::secret::{Limits, Secret};

use crate::encoding::Fields;

/// The facts that a sealed value is tied to (DESIGN.md, "Cryptography"; promise 9 of the product's contract).
///
/// Id and name are bound to the value itself and can never change. The limits are bound to the wrapped data key
/// and change by [`crate::rebind`]. They are compared byte for byte, as stored: `None` (no limit) differs from
/// an empty set (nowhere), the order of a set does not matter, since there is only one.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// The secret's id.
    pub id: &'a str,
    /// The secret's name.
    pub name: &'a SecretName,
    /// Where the value may go, and whether it must be hidden.
    pub limits: &'a Limits,
}

impl<'a> From<&'a Secret> for Binding<'a> {
    fn from(secret: &'a Secret) -> Self {
        Self { id: &secret.id, name: &secret.name, limits: &secret.limits }
    }
}

impl Binding<'_> {
    /// The associated data of the value.
    pub(crate) fn for_value(&self, dek_id: &str) -> Fields {
        Fields::new("keyroll/1/value").text(self.id).text(self.name.as_str()).text(dek_id)
    }

    /// The associated data of the wrapped data key.
    pub(crate) fn for_dek(&self, dek_id: &str, kek_id: &str) -> Fields {
        let Limits { environments, allowed_hosts, sensitive } = self.limits;
        let environments = environments.as_ref().map(|set| set.iter().map(|name| name.as_str()).collect());
        let allowed_hosts = allowed_hosts.as_ref().map(|set| set.iter().map(|rule| rule.as_str()).collect());
        Fields::new("keyroll/1/dek")
            .text(self.id)
            .text(self.name.as_str())
            .text(dek_id)
            .text(kek_id)
            .set(environments)
            .set(allowed_hosts)
            .flag(*sensitive)
    }
}
