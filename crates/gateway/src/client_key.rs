//! Finds the client's key wherever an SDK puts one, and takes whatever carried it out of the request.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memmem;
use model::route::same_header;
use model::token;
use zeroize::Zeroizing;

/// The header that is for nothing else than the client's key.
pub(crate) const KEYROLL_KEY: &str = "keyroll-key";
/// Headers in which SDKs send an API key as it is.
const BARE: [&str; 2] = ["x-api-key", "api-key"];

/// The length of a key in bytes: `krk_` or `krs_`, 43 digits and 6 of the checksum.
const LENGTH: usize = 53;

/// The SHA-256 of a client's key.
pub(crate) type Digest = [u8; 32];

/// What a request carries in the place of a client's key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No key at all.
    Missing,
    /// Something that is no key of ours.
    Malformed,
    /// A key; whether it is a live one is for the snapshot to say.
    Key(Digest),
}

/// A request with two keys, or with one key header twice: two readers could see two different callers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous;

/// Takes the client's key out of the headers, with all headers that mean the same as the one that carried it.
pub(crate) fn take(headers: &mut HeaderMap) -> Result<Found, Ambiguous> {
    let mut carriers = Vec::new();
    let mut found = Found::Missing;
    for (name, value) in headers.iter() {
        let key = match carried(name, value) {
            Carried::Nothing => continue,
            Carried::Two => return Err(Ambiguous),
            Carried::One(key) => key,
        };
        if !carriers.is_empty() {
            return Err(Ambiguous);
        }
        carriers.push(name.clone());
        found = match std::str::from_utf8(&key) {
            Ok(text) if token::well_formed(text, token::CLIENT_KEY) => Found::Key(sha256(&key)),
            _ => Found::Malformed,
        };
    }
    let Some(carrier) = carriers.first() else { return Ok(Found::Missing) };
    let same: Vec<HeaderName> =
        headers.keys().filter(|name| same_header(name.as_str(), carrier.as_str())).cloned().collect();
    // A second value under the carrier's name, key or not, is read first by somebody.
    if same.iter().map(|name| headers.get_all(name).iter().count()).sum::<usize>() > 1 {
        return Err(Ambiguous);
    }
    for name in same {
        headers.remove(name);
    }
    // A copy of the key, or another one, at a place where we take none: an upstream would get it.
    if headers.values().any(carries) {
        return Err(Ambiguous);
    }
    Ok(found)
}

/// Whether a well-formed client key, or signing key, stands anywhere in a text.
pub(crate) fn holds(text: &[u8]) -> bool {
    let whole = |at: usize| std::str::from_utf8(text.get(at..at.checked_add(LENGTH)?)?).ok();
    let any = |prefix| memmem::find_iter(text, prefix).filter_map(whole).any(is_key);
    any(b"krk_") || any(b"krs_")
}

fn is_key(text: &str) -> bool {
    token::well_formed(text, token::CLIENT_KEY) || token::well_formed(text, token::SIGNING_KEY)
}

/// Whether a header's value holds a well-formed key, as it is or in basic credentials.
pub(crate) fn carries(value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    let (scheme, credentials) = credentials(value);
    holds(value) || (scheme.eq_ignore_ascii_case(b"basic") && decoded(credentials).is_some_and(|plain| holds(&plain)))
}

enum Carried {
    Nothing,
    One(Zeroizing<Vec<u8>>),
    Two,
}

fn carried(name: &HeaderName, value: &HeaderValue) -> Carried {
    let is = |wanted| same_header(name.as_str(), wanted);
    let value = value.as_bytes();
    if is(KEYROLL_KEY) {
        return one(value);
    }
    if BARE.into_iter().any(is) {
        return if is_ours(value) { one(value) } else { Carried::Nothing };
    }
    if !is(AUTHORIZATION.as_str()) {
        return Carried::Nothing;
    }
    let (scheme, rest) = credentials(value);
    if scheme.eq_ignore_ascii_case(b"bearer") && is_ours(rest) {
        return one(rest);
    }
    if scheme.eq_ignore_ascii_case(b"basic") { basic(rest) } else { Carried::Nothing }
}

/// A scheme and what follows it. Between them must be a space; many servers take a tab for one.
fn credentials(value: &[u8]) -> (&[u8], &[u8]) {
    let scheme = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let (scheme, rest) = value.split_at_checked(scheme).unwrap_or((value, &[]));
    (scheme, rest.trim_ascii())
}

fn one(key: &[u8]) -> Carried {
    Carried::One(Zeroizing::new(key.to_vec()))
}

/// Clients that write no padding exist; refusing their key would only look like a wrong one.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn decoded(credentials: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    BASE64.decode(credentials).ok().map(Zeroizing::new)
}

/// Basic authentication with the key as user name or as password (RFC 7617).
fn basic(credentials: &[u8]) -> Carried {
    let Some(plain) = decoded(credentials) else { return Carried::Nothing };
    let colon = plain.iter().position(|byte| *byte == b':').unwrap_or(plain.len());
    let (user, password) = plain.split_at_checked(colon).unwrap_or((&plain, &[]));
    let password = password.strip_prefix(b":").unwrap_or(password);
    match (is_ours(user), is_ours(password)) {
        (true, true) => Carried::Two,
        (true, false) => one(user),
        (false, true) => one(password),
        (false, false) => Carried::Nothing,
    }
}

fn is_ours(value: &[u8]) -> bool {
    value.starts_with(b"krk_")
}

fn sha256(key: &[u8]) -> Digest {
    let mut out = Digest::default();
    // SHA-256 has 32 bytes; were it otherwise, the digest would match no key.
    if let Ok(bytes) = digest(&SHA256, key).as_ref().try_into() {
        out = bytes;
    }
    out
}

#[cfg(test)]
mod replay;
#[cfg(test)]
mod tests;
