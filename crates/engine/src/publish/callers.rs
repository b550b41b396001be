//! Whose key is whose, and where a caller is served that does not say where.

use std::collections::HashMap;
use std::sync::Arc;

use envelope::SigningKeys;
use model::environment::Environment;
use model::name::{ClientName, EnvironmentName};
use model::snapshot::{Caller, Signer, Snapshot};
use store::ClientKeys;

/// The live keys of each client, so that they can be taken out again.
#[derive(Debug, Default)]
pub(super) struct Callers {
    /// Digest and id.
    keys: HashMap<ClientName, Vec<([u8; 32], String)>>,
}

impl Callers {
    /// Takes the client's keys out.
    pub(super) fn remove(&mut self, client: &str, snapshot: &mut Snapshot) {
        for (digest, id) in self.keys.remove(client).unwrap_or_default() {
            snapshot.keys.remove(&digest);
            snapshot.signers.remove(&id);
        }
    }

    /// Puts the clients' live keys in, in place of those they had. Whether a client is disabled or expired is for each
    /// request to see. A client that signs is known by its digests too, so that it can be told to sign.
    pub(super) fn replace(&mut self, clients: Vec<ClientKeys>, signing_keys: &SigningKeys, snapshot: &mut Snapshot) {
        for row in &clients {
            self.remove(row.client.name.as_str(), snapshot);
        }
        for ClientKeys { client, keys } in clients {
            let client = Arc::new(client);
            let live: Vec<_> = keys.into_iter().filter(|key| key.revoked_at.is_none()).collect();
            self.keys.insert(client.name.clone(), live.iter().map(|key| (key.digest, key.id.clone())).collect());
            for key in live {
                let caller = Arc::new(Caller { client: Arc::clone(&client), key_id: key.id.clone() });
                if client.signing.is_some() {
                    let signer = Signer { caller: Arc::clone(&caller), key: signing_keys.of(&key.id) };
                    snapshot.signers.insert(key.id, Arc::new(signer));
                }
                snapshot.keys.insert(key.digest, caller);
            }
        }
    }
}

/// The default environment after these changed. The former default and the new one may come in any order.
pub(super) fn default_after(
    before: Option<EnvironmentName>,
    changed: &[Environment],
    gone: impl Fn(&EnvironmentName) -> bool,
) -> Option<EnvironmentName> {
    let new = changed.iter().find(|environment| environment.default).map(|environment| environment.name.clone());
    let lost = |name: &EnvironmentName| gone(name) || changed.iter().any(|other| other.name == *name);
    new.or_else(|| before.filter(|name| !lost(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_environment_follows_the_rows() {
        let name = |text: &str| -> EnvironmentName { text.parse().unwrap() };
        let row = |text: &str, default| Environment {
            name: name(text),
            display_name: String::new(),
            rank: 0,
            protected: false,
            default,
            version: 1,
        };
        let table = [
            (None, vec![], "", None),
            (None, vec![row("a", true), row("b", false)], "", Some("a")),
            (Some("a"), vec![row("b", false)], "", Some("a")),
            (Some("a"), vec![row("a", false), row("b", true)], "", Some("b")),
            (Some("b"), vec![row("a", true), row("b", false)], "", Some("a")),
            (Some("a"), vec![row("a", false)], "", None),
            (Some("a"), vec![], "a", None),
            (Some("a"), vec![], "b", Some("a")),
        ];
        for (before, changed, gone, after) in table {
            let found = default_after(before.map(name), &changed, |name| name.as_str() == gone);
            assert_eq!(found, after.map(name), "{before:?} {changed:?} {gone}");
        }
    }
}
