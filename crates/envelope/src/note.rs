//! Signed checkpoints of the audit, in the form of C2SP's tlog-checkpoint and signed-note: text that other tools can check.
//!
//! ```text
//! keyroll/5f0c9a7e1b2d3c4f
//! 1042
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — keyroll/5f0c9a7e1b2d3c4f Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::encoding::hex;

/// What a checkpoint says: so many events, with this root of their Merkle tree (RFC 9162).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: the name of the key that signs it.
    pub origin: String,
    /// How many events.
    pub size: u64,
    /// The root of the tree over them.
    pub root: [u8; 32],
}

/// The key that signs checkpoints of one database. It follows from the key of fingerprints, so that it stays the same when
/// the KEK changes and when the database is moved.
pub struct AuditKey {
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

/// The public half of an [`AuditKey`], with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: [u8; 32],
}

/// Why a text is not a checkpoint that this key has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not the public key of a signed note.
    #[error("the public key is not one of a signed note (name+hash+key)")]
    Key,
    /// Not a checkpoint.
    #[error("is not a checkpoint")]
    Form,
    /// Signed by nobody, or by another key.
    #[error("is not signed by this key")]
    Unsigned,
    /// A signature in the name of this key that it did not make.
    #[error("carries a signature that this key did not make")]
    Forged,
}

/// The algorithm's number in signed notes: Ed25519.
const ALGORITHM: u8 = 1;

impl AuditKey {
    /// Of 32 bytes that nobody else knows.
    pub(crate) fn of_seed(seed: &[u8]) -> Self {
        // Fails for a seed of another length alone, and the one caller has 32 bytes.
        #[expect(clippy::expect_used, reason = "cannot fail, see above")]
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed has 32 bytes");
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(pair.public_key().as_ref()) {
            *to = *from;
        }
        let (half, _) = key.split_at(8);
        let name = format!("keyroll/{}", hex(half));
        Self { pair, verifier: Verifier { name, key } }
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signed checkpoint of so many events with this root.
    #[must_use]
    pub fn sign(&self, size: u64, root: &[u8; 32]) -> String {
        let text = format!("{}\n{size}\n{}\n", self.verifier.name, STANDARD.encode(root));
        let signature = self.pair.sign(text.as_bytes());
        let signed = [&self.verifier.hash()[..], signature.as_ref()].concat();
        format!("{text}\n— {} {}\n", self.verifier.name, STANDARD.encode(signed))
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuditKey").field(&self.verifier.name).finish()
    }
}

impl Verifier {
    /// Reads `name+hash+key`, as [`Verifier`] is written.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::Key)?;
        let (ALGORITHM, key) = bytes.split_first().map(|(first, rest)| (*first, rest)).ok_or(NoteError::Key)? else {
            return Err(NoteError::Key);
        };
        let verifier = Self { name: name.to_owned(), key: key.try_into().map_err(|_| NoteError::Key)? };
        if name.is_empty() || hash != hex(&verifier.hash()) { Err(NoteError::Key) } else { Ok(verifier) }
    }

    /// What a signed note says, if this key has signed it.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let text = format!("{text}\n");
        let ours = |line: &str| {
            let signature = line.strip_prefix("— ")?.strip_prefix(&*self.name)?.strip_prefix(' ')?;
            let bytes = STANDARD.decode(signature).ok()?;
            let (hash, signature) = bytes.split_first_chunk::<4>()?;
            (*hash == self.hash()).then(|| signature.to_vec())
        };
        let signature = signatures.lines().find_map(ours).ok_or(NoteError::Unsigned)?;
        let key = UnparsedPublicKey::new(&ED25519, self.key);
        key.verify(text.as_bytes(), &signature).map_err(|_| NoteError::Forged)?;
        read(&text)
    }

    /// The first four bytes of a hash of name and key, by which a signature says whose it is.
    fn hash(&self) -> [u8; 4] {
        let mut context = Context::new(&SHA256);
        for part in [self.name.as_bytes(), b"\n", &[ALGORITHM], &self.key] {
            context.update(part);
        }
        let mut hash = [0; 4];
        for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        hash
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ALGORITHM][..], &self.key].concat());
        write!(f, "{}+{}+{key}", self.name, hex(&self.hash()))
    }
}

fn read(text: &str) -> Result<Checkpoint, NoteError> {
    let mut lines = text.lines();
    let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(NoteError::Form);
    };
    // No sign and no zeros in front: one number has one spelling.
    let number: u64 = size.parse().map_err(|_| NoteError::Form)?;
    if number.to_string() != size || origin.is_empty() {
        return Err(NoteError::Form);
    }
    let root = STANDARD.decode(root).map_err(|_| NoteError::Form)?;
    let root = root.try_into().map_err(|_| NoteError::Form)?;
    Ok(Checkpoint { origin: origin.to_owned(), size: number, root })
}
