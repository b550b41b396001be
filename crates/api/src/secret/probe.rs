//! How a secret's value is tested on its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::route::Judgement;

/// How a secret's value is tested on its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretProbe {
    /// By an HTTP request.
    Http(HttpProbe),
    /// By logging in to PostgreSQL.
    Postgres(PostgresProbe),
}

/// A request whose answer says whether the value is alive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpProbe {
    /// Where to, an absolute URL.
    #[schema(example = "https://api.stripe.com/v1/balance")]
    pub url: String,
    /// The method; `GET` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Headers; the values are templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Answers that say "alive".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alive: Option<Vec<Judgement>>,
    /// Answers that say "dead".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<Vec<Judgement>>,
}

/// Logins that must all succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresProbe {
    /// Every place to log in to, as URLs without the password.
    #[schema(example = json!(["postgres://app@db1/prod"]))]
    pub connections: Vec<String>,
}
