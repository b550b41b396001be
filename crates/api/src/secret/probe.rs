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

/// What is to be tried; everything where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeSecret {
    /// Only through this route, whatever the secret's own probe is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Only in this environment of routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// What was found at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProbeReading {
    /// Where: `route/environment`, the origin of the secret's own probe, or a database without its password.
    pub place: String,
    /// The class of the answer's status, such as `2xx`; `null` where there was no answer over HTTP.
    pub status_class: Option<String>,
    /// `alive`, `dead`, or `unclear`.
    pub reading: String,
    /// Why.
    pub detail: String,
}

/// What all places say together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProbeAnswer {
    /// `alive` where every place says so, `dead` where one does, else `unclear`.
    pub reading: String,
    /// Place by place.
    pub places: Vec<ProbeReading>,
}
