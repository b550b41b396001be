//! Writes a struct of options as a query string.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

/// The members of `query` that are given, as `?a=b&c=d`; empty where none is.
///
/// Members may be text, numbers and booleans; `null` and others are left out.
#[must_use]
pub fn query_string<Q: Serialize>(query: &Q) -> String {
    let Ok(Value::Object(members)) = serde_json::to_value(query) else {
        return String::new();
    };
    let mut out = String::new();
    for (name, value) in members {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        out.push(if out.is_empty() { '?' } else { '&' });
        out.push_str(&percent_encode(&name));
        out.push('=');
        out.push_str(&percent_encode(&text));
    }
    out
}

/// `text` with everything but RFC 3986's unreserved characters percent-encoded: fit for one path segment or one query value.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_given_members_are_written_and_escaped() {
        #[derive(Serialize)]
        struct Q {
            q: Option<&'static str>,
            limit: Option<u32>,
            unreferenced: Option<bool>,
            from: Option<&'static str>,
        }
        let query = Q { q: Some("a b&c=ä"), limit: Some(7), unreferenced: Some(true), from: None };
        assert_eq!(query_string(&query), "?limit=7&q=a%20b%26c%3D%C3%A4&unreferenced=true");
        assert_eq!(query_string(&Q { q: None, limit: None, unreferenced: None, from: None }), "");
    }
}
