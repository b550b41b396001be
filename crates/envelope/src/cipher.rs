//! AES-256-GCM with a random nonce in front: the one place that encrypts and decrypts.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac::Tag;
use model::time::Entropy;
use zeroize::Zeroizing;

use crate::encoding::Fields;

/// The length of a key in bytes.
pub(crate) const KEY_LEN: usize = 32;
/// The length of a GCM tag in bytes.
const TAG_LEN: usize = 16;

/// By how many bytes a sealed value is longer than the value: nonce and tag.
pub const SEALED_OVERHEAD: usize = NONCE_LEN + TAG_LEN;

/// A 256-bit key, zeroed on drop; boxed, since a moved array would leave a copy of itself behind.
pub(crate) struct Key(Box<Zeroizing<[u8; KEY_LEN]>>);

impl Key {
    pub(crate) fn random(entropy: &dyn Entropy) -> Self {
        let mut key = Self(Box::default());
        entropy.fill(key.0.as_mut_slice());
        key
    }

    /// `None` where the length is not that of a key.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self(Box::default());
        if bytes.len() != KEY_LEN {
            return None;
        }
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    /// A key that follows from another by its MAC of a label.
    pub(crate) fn of_tag(tag: &Tag) -> Self {
        let mut key = Self(Box::default());
        key.0.copy_from_slice(tag.as_ref());
        key
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Nonce, ciphertext and tag.
    pub(crate) fn seal(&self, plaintext: &[u8], context: &Fields, entropy: &dyn Entropy) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        // Room for the tag from the start: a vector that grows would leave the plaintext behind.
        let mut body = Vec::with_capacity(plaintext.len() + TAG_LEN);
        body.extend_from_slice(plaintext);
        let done = self.cipher().and_then(|cipher| {
            let aad = Aad::from(context.bytes());
            cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
        });
        // Sealing fails for a key of the wrong length, which the type excludes, and for more than 2^36 bytes of
        // plaintext, where a value is at most 64 KiB. To go on without having sealed would be the worse answer.
        #[expect(clippy::expect_used, reason = "cannot fail, see above")]
        done.expect("AES-256-GCM takes a 256-bit key and a plaintext below 64 GiB");
        [&nonce, body.as_slice()].concat()
    }

    /// The plaintext, or `None` where anything at all differs from what was sealed.
    pub(crate) fn open(&self, sealed: &[u8], context: &Fields) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.cipher().ok()?.open_in_place(nonce, Aad::from(context.bytes()), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }

    fn cipher(&self) -> Result<LessSafeKey, Unspecified> {
        UnboundKey::new(&AES_256_GCM, self.bytes()).map(LessSafeKey::new)
    }
}
