//! What the guard finds, in which forms and where, and how little it holds up.

mod forms;
mod frames;
mod packed;
mod plainly;
mod proof;
mod replay;
mod streams;
mod websocket;

use std::collections::HashMap;
use std::sync::Arc;

use model::name::SecretName;
use model::secret::{Class, Kind, Limits, Secret, SecretValue, State};
use model::snapshot::{Bound, bind, opened};
use model::time::Timestamp;
use serde_json::{Value, json};

/// A secret's name, its value, and whether it is sensitive.
type Given<'a> = (&'a str, &'a str, bool);

/// A binding that injects so, guarded so.
fn bound(guard: &str, secrets: &[Given<'_>], inject: &Value) -> Arc<Bound> {
    let secrets: HashMap<SecretName, _> = secrets
        .iter()
        .map(|(name, value, sensitive)| {
            let name: SecretName = name.parse().unwrap();
            let secret = Secret {
                id: format!("sec_{name}"),
                name: name.clone(),
                kind: Kind::Other,
                class: Class::Standard,
                description: String::new(),
                owner: String::new(),
                tags: Vec::new(),
                successor_of: None,
                limits: Limits { environments: None, allowed_hosts: None, sensitive: *sensitive },
                probe: None,
                expires_at: None,
                strict_expiry: false,
                rotate_every: None,
                state: State::Active,
                fingerprint: String::new(),
                created_at: Timestamp::from_millis(0),
                created_by: String::new(),
                deleted_at: None,
                last_referenced_at: None,
                version: 1,
            };
            (name, opened(secret, Some(SecretValue::new((*value).to_owned()))))
        })
        .collect();
    let spec = json!({
        "name": "r",
        "base": {"upstream": "https://api.example.com", "inject": inject, "guard": guard},
        "environments": {"e": {}},
    });
    let spec = serde_json::from_value(spec).unwrap();
    Arc::new(bind(&spec, &"e".parse().unwrap(), &secrets, &[], |_| Arc::default()).unwrap())
}

/// A binding that injects one sensitive value as a query parameter, where it may be any text.
fn guarding(guard: &str, value: &str) -> Arc<Bound> {
    bound(guard, &[("key", value, true)], &json!({"query": {"key": "{{key}}"}}))
}

/// Every occurrence of every form masked, each form looked up at each place.
fn naive(bound: &Bound, text: &[u8]) -> Vec<u8> {
    let mut masked = text.to_vec();
    for form in bound.forms().iter() {
        for (at, window) in text.windows(form.len()).enumerate() {
            if window == form {
                masked[at..at + form.len()].fill(b'*');
            }
        }
    }
    masked
}
