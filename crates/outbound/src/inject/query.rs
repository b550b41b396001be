//! The request target: base path, the client's path, its query with injected parameters in it.

use http::Uri;
use model::snapshot::BoundText;
use model::template::Facts;
use model::upstream::Upstream;

use super::InjectError;

/// The target of the request to the upstream, in origin form: the upstream's base path, the client's path byte for
/// byte, and its query byte for byte but for the injected parameters: what the client sent under their names is left
/// out, and they are appended.
///
/// # Errors
/// [`InjectError::Target`] where the outcome is no request target (above all: longer than 64 KiB).
pub fn inject_target(
    upstream: &Upstream,
    path: &str,
    query: Option<&str>,
    injected: &[BoundText],
    facts: &Facts<'_>,
) -> Result<Uri, InjectError> {
    let mut target = upstream.target(path);
    if injected.is_empty() {
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
    } else {
        target.push('?');
        target.push_str(&merge(query.unwrap_or_default(), injected, facts));
    }
    Uri::try_from(target).map_err(|_| InjectError::Target)
}

fn merge(query: &str, injected: &[BoundText], facts: &Facts<'_>) -> String {
    let mut merged = String::with_capacity(query.len() + 64);
    let mut first = true;
    // Some servers separate parameters at a semicolon too, and would see a second one there.
    for piece in query.split_inclusive(['&', ';']) {
        let (parameter, separator) = match piece.strip_suffix(['&', ';']) {
            Some(parameter) => (parameter, piece.get(parameter.len()..).unwrap_or_default()),
            None => (piece, ""),
        };
        let name = decode(parameter.split('=').next().unwrap_or_default());
        if injected.iter().any(|bound| bound.name.as_bytes() == name) {
            continue;
        }
        merged.push_str(parameter);
        merged.push_str(separator);
        first = false;
    }
    for bound in injected {
        if !first && !merged.ends_with('&') {
            merged.push('&');
        }
        first = false;
        encode(&bound.name, &mut merged);
        merged.push('=');
        bound.value.fill_text(facts, &mut merged);
    }
    merged
}

/// A parameter's name as servers see it: `+` is a space, `%XX` a byte, anything else itself.
fn decode(name: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'%', [high, low, beyond @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = beyond;
                }
                _ => decoded.push(b'%'),
            },
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(*byte),
        }
    }
    decoded
}

fn digit(hex: u8) -> Option<u8> {
    char::from(hex).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Percent-encodes all but the unreserved characters (RFC 3986 section 2.3).
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 0x0f] {
                let digit = char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                out.push(digit.to_ascii_uppercase());
            }
        }
    }
}
