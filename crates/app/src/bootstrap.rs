//! What makes a database usable: its keys, found or made, and on the first start its first inhabitants.
//!
//! The first start is one commit, the one that makes revision 1: either all of it is there, or the next start is the
//! first again. A key file is made only for a database in which nothing is sealed; a missing one is never replaced.

mod error;
mod seals;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use envelope::{FingerprintKey, Keyring, WrappedKey, kek_file};
use model::access::{Actor, Need, Role, authorize};
use model::audit::{Event, Origin};
use model::environment::Environment;
use model::name::NameError;
use model::time::{Clock, Entropy, Span, Timestamp};
use serde_json::json;
use store::{Store, StoreError, Token, WrappedFingerprintKey, WriteTx};

use crate::process::BootstrapToken;

pub(crate) use error::BootstrapError;
use seals::sealer;

/// Under which name a database keeps where it was moved to.
pub(crate) const MOVED_TO: &str = "moved_to";

/// How long the first admin token lives.
const TOKEN_LIFE: Span = Span::from_hours(24);
/// How short a bootstrap token may be.
const SHORTEST_TOKEN: usize = 32;

/// What a start needs to know and to use.
pub(crate) struct Bootstrap<'a> {
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) entropy: &'a dyn Entropy,
    /// Where the KEK file is, or is to be.
    pub(crate) kek_file: &'a Path,
    /// Where the first admin token goes.
    pub(crate) token_file: &'a Path,
    /// What the environment gave in its place.
    pub(crate) token: Option<&'a BootstrapToken>,
}

/// The keys of a database, and what became of its first start.
pub(crate) struct Ready {
    pub(crate) keyring: Keyring,
    pub(crate) fingerprints: FingerprintKey,
    /// What to tell the operator; `None` but on the first start.
    pub(crate) first: Option<FirstToken>,
}

/// Where the first admin token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstToken {
    /// Whether it is in a file; otherwise the environment gave it.
    pub(crate) written: bool,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
}

impl Bootstrap<'_> {
    /// Opens the keys, or makes them and everything else that a first start makes.
    ///
    /// # Errors
    /// [`BootstrapError`]. Nothing that is sealed is ever put at risk; a first start can be tried again.
    pub(crate) async fn run(&self) -> Result<Ready, BootstrapError> {
        self.token.map_or(Ok(()), check)?;
        if let Some(to) = self.store.read().await?.meta(MOVED_TO).await? {
            return Err(BootstrapError::Moved { to: String::from_utf8_lossy(&to).into_owned() });
        }
        let keyring = self.keyring().await?;
        let read = self.store.read().await?;
        match stored(&read).await? {
            Some(wrapped) => {
                drop(read);
                let fingerprints = self.unwrap(&keyring, &wrapped).await?;
                let first = self.recover().await?;
                Ok(Ready { keyring, fingerprints, first })
            }
            None if read.position().revision == 0 => {
                drop(read);
                self.first(keyring).await
            }
            None => Err(BootstrapError::FingerprintKeyLost),
        }
    }

    /// The keyring of the file, which must hold every key that something is sealed with.
    async fn keyring(&self) -> Result<Keyring, BootstrapError> {
        let read = self.store.read().await?;
        let mut needed: Vec<String> = read.secrets_by_kek().await?.into_keys().collect();
        needed.extend(stored(&read).await?.map(|wrapped| wrapped.kek_id));
        drop(read);
        let path = self.kek_file;
        let keyring = match kek_file::load(path) {
            Err(kek_file::LoadError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                if !needed.is_empty() {
                    return Err(BootstrapError::KekMissing { path: path.to_owned() });
                }
                kek_file::create(path, self.entropy, self.clock.now())?;
                kek_file::load(path)?
            }
            loaded => loaded?,
        };
        match needed.into_iter().find(|kek_id| keyring.ids().all(|id| id.as_str() != kek_id)) {
            Some(kek_id) => Err(BootstrapError::KekLacks { path: path.to_owned(), kek_id }),
            None => Ok(keyring),
        }
    }

    /// The way back in when the last admin token has ended: a token from the environment counts again, and only then.
    /// Whoever can set it can also read the database and the keys, so that it opens no door that was shut.
    async fn recover(&self) -> Result<Option<FirstToken>, BootstrapError> {
        let Some(given) = self.token else { return Ok(None) };
        let now = self.clock.now();
        let permit = authorize(&Actor::system("bootstrap"), [Need::Administer])?;
        let mut tx = self.store.begin(&permit).await?;
        let digest = envelope::token::digest(&given.0);
        let tokens = tx.tokens().await?;
        if tokens.iter().any(|token| token.role == Role::Admin && token.is_live(now)) {
            return Ok(None);
        }
        if tokens.iter().any(|token| token.digest == digest) {
            tracing::warn!(
                "no admin token is live, and KEYROLL_BOOTSTRAP_TOKEN was used before; set another to get in"
            );
            return Ok(None);
        }
        let expires_at = now.plus(TOKEN_LIFE);
        tx.insert_token(&self.admin(digest, "recovery", now)).await?;
        let after = json!({"token": {"name": "recovery", "role": Role::Admin, "expires_at": expires_at}});
        let event = Event::done(&permit, &Origin::local(), now, "system.recover", "system".to_owned());
        tx.commit(event.after(after)).await?;
        Ok(Some(FirstToken { written: false, expires_at }))
    }

    /// An admin token that lives for a day.
    fn admin(&self, digest: [u8; 32], name: &str, now: Timestamp) -> Token {
        Token {
            id: model::id::new("tok", now, self.entropy),
            name: name.to_owned(),
            role: Role::Admin,
            digest,
            created_at: now,
            created_by: Actor::system("bootstrap").name,
            expires_at: Some(now.plus(TOKEN_LIFE)),
            revoked_at: None,
        }
    }

    async fn first(&self, keyring: Keyring) -> Result<Ready, BootstrapError> {
        let now = self.clock.now();
        let fingerprints = FingerprintKey::generate(self.entropy);
        self.store.seal_with(sealer(&fingerprints));
        let permit = authorize(&Actor::system("bootstrap"), [Need::Administer])?;
        let mut tx = self.store.begin(&permit).await?;
        // Another node may have been faster: then this start is not the first.
        if tx.position().revision != 0 {
            drop(tx);
            return Box::pin(self.run()).await;
        }
        let wrapped = fingerprints.wrap(&keyring, self.entropy);
        let stored = WrappedFingerprintKey { bytes: wrapped.bytes.clone(), kek_id: wrapped.kek_id.clone() };
        tx.set_fingerprint_key(&stored).await?;
        let environments = environments()?;
        for environment in &environments {
            tx.insert_environment(environment).await?;
        }
        let expires_at = now.plus(TOKEN_LIFE);
        let written = self.admit(&mut tx, now).await?;
        let after = json!({
            "environments": environments,
            "token": {"name": "bootstrap", "role": Role::Admin, "expires_at": expires_at},
            "kek_id": wrapped.kek_id,
        });
        let event = Event::done(&permit, &Origin::local(), now, "system.bootstrap", "system".to_owned());
        if let Err(error) = tx.commit(event.after(after)).await {
            self.settle(&wrapped, error).await?;
        }
        Ok(Ready { keyring, fingerprints, first: Some(FirstToken { written, expires_at }) })
    }

    /// What became of a first start whose commit did not say so: only a look at the database can tell. The token's file
    /// stays in any case, since the commit may still arrive after the look, and nobody else has the token; the next first
    /// start replaces it.
    async fn settle(&self, wrapped: &WrappedKey, error: StoreError) -> Result<(), BootstrapError> {
        let found = match self.store.read().await {
            Ok(read) => stored(&read).await.ok().flatten(),
            Err(_) => None,
        };
        if found.is_none_or(|found| found.bytes != wrapped.bytes) {
            return Err(error.into());
        }
        tracing::warn!(%error, "the first start was committed, though the database did not say so");
        Ok(())
    }

    /// Makes the first admin, with the token of the environment or one in a file. The answer is whether a file was
    /// written, which is done before the commit: a token that nobody knows would lock everybody out.
    async fn admit(&self, tx: &mut WriteTx, now: Timestamp) -> Result<bool, BootstrapError> {
        let digest = match self.token {
            Some(given) => envelope::token::digest(&given.0),
            None => {
                let token = envelope::token::issue(model::token::ADMIN_TOKEN, self.entropy);
                let path = self.token_file.to_owned();
                write_private(self.token_file, &token).map_err(|source| BootstrapError::TokenFile { path, source })?;
                envelope::token::digest(&token)
            }
        };
        let token = self.admin(digest, "bootstrap", now);
        tx.insert_token(&token).await?;
        Ok(self.token.is_none())
    }
}

/// The wrapped fingerprint key of the database, where it has one.
async fn stored(read: &store::ReadTx) -> Result<Option<WrappedKey>, StoreError> {
    let wrapped = read.fingerprint_key().await?;
    Ok(wrapped.map(|WrappedFingerprintKey { bytes, kek_id }| WrappedKey { bytes, kek_id }))
}

fn environments() -> Result<[Environment; 3], NameError> {
    let environment = |name: &str, display_name: &str, rank, last| {
        Ok(Environment {
            name: name.parse()?,
            display_name: display_name.to_owned(),
            rank,
            protected: last,
            default: last,
            version: 1,
        })
    };
    Ok([
        environment("development", "Development", 0, false)?,
        environment("staging", "Staging", 1, false)?,
        environment("production", "Production", 2, true)?,
    ])
}

fn check(token: &BootstrapToken) -> Result<(), BootstrapError> {
    let fits = token.0.len() >= SHORTEST_TOKEN && token.0.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(()) } else { Err(BootstrapError::Token) }
}

/// Writes a file that only its owner may read, in place of one that an interrupted first start left.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests;
