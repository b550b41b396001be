//! What is told about a route and its history.

use std::collections::BTreeMap;

use serde::ser::Error;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::RouteSettings;

/// A route as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteItem {
    /// Its name, the first segment of its address.
    pub name: String,
    /// Host names by which it can be reached too.
    pub hosts: Vec<String>,
    /// Free text.
    pub description: String,
    /// Free labels.
    pub tags: Vec<String>,
    /// What holds in every environment that does not say otherwise.
    #[serde(serialize_with = "whole")]
    pub base: RouteSettings,
    /// The environments that it is served in, with what they override.
    pub environments: BTreeMap<String, RouteSettings>,
    /// Counts the changes of this route, from 1.
    pub revision: u64,
    /// When it was created (RFC 3339).
    pub created_at: String,
    /// When it was last changed (RFC 3339).
    pub updated_at: String,
    /// The shares of its traffic that rotations give to other secrets, beside the templates and outside the `ETag`; absent
    /// where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotations: Vec<RouteOverlay>,
}

/// What a rotation does to a route's traffic without changing its templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteOverlay {
    /// Which rotation.
    pub rotation: String,
    /// In which environment.
    pub environment: String,
    /// The secret that the templates name.
    pub outgoing: String,
    /// The secret that a share of the requests gets instead.
    pub incoming: String,
    /// The share.
    #[schema(example = "5%")]
    pub weight: String,
}

/// The base with all places of its `inject`, the empty ones as well: a reader need not ask which are there. What an
/// environment does not mention, it does not override, so that empty places stay out there.
fn whole<S: Serializer>(base: &RouteSettings, serializer: S) -> Result<S::Ok, S::Error> {
    let mut value = serde_json::to_value(base).map_err(S::Error::custom)?;
    if let Some(inject) = value.get_mut("inject").and_then(Value::as_object_mut) {
        for place in ["headers", "query", "body"] {
            inject.entry(place).or_insert_with(|| Value::Object(Map::new()));
        }
    }
    value.serialize(serializer)
}

/// Filters of the list of routes; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RouteQuery {
    /// Text to be found in name, description, tags or upstream, whatever the case.
    pub q: Option<String>,
    /// Only routes that are served in this environment.
    pub environment: Option<String>,
    /// Only routes that mention this secret.
    pub secret: Option<String>,
    /// Only with this label.
    pub tag: Option<String>,
    /// How many items at most: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    pub cursor: Option<String>,
}

/// One change of a route; the newest first in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RevisionItem {
    /// Its number, from 1.
    pub revision: u64,
    /// When (RFC 3339).
    pub at: String,
    /// Who.
    pub actor: String,
    /// What was done, such as `route.create`, `route.edit`, `route.roll-back`, `route.replace-secret`.
    pub action: String,
    /// What changed: a JSON Patch (RFC 6902) from the revision before to this one.
    #[schema(value_type = Vec<Object>)]
    pub diff: Value,
}

/// Which revision to go back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollBack {
    /// Its number. Going back makes a new revision with that one's content.
    #[schema(minimum = 1)]
    pub revision: u64,
}
