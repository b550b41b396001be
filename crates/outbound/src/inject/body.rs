//! Members of a JSON body: set without touching a byte of the client's other values.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};
use model::route::same_header;
use model::snapshot::BoundText;
use model::template::Facts;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::InjectError;

/// What the headers of a request say about its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Announced {
    /// Nothing of JSON.
    Other,
    /// `application/json` or `…+json`, as it is: members can be put into it.
    Json,
    /// Some reader would take it for JSON, but it is encoded, or another reader would take it for something else.
    Unreadable,
}

/// What the headers say about the body. To be asked before hop-by-hop headers go, for `Connection` may name
/// `Content-Type`, and after headers were injected, for `Content-Type` may be among them; the greater answer counts.
#[must_use]
pub fn announced(headers: &HeaderMap) -> Announced {
    let all = |wanted: HeaderName| {
        let same = headers.iter().filter(move |(name, _)| same_header(name.as_str(), wanted.as_str()));
        same.map(|(_, value)| value.as_bytes())
    };
    if !all(CONTENT_TYPE).flat_map(|value| value.split(|byte| *byte == b',')).any(names_json) {
        return Announced::Other;
    }
    let mut codings = all(CONTENT_ENCODING).flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let plain = codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"));
    let mut kinds = all(CONTENT_TYPE);
    match (kinds.next(), kinds.next()) {
        (Some(only), None) if plain && names_json(only) => Announced::Json,
        _ => Announced::Unreadable,
    }
}

fn names_json(kind: &[u8]) -> bool {
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    essence == b"application/json"
        || (essence.ends_with(b"+json") && essence.contains(&b'/') && !essence.contains(&b','))
}

/// Sets the members of a route in a JSON body.
///
/// A name that begins with `/` is a JSON Pointer (RFC 6901): objects that are missing on its way are made, elements
/// of an array must exist. Any other name is a member of the object that the body is. What the client sent there,
/// however often, is left out. Other values keep their bytes and their order; white space between them goes.
///
/// # Errors
/// [`InjectError::NotJson`], [`InjectError::NoSuchPlace`].
pub fn inject_body(body: &[u8], injected: &[BoundText], facts: &Facts<'_>) -> Result<Bytes, InjectError> {
    let text = std::str::from_utf8(body).map_err(|_| InjectError::NotJson)?;
    serde_json::from_str::<Members<'_>>(text).map_err(|_| InjectError::NotJson)?;
    let mut current = Cow::Borrowed(text);
    for bound in injected {
        let mut value = String::new();
        bound.value.fill_text(facts, &mut value);
        let value = serde_json::to_string(&value).map_err(|_| InjectError::NotJson)?;
        let way = way(&bound.name);
        let set = set(&current, &way, &value);
        current = Cow::Owned(set.ok_or_else(|| InjectError::NoSuchPlace(bound.name.clone()))?);
    }
    Ok(Bytes::from(current.into_owned()))
}

/// The tokens on the way to a member.
fn way(name: &str) -> Vec<Cow<'_, str>> {
    match name.strip_prefix('/') {
        None => vec![Cow::Borrowed(name)],
        Some(pointer) => pointer.split('/').map(|token| token.replace("~1", "/").replace("~0", "~").into()).collect(),
    }
}

/// `json` with `value` at the end of `way`; nothing where a value on the way has no such member.
fn set(json: &str, way: &[Cow<'_, str>], value: &str) -> Option<String> {
    let Some((token, rest)) = way.split_first() else {
        return Some(value.to_owned());
    };
    if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(json) {
        return set_element(&elements, token, rest, value);
    }
    let Members(members) = serde_json::from_str(json).ok()?;
    let name: &str = token;
    // The last of several is the one that most readers would have seen.
    let before = members.iter().rev().find(|(key, _)| key == name).map_or("{}", |(_, raw)| raw.get());
    let new = set(before, rest, value)?;
    let mut out = String::with_capacity(json.len() + value.len() + name.len() + 8);
    let mut written = false;
    for (key, raw) in &members {
        if key != name {
            push(&mut out, key, raw.get())?;
        } else if !std::mem::replace(&mut written, true) {
            push(&mut out, key, &new)?;
        }
    }
    if !written {
        push(&mut out, name, &new)?;
    }
    out.push('}');
    Some(out)
}

fn push(out: &mut String, key: &str, value: &str) -> Option<()> {
    out.push(if out.is_empty() { '{' } else { ',' });
    out.push_str(&serde_json::to_string(key).ok()?);
    out.push(':');
    out.push_str(value);
    Some(())
}

fn set_element(elements: &[&RawValue], token: &str, rest: &[Cow<'_, str>], value: &str) -> Option<String> {
    let canonical = token == "0" || !token.starts_with(['0', '+']);
    let wanted: usize = token.parse().ok().filter(|_| canonical)?;
    let new = set(elements.get(wanted)?.get(), rest, value)?;
    let list = elements.iter().enumerate();
    let list: Vec<&str> = list.map(|(at, raw)| if at == wanted { new.as_str() } else { raw.get() }).collect();
    Some(format!("[{}]", list.join(",")))
}

/// An object's members in their order, values as the client wrote them: a number keeps its digits.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}
