//! Clients (the applications that call the gateway) and their keys.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::patch::{change, given};
use crate::route::RateLimit;

/// Whether a client signs its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signing {
    /// Each request is signed with the signing key that is shown beside a new key. The key itself is never sent, and
    /// refused.
    Required,
}

/// A new client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCreate {
    /// Its name: `[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?`.
    #[schema(example = "checkout")]
    pub name: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is served, at least one.
    #[schema(min_items = 1, example = json!(["staging"]))]
    pub environments: Vec<String>,
    /// The routes that it may use; `["*"]` for all, later ones included.
    #[schema(min_items = 1, example = json!(["payments"]))]
    pub routes: Vec<String>,
    /// The addresses and networks that it may call from (`10.0.0.0/8`); absent or `null` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_ips: Option<Vec<String>>,
    /// How often it may call; no limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// When its keys end (RFC 3339); never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Whether its keys are refused for now; `false` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Whether it signs its requests instead of sending its key; absent or `null` for a client that sends its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<Signing>,
}

/// An edit of a client (JSON merge patch): what is absent stays, `null` takes away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientPatch {
    /// Free text.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// Where it is served, at least one; the whole list is replaced.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>)]
    pub environments: Option<Vec<String>>,
    /// The routes that it may use; the whole list is replaced.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>)]
    pub routes: Option<Vec<String>>,
    /// The addresses and networks that it may call from; `null` for all.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub allowed_ips: Option<Option<Vec<String>>>,
    /// How often it may call; `null` for no limit.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RateLimit>)]
    pub rate_limit: Option<Option<RateLimit>>,
    /// When its keys end (RFC 3339); `null` for never.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Option<String>>,
    /// Whether its keys are refused for now.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool)]
    pub disabled: Option<bool>,
    /// Whether it signs its requests; `null` for a client that sends its key. Keys that it has already were shown without
    /// a signing key: make new ones after the change.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Signing>)]
    pub signing: Option<Option<Signing>>,
}

/// A client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientItem {
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Where it is served.
    pub environments: Vec<String>,
    /// The routes that it may use; `["*"]` for all.
    pub routes: Vec<String>,
    /// The addresses and networks that it may call from; empty for all.
    pub allowed_ips: Vec<String>,
    /// How often it may call.
    pub rate_limit: Option<RateLimit>,
    /// When its keys end (RFC 3339).
    pub expires_at: Option<String>,
    /// Whether its keys are refused for now.
    pub disabled: bool,
    /// When it was created (RFC 3339).
    pub created_at: String,
    /// Whether it signs its requests; `null` for a client that sends its key.
    pub signing: Option<Signing>,
    /// Its keys, revoked ones included; never the keys themselves.
    pub keys: Vec<KeyItem>,
}

/// What is told about a client's key: everything but the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyItem {
    /// Its id.
    pub id: String,
    /// When it was created (RFC 3339).
    pub created_at: String,
    /// When it was revoked (RFC 3339).
    pub revoked_at: Option<String>,
}

/// A new key. It is shown this once and stored as a hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyCreated {
    /// Its id, by which it can be revoked.
    pub id: String,
    /// The key, `krk_…`; absent when the request was a repetition under the same `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What a client that signs its requests signs with, `krs_…`; absent for others, and where the key is absent. It is
    /// shown this once, and stored nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<String>,
    /// When it was created (RFC 3339).
    pub created_at: String,
}

// Written by hand so that a key never reaches a log through `{:?}`.
impl std::fmt::Debug for KeyCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyCreated").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Filters of the list of clients; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ClientQuery {
    /// Text to be found in name or description, whatever the case.
    pub q: Option<String>,
    /// Only clients that are served in this environment.
    pub environment: Option<String>,
    /// Only clients that may use this route.
    pub route: Option<String>,
    /// How many items at most: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    pub cursor: Option<String>,
}
