//! Creating, replacing and editing routes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::RouteSettings;

/// A new route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteCreate {
    /// Its name, the first segment of its address: `[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?`.
    #[schema(example = "payments")]
    pub name: String,
    /// Host names by which it can be reached too, path unchanged; no addresses and not `localhost`. Changing them needs the
    /// role `operator` where any environment is protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Free labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// What holds in every environment that does not say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<RouteSettings>,
    /// The environments that it is served in, with what they override, member by member (`inject.headers` header by header).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<BTreeMap<String, RouteSettings>>,
}

/// A route without its name: the body of a replacement, and the document that an edit is merged into.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// Host names by which it can be reached too, path unchanged; no addresses and not `localhost`. Changing them needs the
    /// role `operator` where any environment is protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Free labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// What holds in every environment that does not say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<RouteSettings>,
    /// The environments that it is served in, with what they override, member by member (`inject.headers` header by header).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<BTreeMap<String, RouteSettings>>,
}

/// An edit of a route: a JSON merge patch (RFC 7396) on its document. What is absent stays, `null` takes away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = RouteSpec)]
pub struct RoutePatch(
    /// The patch; after the merge the result must be a [`RouteSpec`].
    pub Value,
);

impl RouteCreate {
    /// The name, and the rest.
    #[must_use]
    pub fn into_parts(self) -> (String, RouteSpec) {
        let Self { name, hosts, description, tags, base, environments } = self;
        (name, RouteSpec { hosts, description, tags, base, environments })
    }
}
