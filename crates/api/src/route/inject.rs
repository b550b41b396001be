//! What a route adds to a request: headers, query parameters, members of a JSON body.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// What is added to each request. An environment overrides entry by entry; `false` switches one off there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Inject {
    /// Headers by name.
    #[serde(default, deserialize_with = "map_or_null", skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(
        value_type = Option<BTreeMap<String, HeaderValue>>,
        example = json!({"Authorization": "Bearer {{stripe_api_key}}"})
    )]
    pub headers: BTreeMap<String, HeaderValue>,
    /// Query parameters by name.
    #[serde(default, deserialize_with = "map_or_null", skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Option<BTreeMap<String, PlainValue>>)]
    pub query: BTreeMap<String, PlainValue>,
    /// Members of a JSON body (POST, PUT, PATCH) by name.
    #[serde(default, deserialize_with = "map_or_null", skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Option<BTreeMap<String, PlainValue>>)]
    pub body: BTreeMap<String, PlainValue>,
}

/// A header's value: a template, `{"basic": …}`, or `false` to switch it off in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum HeaderValue {
    /// A template, such as `Bearer {{stripe_api_key}}`.
    Template(String),
    /// Basic authentication.
    Basic {
        /// User name and password.
        basic: BasicAuth,
    },
    /// `false`: not added in this environment.
    Off(#[schema(inline)] False),
}

/// The value of a query parameter or body member: a template, or `false` to switch it off in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PlainValue {
    /// A template, such as `{{maps_api_key}}`.
    Template(String),
    /// `false`: not added in this environment.
    Off(#[schema(inline)] False),
}

/// The value `false` and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct False;

/// Basic authentication (RFC 7617), both parts templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    /// The user name; may be empty, must not hold a colon.
    pub username: String,
    /// The password; may be empty.
    pub password: String,
}

impl PartialSchema for False {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false])).into()
    }
}

impl ToSchema for False {}

impl Serialize for False {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(false)
    }
}

fn map_or_null<'de, D, V>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BasicObject {
    basic: BasicAuth,
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = HeaderValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a template, {\"basic\": {\"username\", \"password\"}} or false")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<HeaderValue, E> {
        Ok(HeaderValue::Template(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<HeaderValue, E> {
        only_false(flag, &self).map(HeaderValue::Off)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HeaderValue, A::Error> {
        let BasicObject { basic } = BasicObject::deserialize(MapAccessDeserializer::new(map))?;
        Ok(HeaderValue::Basic { basic })
    }
}

struct PlainVisitor;

impl Visitor<'_> for PlainVisitor {
    type Value = PlainValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a template or false")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<PlainValue, E> {
        Ok(PlainValue::Template(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<PlainValue, E> {
        only_false(flag, &self).map(PlainValue::Off)
    }
}

fn only_false<E: de::Error>(flag: bool, expected: &dyn de::Expected) -> Result<False, E> {
    if flag { Err(E::invalid_value(de::Unexpected::Bool(true), expected)) } else { Ok(False) }
}

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeaderVisitor)
    }
}

impl<'de> Deserialize<'de> for PlainValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor)
    }
}
