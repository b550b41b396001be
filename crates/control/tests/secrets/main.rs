//! Secrets through the real router.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

#[path = "../common/mod.rs"]
mod common;

mod compare;
mod create;
mod delete;
mod edit;
mod list;
mod probe;

use common::{House, Reply};
use model::access::Role;
use model::route::RouteSpec;
use model::time::Timestamp;
use model::usage::{Drained, TallyKey};
use serde_json::{Value, json};
use store::Telemetry;

/// A value that must never come back.
pub(crate) const PLANTED: &str = "sk_live_planted_4711";

impl House {
    /// Makes a secret as an operator, with members of the test's choice laid over name and value.
    pub(crate) async fn secret(&self, name: &str, members: Value) -> Reply {
        let mut body = json!({"name": name, "value": PLANTED, "kind": "api_key"});
        for (member, value) in members.as_object().unwrap() {
            body[member] = value.clone();
        }
        self.send(Role::Operator, "POST", "/v1/secrets", body).await
    }

    /// A route to api.stripe.com that injects the secret, in these environments.
    pub(crate) async fn route(&self, name: &str, secret: &str, environments: &[&str]) {
        let own: serde_json::Map<_, _> = environments.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        let spec: RouteSpec = serde_json::from_value(json!({
            "name": name,
            "base": {
                "upstream": "https://api.stripe.com",
                "inject": {"headers": {"Authorization": format!("Bearer {{{{{secret}}}}}")}},
            },
            "environments": own,
        }))
        .unwrap();
        let mut tx = self.begin().await;
        tx.insert_route(&spec, self.control.now()).await.unwrap();
        self.commit(tx).await;
    }

    /// Deletes a route behind the API's back.
    pub(crate) async fn drop_route(&self, name: &str) {
        let mut tx = self.begin().await;
        tx.delete_route(name, self.control.now()).await.unwrap();
        self.commit(tx).await;
    }

    /// Counts uses through route `payments` in staging: accepted ones and one that was rejected.
    pub(crate) async fn used(&self, secret: &str, at: Timestamp, accepted: u64) {
        let key = TallyKey {
            secret: secret.parse().unwrap(),
            route: "payments".parse().unwrap(),
            environment: "staging".parse().unwrap(),
        };
        let drained = Drained { counts: [accepted, 1, 0, 0, 0, 0], last_used: Some(at) };
        self.control.store.record(Telemetry::Tallies { at, rows: vec![(key, drained)] }).await.unwrap();
    }

    /// What the latest audit events record, the newest first.
    pub(crate) async fn records(&self, limit: usize) -> Vec<Value> {
        self.audit(limit).await
    }

    /// The value that is stored, opened as the engine opens it.
    pub(crate) async fn opened(&self, name: &str) -> Result<String, envelope::OpenError> {
        let stored = self.control.store.read().await.unwrap().sealed_secret(name).await.unwrap().unwrap();
        let sealed = envelope::Sealed {
            format: stored.sealed.format,
            ciphertext: stored.sealed.ciphertext,
            dek_id: stored.sealed.dek_id,
            wrapped_dek: stored.sealed.wrapped_dek,
            kek_id: stored.sealed.kek_id,
        };
        let value = envelope::open(&self.control.keys.keyring, &sealed, &envelope::Binding::from(&stored.secret))?;
        Ok(value.expose().to_owned())
    }
}
