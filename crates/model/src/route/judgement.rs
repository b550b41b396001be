//! How an upstream's answers judge a credential.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// One sign in an answer: a status, a class of statuses, or a status with something in a header or the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Exactly this status.
    Status(u16),
    /// All statuses of a class, 1 to 5.
    Class(u16),
    /// This status, and the first 4 KiB of the body contain the text.
    Body {
        /// The status.
        status: u16,
        /// The text.
        contains: String,
    },
    /// This status, and each of these headers has exactly this value.
    Header {
        /// The status.
        status: u16,
        /// Names in lower case and values.
        headers: Vec<(String, String)>,
    },
}

/// The rules of one route and environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Signs of a living credential.
    pub alive: Vec<Rule>,
    /// Signs of a dead one.
    pub dead: Vec<Rule>,
}

/// Why a text or object is not a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a rule: give a status (401), a class (\"2xx\"), or an object of status with body_contains or header")]
pub struct RuleError;

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        match text.as_bytes() {
            [class @ b'1'..=b'5', b'x', b'x'] => Ok(Self::Class(u16::from(class - b'0'))),
            _ => text.parse().map_err(|_| RuleError).and_then(status).map(Self::Status),
        }
    }
}

fn status(number: u64) -> Result<u16, RuleError> {
    u16::try_from(number).ok().filter(|status| (100..600).contains(status)).ok_or(RuleError)
}

impl Rule {
    /// Reads a rule from its wire form.
    ///
    /// # Errors
    /// Where it is none of the four forms.
    pub fn from_value(value: &Value) -> Result<Self, RuleError> {
        match value {
            Value::Number(number) => number.as_u64().ok_or(RuleError).and_then(status).map(Self::Status),
            Value::String(text) => text.parse(),
            Value::Object(members) => {
                let status = members.get("status").and_then(Value::as_u64).ok_or(RuleError).and_then(status)?;
                match (members.get("body_contains"), members.get("header"), members.len()) {
                    (Some(Value::String(contains)), None, 2) if !contains.is_empty() && contains.len() <= 256 => {
                        Ok(Self::Body { status, contains: contains.clone() })
                    }
                    (None, Some(Value::Object(headers)), 2) if !headers.is_empty() => {
                        let pair = |(name, value): (&String, &Value)| {
                            Some((name.to_ascii_lowercase(), value.as_str()?.to_owned()))
                        };
                        let headers: Option<Vec<_>> = headers.iter().map(pair).collect();
                        Ok(Self::Header { status, headers: headers.ok_or(RuleError)? })
                    }
                    _ => Err(RuleError),
                }
            }
            _ => Err(RuleError),
        }
    }

    /// The wire form.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Status(status) => Value::from(*status),
            Self::Class(class) => Value::from(format!("{class}xx")),
            Self::Body { status, contains } => serde_json::json!({"status": status, "body_contains": contains}),
            Self::Header { status, headers } => {
                let headers: serde_json::Map<_, _> =
                    headers.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect();
                serde_json::json!({"status": status, "header": headers})
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_value())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_read_and_write_their_wire_form() {
        for wire in [
            json!(401),
            json!("2xx"),
            json!({"status": 200, "body_contains": "invalid_auth"}),
            json!({"status": 403, "header": {"x-error": "dead"}}),
        ] {
            assert_eq!(Rule::from_value(&wire).unwrap().to_value(), wire);
        }
        for wire in [
            json!(99),
            json!(600),
            json!("6xx"),
            json!("x"),
            json!(true),
            json!({"status": 200}),
            json!({"status": 200, "body_contains": ""}),
            json!({"status": 200, "header": {"a": 1}}),
        ] {
            assert_eq!(Rule::from_value(&wire), Err(RuleError), "{wire}");
        }
    }
}
