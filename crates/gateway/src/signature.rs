//! Clients that sign their requests instead of sending a key: what is signed, and whether it is right.
//!
//! ```text
//! Keyroll-Key-Id: key_…
//! Keyroll-Timestamp: seconds since 1970
//! Keyroll-Content-Sha256: SHA-256 of the body in hex
//! Keyroll-Signature: v1=HMAC-SHA256 in hex, with the text of the signing key (krs_…) as its key, of
//!     "v1\n" timestamp "\n" method "\n" path?query "\n" content-sha256 "\n" Keyroll-Environment
//! ```
//!
//! The last line is empty where no environment is asked for. Everything is signed as it is sent.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use http::HeaderMap;
use http::request::Parts;
use model::snapshot::{Caller, Snapshot};
use model::time::Timestamp;

use crate::admit::KEYROLL_ENVIRONMENT;
use crate::seen::Seen;
use crate::signed_body::BodyHash;

pub(crate) const KEYROLL_KEY_ID: &str = "keyroll-key-id";
pub(crate) const KEYROLL_TIMESTAMP: &str = "keyroll-timestamp";
pub(crate) const KEYROLL_CONTENT_SHA256: &str = "keyroll-content-sha256";
pub(crate) const KEYROLL_SIGNATURE: &str = "keyroll-signature";

/// How far a client's clock may be off, in seconds.
pub(crate) const TOLERANCE: i64 = 300;

/// Why a signature is not accepted. Only what anybody can see from the request itself is told apart: whether a key
/// exists, and whether it signed this, is one answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Incomplete,
    Untimely,
    Signature,
}

impl Wrong {
    pub(crate) fn detail(&self) -> &'static str {
        match self {
            Self::Incomplete => {
                "A signed request needs Keyroll-Key-Id, Keyroll-Timestamp (seconds since 1970), Keyroll-Content-Sha256 \
                 (hex) and Keyroll-Signature (v1= and hex), each once."
            }
            Self::Untimely => {
                "Keyroll-Timestamp is more than 300 s away from the gateway's clock; see the Date of this answer."
            }
            Self::Signature => {
                "The signature is not valid, or was used before. Sign each request anew, exactly as it is sent."
            }
        }
    }
}

/// Whether somebody tries to sign: with a signature it is, without a key.
pub(crate) fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key(KEYROLL_SIGNATURE) || headers.contains_key(KEYROLL_KEY_ID)
}

/// Whose signature a request carries, and which body was signed.
pub(crate) fn verify(
    parts: &Parts,
    snapshot: &Snapshot,
    seen: &Seen,
    now: Timestamp,
) -> Result<(Arc<Caller>, BodyHash), Wrong> {
    let claim = Claim::read(&parts.headers).ok_or(Wrong::Incomplete)?;
    let now_seconds = now.as_millis().div_euclid(1_000);
    if claim.timestamp.abs_diff(now_seconds) > TOLERANCE.unsigned_abs() {
        return Err(Wrong::Untimely);
    }
    let signer = snapshot.signers.get(claim.key_id).filter(|signer| signer.caller.client.is_live(now));
    // An unknown key takes as long as a known one.
    let key = signer.map_or(&[0; 32][..], |signer| signer.key.bytes());
    let signature = claim.sign(parts, key);
    let fits = verify_slices_are_equal(signature.as_ref(), &claim.signature).is_ok();
    let signer = signer.filter(|_| fits).ok_or(Wrong::Signature)?;
    if !seen.accept(claim.key_id, claim.timestamp, &claim.signature, now_seconds) {
        return Err(Wrong::Signature);
    }
    Ok((Arc::clone(&signer.caller), BodyHash::new(claim.content)))
}

/// What the headers of a signature say.
struct Claim<'a> {
    key_id: &'a str,
    timestamp: i64,
    timestamp_text: &'a str,
    content: [u8; 32],
    content_text: &'a str,
    signature: [u8; 32],
}

impl<'a> Claim<'a> {
    /// `None` where a header is missing, there twice, or not in its form.
    fn read(headers: &'a HeaderMap) -> Option<Self> {
        let only = |name: &str| {
            let mut values = headers.get_all(name).iter();
            let only = values.next()?.to_str().ok()?;
            values.next().is_none().then_some(only)
        };
        let timestamp_text = only(KEYROLL_TIMESTAMP)?;
        let content_text = only(KEYROLL_CONTENT_SHA256)?;
        let digits =
            (1..=12).contains(&timestamp_text.len()) && timestamp_text.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self {
            key_id: only(KEYROLL_KEY_ID)?,
            timestamp: timestamp_text.parse().ok().filter(|_| digits)?,
            timestamp_text,
            content: unhex(content_text)?,
            content_text,
            signature: unhex(only(KEYROLL_SIGNATURE)?.strip_prefix("v1=")?)?,
        })
    }

    fn sign(&self, parts: &Parts, key: &[u8]) -> aws_lc_rs::hmac::Tag {
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let environment = parts.headers.get(KEYROLL_ENVIRONMENT).map_or(&b""[..], |value| value.as_bytes());
        let mut context = Context::with_key(&Key::new(HMAC_SHA256, key));
        let lines = ["v1", self.timestamp_text, parts.method.as_str(), target, self.content_text];
        for line in lines {
            context.update(line.as_bytes());
            context.update(b"\n");
        }
        context.update(environment);
        context.sign()
    }
}

/// 32 bytes from 64 hex digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok())?;
            *byte = (*byte << 4) | value;
        }
    }
    Some(bytes)
}
