//! A route as it is written: a base, and settings of environments laid over it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::judgement::Rule;
use super::layer::Member;
use crate::name::{EnvironmentName, RouteName};
use crate::time::Span;

/// A route as it is written and stored. Templates are texts here; [`super::validate`] parses them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// Its name, the first segment of the path on the gateway.
    pub name: RouteName,
    /// Hosts that select this route without a path prefix.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// Free labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What counts where an environment says nothing.
    #[serde(default)]
    pub base: Settings,
    /// The environments in which the route is served, each with what differs from the base. Boxed, since a map of one
    /// makes room for eleven.
    #[serde(default)]
    pub environments: BTreeMap<EnvironmentName, Box<Settings>>,
}

/// One layer of settings; every member may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where requests go: `https://api.stripe.com`, with a base path or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// What is added to requests.
    #[serde(skip_serializing_if = "Inject::is_empty")]
    pub inject: Inject,
    /// Which methods are passed on; null for all.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub methods: Member<Vec<String>>,
    /// Which canonical paths are passed on; null for all.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub paths: Member<Vec<String>>,
    /// Headers of the client that are not passed on.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub remove_headers: Member<Vec<String>>,
    /// How long to wait.
    #[serde(skip_serializing_if = "Timeouts::is_empty")]
    pub timeouts: Timeouts,
    /// How often the route may be called.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub rate_limit: Member<RateLimit>,
    /// What happens to an injected value in an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// Whether a rejected incoming credential is replayed with the outgoing one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shield: Option<bool>,
    /// A harmless request that shows whether a credential lives.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub probe: Member<serde_json::Value>,
    /// Answers that show a living credential.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub alive: Member<Vec<Rule>>,
    /// Answers that show a dead credential.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub dead: Member<Vec<Rule>>,
    /// Certificates: the upstream's, ours, and those of clients.
    #[serde(skip_serializing_if = "Tls::is_empty")]
    pub tls: Tls,
    /// The longest request body, in bytes; null for no limit.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub max_request_body: Member<u64>,
}

/// What is added to requests, by place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inject {
    /// Header fields by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Injection>,
    /// Query parameters by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, Plain>,
    /// Members of a JSON body, by name or by JSON Pointer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub body: BTreeMap<String, Plain>,
}

impl Inject {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.query.is_empty() && self.body.is_empty()
    }
}

/// What a header field gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Injection {
    /// A template.
    Template(String),
    /// Basic authentication (RFC 7617).
    Basic {
        /// User name and password.
        basic: Basic,
    },
    /// `false`: not added here.
    Switch(bool),
}

/// User name and password of basic authentication, both templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The user name; no colon.
    pub username: String,
    /// The password.
    pub password: String,
}

/// What a query parameter or body member gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Plain {
    /// A template.
    Template(String),
    /// `false`: not added here.
    Switch(bool),
}

/// How long to wait for an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// For a connection, TLS included; 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<Span>,
    /// For the head of the answer; 60 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Span>,
    /// Between two pieces of a body; 60 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Span>,
}

impl Timeouts {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How often something may be called: `requests` `per` a span, and `burst` at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many, at least 1.
    pub requests: u32,
    /// In what span, at least 1 ms.
    pub per: Span,
    /// How many at once; `requests` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

/// What happens to an injected value in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// It is replaced by `*` of the same length.
    #[default]
    Mask,
    /// The answer ends.
    Block,
    /// Nothing.
    Off,
}

/// How the upstream is verified, how we show it who we are, and how clients show us who they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Certificates in PEM that count as roots beside the platform's.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub ca: Member<String>,
    /// The secret that holds the certificate which is shown to the upstream.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub client_certificate: Member<String>,
    /// Certificates in PEM of which one must have issued the certificate that a client shows; null asks for none.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub client_authorities: Member<String>,
    /// The names of which a client's certificate must have one; null for any.
    #[serde(skip_serializing_if = "Member::is_absent")]
    pub client_names: Member<Vec<String>>,
}

impl Tls {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
