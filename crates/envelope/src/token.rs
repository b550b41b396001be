//! Issue client keys and admin tokens, and digest them for storage.

use aws_lc_rs::digest::{SHA256, digest as hash};
use model::time::Entropy;
use zeroize::Zeroizing;

/// A new token of 32 random bytes; `prefix` is [`model::token::CLIENT_KEY`] or [`model::token::ADMIN_TOKEN`],
/// whose module describes the form.
#[must_use]
pub fn issue(prefix: &str, entropy: &dyn Entropy) -> Zeroizing<String> {
    let mut random = Zeroizing::new([0; 32]);
    entropy.fill(random.as_mut_slice());
    Zeroizing::new(model::token::encode(prefix, &random))
}

/// What is stored of a token: SHA-256 of its text.
///
/// A bare hash is enough, since nobody can search 2^256 tokens; neither salt nor slow hash adds anything. A token
/// that a person chose (the bootstrap token) has no more strength than that person gave it.
#[must_use]
pub fn digest(token: &str) -> [u8; 32] {
    let hashed = hash(&SHA256, token.as_bytes());
    let mut digest = [0; 32];
    digest.copy_from_slice(hashed.as_ref());
    digest
}
