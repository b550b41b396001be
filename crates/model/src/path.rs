//! The canonical path that policies are decided on, and the patterns that policies are written in.
//!
//! The upstream gets the path as the client sent it. A policy sees it decoded once. The two can only part where
//! servers disagree on how to read a path, and every such path is refused, not repaired.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a request's path has no canonical form that every server would agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with `/`.
    #[error("the path does not begin with /")]
    Relative,
    /// `?` or `#` as such: they end a path.
    #[error("the path holds an unencoded ? or #")]
    Delimiter,
    /// `%` without two hexadecimal digits.
    #[error("the path has a % that is not followed by two hexadecimal digits")]
    BrokenEncoding,
    /// The decoded bytes are not UTF-8; overlong spellings of `.` and `/` are among these.
    #[error("the path is not UTF-8 once it is decoded")]
    NotUtf8,
    /// NUL, as such or encoded.
    #[error("the path holds a NUL")]
    Nul,
    /// Another control byte (below 0x20, or 0x7f), as such or encoded.
    #[error("the path holds a control character")]
    Control,
    /// `%2f`.
    #[error("the path holds an encoded slash (%2F)")]
    EncodedSlash,
    /// `%5c`.
    #[error("the path holds an encoded backslash (%5C)")]
    EncodedBackslash,
    /// `\`.
    #[error("the path holds a backslash")]
    Backslash,
    /// A dot, slash, backslash or control character that is encoded more than once, such as `%252e`.
    #[error("the path holds a dot, slash, backslash or control character that is encoded more than once")]
    DoubleEncoding,
    /// A segment `.` or `..`, in any spelling: `%2e`, followed by `;`, or with spaces around it.
    #[error("the path holds a dot segment (. or ..)")]
    DotSegment,
}

/// The canonical form of a request's path: `raw` decoded once. `raw` is without query and begins with `/`.
///
/// Kept as they are: letter case, a slash at the end, empty segments (`//` stays `//`, and no pattern takes an empty
/// segment for a name), and `;` with what follows it. `%2e` within a name (`a%2eb`) is a dot like any other.
///
/// # Errors
///
/// [`PathError`] for each path that another server might read differently; the gateway answers 400. Paths that do not
/// decode to UTF-8 are among them.
pub fn canonical(raw: &str) -> Result<String, PathError> {
    if !raw.starts_with('/') {
        return Err(PathError::Relative);
    }
    let decoded = String::from_utf8(decode(raw)?).map_err(|_| PathError::NotUtf8)?;
    let innermost = decode_fully(&decoded)?;
    if has_dot_segment(decoded.as_bytes()) {
        return Err(PathError::DotSegment);
    }
    if has_dot_segment(&innermost) {
        return Err(PathError::DoubleEncoding);
    }
    Ok(decoded)
}

/// Decodes once, refusing what is dangerous as a byte.
fn decode(raw: &str) -> Result<Vec<u8>, PathError> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let encoded = byte == b'%';
        let byte = if encoded {
            let digits = (bytes.next().and_then(hex), bytes.next().and_then(hex));
            let (Some(high), Some(low)) = digits else {
                return Err(PathError::BrokenEncoding);
            };
            high << 4 | low
        } else {
            byte
        };
        match byte {
            0 => return Err(PathError::Nul),
            b'/' if encoded => return Err(PathError::EncodedSlash),
            b'\\' if encoded => return Err(PathError::EncodedBackslash),
            b'\\' => return Err(PathError::Backslash),
            b'?' | b'#' if !encoded => return Err(PathError::Delimiter),
            _ if byte.is_ascii_control() => return Err(PathError::Control),
            _ => out.push(byte),
        }
    }
    Ok(out)
}

/// Decodes what is decoded once already until nothing is left to decode, as careless servers in a row would.
///
/// One pass does it: encoded bytes cannot overlap, so the order in which they are decoded makes no difference, and
/// looking at the last three bytes after each one finds them all.
fn decode_fully(decoded: &str) -> Result<Vec<u8>, PathError> {
    let mut out: Vec<u8> = Vec::with_capacity(decoded.len());
    for byte in decoded.bytes() {
        out.push(byte);
        while let [.., b'%', high, low] = *out.as_slice()
            && let (Some(high), Some(low)) = (hex(high), hex(low))
        {
            let byte = high << 4 | low;
            if matches!(byte, b'.' | b'/' | b'\\') || byte.is_ascii_control() {
                return Err(PathError::DoubleEncoding);
            }
            out.truncate(out.len().saturating_sub(3));
            out.push(byte);
        }
    }
    Ok(out)
}

/// Whether a segment is `.` or `..`, also where something takes `;` and what follows, or spaces, off it.
fn has_dot_segment(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|segment| {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        matches!(name.trim_ascii(), b"." | b"..")
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Why a text is not a path pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It does not begin with `/`.
    #[error("does not begin with /")]
    Relative,
    /// `*` beside other characters in one segment, or more than two.
    #[error("has a * beside other characters: * stands for one whole segment, ** at the end for any rest")]
    PartialWildcard,
    /// `**` before the last segment.
    #[error("has ** before its end: only the last segment may be **")]
    RestNotLast,
    /// `%` and two hexadecimal digits.
    #[error("is percent-encoded; write the characters themselves, since a path is compared decoded")]
    Encoded,
    /// `?` or `#`: a query is not part of the path.
    #[error("has a ? or #; only the path is compared, without the query")]
    Delimiter,
    /// A character or segment that no canonical path has: control characters, `\`, `.` and `..`.
    #[error("can never match: paths with control characters, backslashes or the segments . and .. are refused")]
    Unreachable,
}

/// A pattern for canonical paths.
///
/// | pattern | matches | does not match |
/// |---|---|---|
/// | `/v1/charges` | `/v1/charges` | `/v1/charges/`, `/V1/charges` |
/// | `/v1/*/refunds` | `/v1/ch_1/refunds` | `/v1//refunds`, `/v1/a/b/refunds` |
/// | `/v1/**` | `/v1`, `/v1/`, `/v1/charges/ch_1` | `/v10`, `/v1;x/charges` |
///
/// `*` is one whole segment that is not empty, `**` any rest (none included) and only the last segment. Patterns are
/// written decoded and compared byte for byte.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PathPattern(String);

impl PathPattern {
    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches a path that [`canonical`] made.
    #[must_use]
    pub fn matches(&self, canonical: &str) -> bool {
        let mut segments = canonical.split('/');
        for wanted in self.0.split('/') {
            if wanted == "**" {
                return true;
            }
            match segments.next() {
                Some(found) if wanted == "*" && !found.is_empty() => {}
                Some(found) if wanted == found && wanted != "*" => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

impl FromStr for PathPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let segments = text.strip_prefix('/').ok_or(PatternError::Relative)?;
        if text.contains(['?', '#']) {
            return Err(PatternError::Delimiter);
        }
        let encoded = |window: &[u8]| matches!(*window, [b'%', a, b] if hex(a).is_some() && hex(b).is_some());
        if text.as_bytes().windows(3).any(encoded) {
            return Err(PatternError::Encoded);
        }
        let mut rest_seen = false;
        for segment in segments.split('/') {
            if rest_seen {
                return Err(PatternError::RestNotLast);
            }
            rest_seen = segment == "**";
            if segment.contains('*') && !rest_seen && segment != "*" {
                return Err(PatternError::PartialWildcard);
            }
        }
        let refused = |c: char| c == '\\' || c.is_ascii_control();
        if text.contains(refused) || has_dot_segment(text.as_bytes()) {
            return Err(PatternError::Unreachable);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for PathPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PathPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
