//! A client: an application that calls the gateway with keys of its own.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::name::{ClientName, EnvironmentName, RouteName};
use crate::route::RateLimit;
use crate::signing::Signing;
use crate::time::Timestamp;

/// An application, and what it may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its name.
    pub name: ClientName,
    /// Free text.
    pub description: String,
    /// Where it is served; at least one.
    pub environments: BTreeSet<EnvironmentName>,
    /// Which routes it may use.
    pub routes: RouteGrant,
    /// From where it may call; empty for anywhere.
    pub allowed_ips: Vec<IpNet>,
    /// How often it may call.
    pub rate_limit: Option<RateLimit>,
    /// When its keys end.
    pub expires_at: Option<Timestamp>,
    /// Whether its keys are refused for now.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it signs its requests instead of sending its key.
    pub signing: Option<Signing>,
    /// Counts the edits, from 1; the ETag.
    pub version: i64,
}

impl Client {
    /// Whether its keys are good for anything now.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.disabled && self.expires_at.is_none_or(|end| end > now)
    }
}

/// Which routes a client may use. On the wire a list; `["*"]` for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteGrant {
    /// All routes, later ones included.
    All,
    /// These.
    Named(BTreeSet<RouteName>),
}

impl RouteGrant {
    /// Whether the route is among them.
    #[must_use]
    pub fn allows(&self, route: &RouteName) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(route),
        }
    }
}

impl Serialize for RouteGrant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.collect_seq(["*"]),
            Self::Named(names) => serializer.collect_seq(names),
        }
    }
}

impl<'de> Deserialize<'de> for RouteGrant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        if words.iter().any(|word| word == "*") {
            return Ok(Self::All);
        }
        let names: Result<_, _> = words.iter().map(|word| word.parse()).collect();
        names.map(Self::Named).map_err(serde::de::Error::custom)
    }
}

/// One key of a client; the key itself is known to nobody after it was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey {
    /// `key_…`.
    pub id: String,
    /// Whose key it is.
    pub client: ClientName,
    /// SHA-256 of the key: enough, since the key has 256 random bits.
    pub digest: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}
