//! All cryptography of Keyroll's stored secrets: keyring, seal and open, wrap and rewrap.
//!
//! **Promise.** A copy of the database without the KEK file reveals no value, and a row whose value, name,
//! allowed hosts, environments or sensitivity was swapped or edited does not open. Everything fails closed:
//! there is no way to get a value other than [`open`] with the binding it was sealed for. Rows that hold no value
//! (routes, clients, tokens) are sealed by a [`RowKey`], so that an edit of theirs is noticed. The keys with which
//! clients sign ([`SigningKeys`]) are stored nowhere.
//!
//! **Absences.** No SQL, no HTTP, no log, no clock and no randomness of its own ([`model::time::Entropy`] is
//! passed in). No "locked" state: a process that is locked has no [`Keyring`]. No primitive of our own: all of
//! them are aws-lc-rs's. And no protection against a row that is put back *whole* to what it once was: an older
//! wrapped key opens with the older limits it was bound to. The audit log is what notices that.
//!
//! # Keys
//!
//! ```text
//! KEK (the keyring, from the KEK file) ──wraps──► DEK (one for each secret) ──seals──► value
//!                                      └─wraps──► fingerprint key (one for each database)
//! ```
//!
//! A DEK seals one value once. A KEK wraps under random 96-bit nonces, so that one KEK should stay well below
//! 2^32 wraps (NIST SP 800-38D, 8.3); each secret made, each edit of limits and each rewrap is one.
//!
//! # Format 1
//!
//! Enough to write it a second time. `‖` joins bytes; numbers are 8 bytes, big-endian.
//!
//! ```text
//! text(x)      = number of bytes of x ‖ x in UTF-8
//! set(none)    = 00
//! set(some s)  = 01 ‖ number of members ‖ text(member)…      members in ascending order of their bytes, no two equal
//! flag(b)      = 01 for true, 00 for false
//! gcm(k, a, p) = nonce (12 random bytes) ‖ ciphertext ‖ tag (16)     AES-256-GCM of p, associated data a
//!
//! dek_id       = "dek_" ‖ 16 random bytes in lower-case hex
//! ciphertext   = gcm(DEK, text("keyroll/1/value") ‖ text(secret id) ‖ text(name) ‖ text(dek_id), value)
//! wrapped_dek  = gcm(KEK, text("keyroll/1/dek") ‖ text(secret id) ‖ text(name) ‖ text(dek_id) ‖ text(kek_id)
//!                         ‖ set(environments) ‖ set(allowed hosts) ‖ flag(sensitive), DEK)
//!
//! wrapped fingerprint key = gcm(KEK, text("keyroll/2/fingerprint-key") ‖ text(kek_id), key)
//!                           "keyroll/1/fingerprint-key" in a database whose rows were not sealed yet
//! fingerprint  = "kf_" ‖ first 16 bytes of HMAC-SHA256(key, text("keyroll/1/fingerprint") ‖ value) in lower-case hex
//! digest       = HMAC-SHA256(key, text("keyroll/1/digest") ‖ text(domain) ‖ bytes)
//!
//! row key      = HMAC-SHA256(key, text("keyroll/1/row-key"))
//! audit key    = Ed25519 (RFC 8032) with the seed HMAC-SHA256(key, text("keyroll/1/audit-key"))
//! seal of row  = HMAC-SHA256(row key, text("keyroll/1/row") ‖ text(table) ‖ column…)
//! column       = 00 ‖ text(name of the column) ‖ kind ‖ number of bytes of x ‖ x     nothing at all for NULL
//!                kind 01 for a number (two's complement), 02 for text in UTF-8, 03 for bytes
//!
//! signing root = HMAC-SHA256(key, text("keyroll/1/signing-keys"))
//! signing key  = "krs_" form (`model::token`) of HMAC-SHA256(signing root, text("keyroll/1/signing-key") ‖ text(key id))
//! ```
//!
//! The value is bound to the DEK's id and not to the KEK's, so that a rewrap touches the wrapped key alone:
//! a ciphertext is written once and never again.

mod binding;
mod cipher;
mod encoding;
mod error;
mod fingerprint;
mod kek_add;
pub mod kek_file;
mod kek_text;
mod keyring;
mod note;
mod row;
mod seal;
mod signing;
pub mod token;
mod wrap;

pub use binding::Binding;
pub use cipher::SEALED_OVERHEAD;
pub use error::OpenError;
pub use fingerprint::FingerprintKey;
pub use kek_text::{KekTextError, Place, generate};
pub use keyring::{KekId, Keyring};
pub use note::{AuditKey, Checkpoint, NoteError, Verifier};
pub use row::RowKey;
pub use seal::{FORMAT, Sealed, open, seal};
pub use signing::SigningKeys;
pub use wrap::{WrappedKey, rebind, rewrap};
