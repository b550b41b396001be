//! What a route does with a request; as a base whole, as an override in parts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Inject, Judgement};
use crate::patch::change;

/// What a route does with a request. Every member may be absent: in the base the default holds then, in an
/// environment what the base says. Where `null` is told apart from absent it means "nothing", even where the base
/// says something; elsewhere it is the same as absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSettings {
    /// Where requests go: an absolute URL with a host, without query; a path is put before the request's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://api.stripe.com")]
    pub upstream: Option<String>,
    /// What is added to each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inject: Option<Inject>,
    /// The methods that may be used; all when absent.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["GET", "POST"]))]
    pub methods: Option<Option<Vec<String>>>,
    /// The paths that may be used, exact or with `*` at the end for everything below; all when absent.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["/v1/charges", "/v1/customers/*"]))]
    pub paths: Option<Option<Vec<String>>>,
    /// Headers of the client that are not passed on.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub remove_headers: Option<Option<Vec<String>>>,
    /// How long to wait for the upstream. A duration is told in its largest unit: `60s` comes back as `1m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// How often the route may be used; no limit when absent.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RateLimit>)]
    pub rate_limit: Option<Option<RateLimit>>,
    /// What is done when an injected value shows up in an answer; `mask` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardMode>,
    /// Whether, during a rotation, a rejected request is sent again with the outgoing credential; `true` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shield: Option<bool>,
    /// A harmless request that tells whether the credential is alive.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RouteProbe>)]
    pub probe: Option<Option<RouteProbe>>,
    /// Answers that say the credential is alive: a status, a class (`2xx`) or a rule.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Judgement>>)]
    pub alive: Option<Option<Vec<Judgement>>>,
    /// Answers that say the credential is dead: a status, a class (`4xx`) or a rule.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Judgement>>)]
    pub dead: Option<Option<Vec<Judgement>>>,
    /// How the upstream is known, how we are known to it, and how clients are known to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<RouteTls>,
    /// The largest request body in bytes; no limit when absent.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub max_request_body: Option<Option<u64>>,
}

/// How long to wait for the upstream; each an integer and a unit (`250ms`, `30s`, `5m`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// For a connection, TLS included; `5s` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "5s")]
    pub connect: Option<String>,
    /// From the end of the request to the head of the answer; `60s` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "60s")]
    pub response: Option<String>,
    /// Between two pieces of a body; `60s` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "60s")]
    pub idle: Option<String>,
}

/// How often something may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// So many requests, at least 1 …
    #[schema(minimum = 1, example = 100)]
    pub requests: u32,
    /// … in each such span: an integer and a unit (`1s`, `1m`, `1h`).
    #[schema(example = "1m")]
    pub per: String,
    /// How many may come at once; as many as `requests` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 20)]
    pub burst: Option<u32>,
}

/// What is done when an injected value shows up in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardMode {
    /// It is replaced by `*` of the same length.
    Mask,
    /// The answer is ended.
    Block,
    /// Nothing; the upstream is trusted not to echo.
    Off,
}

/// A harmless request that tells whether the credential is alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteProbe {
    /// The method; `GET` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "GET")]
    pub method: Option<String>,
    /// The path and query, from the upstream's root.
    #[schema(example = "/v1/balance")]
    pub path: String,
    /// Further headers, without placeholders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// How the upstream is known, how we are known to it, and how clients are known to us.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTls {
    /// Certificates (PEM) that may sign the upstream's, instead of the system's.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ca: Option<Option<String>>,
    /// The secret of kind `certificate` (chain and private key, PEM) that is shown to the upstream.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub client_certificate: Option<Option<String>>,
    /// Certificates (PEM) of which one must have issued the certificate that a client shows; none is asked for when absent.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub client_authorities: Option<Option<String>>,
    /// Names of which a client's certificate must have one: a DNS name, a URI or the subject's common name. Any when absent.
    #[serde(default, deserialize_with = "change", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["billing.internal", "spiffe://example.org/billing"]))]
    pub client_names: Option<Option<Vec<String>>>,
}
