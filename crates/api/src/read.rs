//! Reads a request body, and says what is wrong with it without repeating what it holds.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use self::strict::Strict;

mod strict;

/// Why a body could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is not JSON at all; for a 400.
    #[error("the body is not JSON (line {line}, column {column})")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A member has the wrong shape; for a 422.
    #[error("{pointer}: {detail}")]
    Member {
        /// A JSON Pointer to it; empty for the whole body.
        pointer: String,
        /// The rule as a stable, kebab-case name: `member-unknown`, `member-missing`, `member-repeated` or `member-invalid`.
        code: &'static str,
        /// The rule in words; never what the body holds there.
        detail: String,
    },
}

/// A body without members, for requests that take none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The body as `T`, or the first thing that is wrong with it.
///
/// # Errors
/// [`ReadError::NotJson`] where it cannot be read, [`ReadError::Member`] where it has another shape than `T`.
pub fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, ReadError> {
    // Once through for the syntax alone: a member of the wrong shape must not hide that the rest is not JSON.
    serde_json::from_slice::<IgnoredAny>(body)
        .map_err(|error| ReadError::NotJson { line: error.line(), column: error.column() })?;
    let mut json = serde_json::Deserializer::from_slice(body);
    shaped(&mut json)
}

/// The same for a document that was parsed before, such as one that a merge patch was applied to.
///
/// # Errors
/// [`ReadError::Member`] where it has another shape than `T`.
pub fn read_value<T: for<'de> Deserialize<'de>>(document: serde_json::Value) -> Result<T, ReadError> {
    shaped(document)
}

/// The document as `T`. A list does not pass for an object, as it would with serde alone.
fn shaped<'de, T, D>(json: D) -> Result<T, ReadError>
where
    T: Deserialize<'de>,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(Strict(json)).map_err(|error| {
        let mut pointer = String::new();
        for segment in error.path() {
            push_segment(&mut pointer, segment);
        }
        told(error.inner(), pointer)
    })
}

fn push_segment(pointer: &mut String, segment: &serde_path_to_error::Segment) {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => {
            pointer.push('/');
            pointer.push_str(&index.to_string());
        }
        Segment::Map { key } => {
            pointer.push('/');
            pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        }
        // The tag of an enum is a member on the wire.
        Segment::Enum { variant } => {
            pointer.push('/');
            pointer.push_str(variant);
        }
        Segment::Unknown => {}
    }
}

/// What is wrong with a document that is JSON. For a word in the wrong shape serde_json reports a fault of syntax
/// (`expected value`), which it is not: the document was read whole before.
fn told(error: &serde_json::Error, pointer: String) -> ReadError {
    if error.classify() != Category::Data {
        let detail = "this is not what is expected here".to_owned();
        return ReadError::Member { pointer, code: "member-invalid", detail };
    }
    let (code, detail, member) = rule(&error.to_string());
    let pointer = match member {
        Some(member) if !pointer.ends_with(&format!("/{member}")) => format!("{pointer}/{member}"),
        _ => pointer,
    };
    ReadError::Member { pointer, code, detail }
}

/// The rule in serde's words, without the value that serde quotes.
fn rule(message: &str) -> (&'static str, String, Option<String>) {
    let message = message.rsplit_once(" at line ").map_or(message, |(text, _)| text);
    let quoted = |prefix: &str| message.strip_prefix(prefix).and_then(|rest| rest.split_once('`'));
    if let Some((member, _)) = quoted("missing field `") {
        return ("member-missing", "this member is required".to_owned(), Some(member.to_owned()));
    }
    if let Some((member, _)) = quoted("duplicate field `") {
        return ("member-repeated", "this member is given twice".to_owned(), Some(member.to_owned()));
    }
    if message.starts_with("unknown field `") {
        let known = message.rsplit_once("`, expected ").map_or("there are no members here", |(_, known)| known);
        return ("member-unknown", format!("there is no such member; expected {}", known.replace('`', "")), None);
    }
    // "invalid type: string \"…\", expected u32", "unknown variant `…`, expected one of `a`, `b`": what is
    // quoted may be a secret's value in the wrong place, so only the end of the sentence is kept.
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => ("member-invalid", format!("expected {}", plain(expected)), None),
        None => ("member-invalid", "this is not what is expected here".to_owned(), None),
    }
}

/// Rust's words for shapes, in JSON's.
fn plain(expected: &str) -> String {
    match expected {
        "u16" | "u32" | "u64" => "a whole number that is not negative".to_owned(),
        "i64" => "a whole number".to_owned(),
        "a sequence" => "a list".to_owned(),
        // A variant with members is an object with the variant's name as its one member.
        "a map" | "newtype variant" => "an object".to_owned(),
        "a boolean" => "true or false".to_owned(),
        other if other.starts_with("struct ") => "an object".to_owned(),
        other => other.replace('`', ""),
    }
}

#[cfg(test)]
mod tests;
