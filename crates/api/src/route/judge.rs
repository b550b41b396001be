//! How an upstream's answer judges the credential that was sent.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// An answer that says something about the credential: a status (`401`), a class (`"2xx"`) or a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Judgement {
    /// Exactly this status.
    Status(u16),
    /// A class of statuses, `1xx` to `5xx`.
    Class(String),
    /// A status together with something in the head or in the first 4 KiB of the body.
    Rule(AnswerRule),
}

/// A status together with something in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerRule {
    /// Exactly this status.
    #[schema(minimum = 100, maximum = 599)]
    pub status: u16,
    /// Text to be found in the first 4 KiB of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "invalid_auth")]
    pub body_contains: Option<String>,
    /// Headers with exactly these values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<BTreeMap<String, String>>,
}

struct JudgementVisitor;

impl<'de> Visitor<'de> for JudgementVisitor {
    type Value = Judgement;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status, a class such as \"2xx\" or {\"status\", \"body_contains\", \"header\"}")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Judgement, E> {
        match u16::try_from(number) {
            Ok(status) => Ok(Judgement::Status(status)),
            Err(_) => Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Judgement, E> {
        Ok(Judgement::Class(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Judgement, A::Error> {
        AnswerRule::deserialize(MapAccessDeserializer::new(map)).map(Judgement::Rule)
    }
}

impl<'de> Deserialize<'de> for Judgement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JudgementVisitor)
    }
}
