//! The closed lists of words that describe a secret.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a secret is; decides how often it is due and what its value may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// A key for a third party's API.
    ApiKey,
    /// A key that signs or verifies webhooks; not expected to be injected, never counts as unused.
    WebhookSecret,
    /// A database password.
    DatabasePassword,
    /// A database URL with the password inside.
    DatabaseUrl,
    /// An OAuth token; due when its upstream rejects it.
    OauthToken,
    /// A certificate with its private key, PEM; may hold line breaks.
    Certificate,
    /// Anything else; may hold line breaks.
    Other,
}

/// How critical a secret is: the schedule of its rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretClass {
    /// To be replaced every 30 days.
    Critical,
    /// To be replaced every 90 days.
    Standard,
}

/// Whether a secret still has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretState {
    /// Its value is sealed in the store.
    Active,
    /// Its value is destroyed; its name stays taken.
    Deleted,
}

/// By what a list of secrets is grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// By the service that the secret is for.
    Service,
    /// By the environments where it may be used.
    Environment,
    /// By its kind.
    Type,
}
