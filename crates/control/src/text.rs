//! The characters of everything that a caller sends: refused here for all members at once, so that none can be forgotten.

use std::fmt;

use axum::http::StatusCode;
use axum::http::request::Parts;
use model::problem::{Finding, token};
use model::text::is_refused;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::refusal::Refusal;

/// Members that are no text of ours: a secret's value has rules of its own and must not be copied, and the body of a test
/// is sent as it is.
const FREE: [&str; 3] = ["/value", "/body", "/incoming/value"];

/// Refuses a body in which a text, or a member's name, holds a control character other than tabs and line breaks.
pub(crate) fn check_body(bytes: &[u8]) -> Result<(), Refusal> {
    let mut found = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    // What is no JSON was refused before.
    let _ = Scan { at: "", found: &mut found }.deserialize(&mut reader);
    if found.is_empty() { Ok(()) } else { Err(Refusal::members(found)) }
}

/// Refuses control characters in the address: no name has one, and not every database takes them.
pub(crate) fn check_address(parts: &Parts) -> Result<(), Refusal> {
    if parts.uri.path().as_bytes().windows(3).any(is_control_escape) {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "path-invalid",
            "The address cannot be read",
            "the path holds a control character",
        ));
    }
    let pairs: Vec<(String, String)> =
        serde_html_form::from_str(parts.uri.query().unwrap_or_default()).unwrap_or_default();
    let bad = |text: &str| text.chars().any(char::is_control);
    match pairs.iter().find(|(name, value)| bad(name) || bad(value)) {
        None => Ok(()),
        Some((name, _)) if bad(name) => {
            Err(Refusal::member("", "query-invalid", "a parameter's name holds a control character"))
        }
        Some((name, _)) => {
            Err(Refusal::member(format!("/{}", token(name)), "query-invalid", "holds a control character"))
        }
    }
}

/// `%00` to `%1F`, and `%7F`.
fn is_control_escape(piece: &[u8]) -> bool {
    matches!(piece, [b'%', b'0' | b'1', last] if last.is_ascii_hexdigit()) || matches!(piece, [b'%', b'7', b'f' | b'F'])
}

/// Walks through a document without keeping any of it.
struct Scan<'a> {
    /// The JSON Pointer to where it stands.
    at: &'a str,
    found: &'a mut Vec<Finding>,
}

impl Scan<'_> {
    fn text(&mut self, text: &str, what: &str) {
        if text.chars().any(is_refused) {
            self.found.push(Finding::new(self.at, "text-invalid", what));
        }
    }
}

impl<'de> DeserializeSeed<'de> for Scan<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        if FREE.contains(&self.at) {
            return reader.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scan<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        self.text(text, "holds a control character");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for index in 0_usize.. {
            let at = format!("{}/{index}", self.at);
            if items.next_element_seed(Scan { at: &at, found: self.found })?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            self.text(&name, "has a member whose name holds a control character");
            let at = format!("{}/{}", self.at, token(&name));
            members.next_value_seed(Scan { at: &at, found: self.found })?;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn bodies() {
        for (body, pointers) in [
            (r#"{"a": "b\tc\r\nd", "n": [1, -1, 1.5, true, null]}"#, vec![]),
            (r#"{"value": "a\u0000b", "body": "a\u001bb"}"#, vec![]),
            (r#"{"inner": {"value": "a\u0000b"}}"#, vec!["/inner/value"]),
            (r#"{"a": "\u0000", "b": {"c/d": ["x", "\u007f", "\u009b"]}}"#, vec!["/a", "/b/c~1d/1", "/b/c~1d/2"]),
            (r#"{"b": {"x\u0001": 1}}"#, vec!["/b"]),
            (r#"["\u0008"]"#, vec!["/0"]),
            ("no JSON", vec![]),
        ] {
            let found = check_body(body.as_bytes()).err().map(|refusal| refusal.problem.errors).unwrap_or_default();
            assert_eq!(found.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), pointers, "{body}");
            assert!(found.iter().all(|error| error.code == "text-invalid"));
        }
    }

    #[test]
    fn addresses() {
        for (address, code) in [
            ("/v1/secrets/a%C3%A9?q=a+b%20c", None),
            ("/v1/secrets/a%00b", Some("path-invalid")),
            ("/v1/secrets/a%1bb", Some("path-invalid")),
            ("/v1/secrets/a%7F", Some("path-invalid")),
            ("/v1/secrets?q=a%00", Some("query-invalid")),
            ("/v1/secrets?q%0A=a", Some("query-invalid")),
            ("/v1/secrets?limit=1&tag=%C2%9B", Some("query-invalid")),
        ] {
            let (parts, ()) = Request::get(address).body(()).unwrap().into_parts();
            let found = check_address(&parts).err().map(|refusal| refusal.problem.code);
            assert_eq!(found.as_deref(), code, "{address}");
        }
    }
}
