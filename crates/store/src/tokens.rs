//! Admin tokens. The token itself is known to nobody after it was shown.

use model::access::Role;
use model::time::Timestamp;

use crate::backend::{Row, args};
use crate::error::StoreError;
use crate::seals::TOKENS;
use crate::transaction::{ReadTx, WriteTx};

/// An admin token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// `tok_…`.
    pub id: String,
    /// What it is for; not unique, since a token is replaced by another of the same name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// SHA-256 of the token.
    pub digest: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// Whether it opens the door now.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl ReadTx {
    /// All tokens, expired and revoked ones included, the oldest first, as they are stored: for people to look at.
    ///
    /// # Errors
    /// As any query.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        // The whole table: there are few.
        let sql = format!("SELECT {} FROM tokens t ORDER BY t.created_at, t.id", TOKENS.select("t"));
        self.query(&sql, args![]).await?.iter().map(read).collect()
    }

    /// A token by id.
    ///
    /// # Errors
    /// As any query.
    pub async fn token(&self, id: &str) -> Result<Option<Token>, StoreError> {
        // By the key.
        let sql = format!("SELECT {} FROM tokens t WHERE t.id = $1", TOKENS.select("t"));
        self.sealed_token(self.query_one(&sql, args![id]).await?)
    }

    /// A token by its digest; ask [`Token::is_live`] before trusting it.
    ///
    /// # Errors
    /// As any query.
    pub async fn token_by_digest(&self, digest: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        // The unique index on digest. That its comparison takes time by content tells nothing about a 256-bit preimage.
        let sql = format!("SELECT {} FROM tokens t WHERE t.digest = $1", TOKENS.select("t"));
        self.sealed_token(self.query_one(&sql, args![digest.as_slice()]).await?)
    }

    fn sealed_token(&self, row: Option<Row>) -> Result<Option<Token>, StoreError> {
        let Some(row) = row else { return Ok(None) };
        self.check_seal(&TOKENS, &row)?;
        read(&row).map(Some)
    }
}

impl WriteTx {
    /// Stores a new token.
    ///
    /// # Errors
    /// [`crate::Rule::Taken`] where the id or the token itself is in use.
    pub async fn insert_token(&mut self, token: &Token) -> Result<(), StoreError> {
        let sql = "INSERT INTO tokens (id, name, role, digest, created_at, created_by, expires_at, revoked_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let args = args![
            &token.id,
            &token.name,
            token.role.as_str(),
            token.digest.as_slice(),
            token.created_at,
            &token.created_by,
            token.expires_at,
            token.revoked_at,
        ];
        self.execute(sql, args).await?;
        self.seal_row(&TOKENS, args![&token.id]).await
    }

    /// Revokes a token. The answer is whether it was not revoked before: revoking twice changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown one.
    pub async fn revoke_token(&mut self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        match self.token(id).await {
            Ok(None) => return Err(StoreError::Missing("the token")),
            Ok(Some(token)) if token.revoked_at.is_some() => return Ok(false),
            // Whoever wrote it there, it may go.
            Ok(Some(_)) | Err(StoreError::Tampered { .. }) => {}
            Err(other) => return Err(other),
        }
        // By the key.
        self.change("the token", "UPDATE tokens SET revoked_at = $2 WHERE id = $1", args![id, now]).await?;
        self.seal_row(&TOKENS, args![id]).await?;
        Ok(true)
    }
}

fn read(row: &Row) -> Result<Token, StoreError> {
    Ok(Token {
        id: row.text("id")?.to_owned(),
        name: row.text("name")?.to_owned(),
        role: row.parsed("role")?,
        digest: row.bytes("digest")?,
        created_at: row.moment("created_at")?,
        created_by: row.text("created_by")?.to_owned(),
        expires_at: row.opt_moment("expires_at")?,
        revoked_at: row.opt_moment("revoked_at")?,
    })
}
