//! How secrets are made, described anew, and destroyed.

use model::name::SecretName;
use model::schedule::interval_ends_at;
use model::secret::{Secret, looks_temporary};
use model::time::Timestamp;

use super::{Rebound, Sealed};
use crate::backend::args;
use crate::error::StoreError;
use crate::transaction::WriteTx;

impl WriteTx {
    /// Stores a new secret as version 1. `state`, `deleted_at`, `last_referenced_at` and `version` of what is given
    /// are passed over.
    ///
    /// # Errors
    /// [`crate::Rule::SecretNameTaken`] where the name (or id, or data key) was ever used.
    pub async fn insert_secret(&mut self, secret: &Secret, sealed: &Sealed) -> Result<(), StoreError> {
        let sql = "INSERT INTO secrets (name, id, kind, class, description, owner, tags, successor_of, environments, \
             allowed_hosts, sensitive, probe, expires_at, strict_expiry, rotate_every, rotation_due_at, temporary, state, \
             fingerprint, created_at, created_by, version, changed, format, dek_id, kek_id, wrapped_dek, ciphertext) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 'active', $18, $19, \
             $20, 1, $21, $22, $23, $24, $25, $26)";
        let args = args![
            secret.name.as_str(),
            &secret.id,
            secret.kind.as_str(),
            secret.class.as_str(),
            &secret.description,
            &secret.owner,
            json(&secret.tags)?,
            secret.successor_of.as_ref().map(SecretName::as_str),
            secret.limits.environments.as_ref().map(json).transpose()?,
            secret.limits.allowed_hosts.as_ref().map(json).transpose()?,
            secret.limits.sensitive,
            secret.probe.as_ref().map(json).transpose()?,
            secret.expires_at,
            secret.strict_expiry,
            secret.rotate_every.map(model::time::Span::as_millis),
            interval_ends_at(secret),
            looks_temporary(secret),
            &secret.fingerprint,
            secret.created_at,
            &secret.created_by,
            self.next_revision(),
            sealed.format,
            &sealed.dek_id,
            &sealed.kek_id,
            sealed.wrapped_dek.as_slice(),
            sealed.ciphertext.as_slice(),
        ];
        self.execute(sql, args).await?;
        self.label(secret).await
    }

    /// Stores an active secret's description, policy and limits, and its data key if that was bound to other limits.
    /// What the secret is made of (name, id, value, origin) stays. The answer is the new version.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown or deleted one.
    pub async fn update_secret(&mut self, secret: &Secret, rebound: Option<&Rebound>) -> Result<i64, StoreError> {
        // By the key.
        let sql = "UPDATE secrets SET kind = $2, class = $3, description = $4, owner = $5, tags = $6, environments = $7, \
             allowed_hosts = $8, sensitive = $9, probe = $10, expires_at = $11, strict_expiry = $12, rotate_every = $13, \
             rotation_due_at = $14, temporary = $15, changed = $16, version = version + 1 \
             WHERE name = $1 AND state = 'active' RETURNING version";
        let args = args![
            secret.name.as_str(),
            secret.kind.as_str(),
            secret.class.as_str(),
            &secret.description,
            &secret.owner,
            json(&secret.tags)?,
            secret.limits.environments.as_ref().map(json).transpose()?,
            secret.limits.allowed_hosts.as_ref().map(json).transpose()?,
            secret.limits.sensitive,
            secret.probe.as_ref().map(json).transpose()?,
            secret.expires_at,
            secret.strict_expiry,
            secret.rotate_every.map(model::time::Span::as_millis),
            interval_ends_at(secret),
            looks_temporary(secret),
            self.next_revision(),
        ];
        let row = self.query_one(sql, args).await?.ok_or(StoreError::Missing("the secret"))?;
        if let Some(rebound) = rebound {
            self.rewrap_secret(secret.name.as_str(), rebound).await?;
        }
        // secret_labels_secret.
        self.execute("DELETE FROM secret_labels WHERE secret = $1", args![secret.name.as_str()]).await?;
        self.label(secret).await?;
        row.int("version")
    }

    /// Stores an active secret's data key wrapped anew. Version and value stay.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown or deleted one.
    pub async fn rewrap_secret(&mut self, name: &str, rebound: &Rebound) -> Result<(), StoreError> {
        // By the key.
        let sql = "UPDATE secrets SET kek_id = $2, wrapped_dek = $3, changed = $4 WHERE name = $1 AND state = 'active'";
        let args = args![name, &rebound.kek_id, rebound.wrapped_dek.as_slice(), self.next_revision()];
        self.change("the secret", sql, args).await
    }

    /// Destroys an active secret's value and data key for good; the row stays, so that the name stays taken.
    ///
    /// # Errors
    /// [`crate::Rule::SecretIsReferenced`] while a route names it; [`StoreError::Missing`] for an unknown or deleted one.
    pub async fn delete_secret(&mut self, name: &str, now: Timestamp) -> Result<(), StoreError> {
        // By the key.
        let sql = "UPDATE secrets SET state = 'deleted', deleted_at = $2, kek_id = NULL, wrapped_dek = NULL, \
             ciphertext = NULL, version = version + 1, changed = $3 WHERE name = $1 AND state = 'active'";
        self.change("the secret", sql, args![name, now, self.next_revision()]).await?;
        self.scrub_after_commit();
        Ok(())
    }

    /// Notes that something named the secrets until `now`. Routes do this by themselves when they are stored.
    ///
    /// # Errors
    /// As any statement.
    pub async fn touch_last_referenced<'a>(
        &mut self,
        names: impl IntoIterator<Item = &'a SecretName>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for name in names {
            // By the key. It is no part of a snapshot, so `changed` stays.
            let sql = "UPDATE secrets SET last_referenced_at = $2 WHERE name = $1 \
                 AND (last_referenced_at IS NULL OR last_referenced_at < $2)";
            self.execute(sql, args![name.as_str(), now]).await?;
        }
        Ok(())
    }

    async fn label(&self, secret: &Secret) -> Result<(), StoreError> {
        let tags = secret.tags.iter().map(|tag| ("tag", tag.as_str()));
        let environments = secret.limits.environments.iter().flatten().map(|name| ("environment", name.as_str()));
        for (kind, label) in tags.chain(environments) {
            // By the key; a tag may be given twice.
            let sql = "INSERT INTO secret_labels (kind, label, secret) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            self.execute(sql, args![kind, label, secret.name.as_str()]).await?;
        }
        Ok(())
    }
}

/// A member as JSON text.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Statement("a value cannot be written as JSON".to_owned()))
}
