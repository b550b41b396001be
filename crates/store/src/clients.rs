//! Clients and their keys.

use std::collections::BTreeMap;

use model::client::{Client, ClientKey};
use model::name::ClientName;
use model::signing::Signing;
use model::time::Timestamp;

use crate::backend::{Row, Val, args};
use crate::error::StoreError;
use crate::page::{Conditions, Listed, Page};
use crate::seals::{CLIENT_KEYS, CLIENTS};
use crate::secrets::json;
use crate::tombstones::TombstoneKind;
use crate::transaction::{ReadTx, WriteTx};

/// A client with all of its keys, revoked ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKeys {
    /// The client.
    pub client: Client,
    /// Its keys, the oldest first.
    pub keys: Vec<ClientKey>,
}

const COLUMNS: &str = "c.name, c.description, c.environments, c.routes, c.allowed_ips, c.rate_limit, c.expires_at, \
     c.disabled, c.created_at, c.version, c.signing";

impl ReadTx {
    /// One page of the clients, by name, as they are stored: for people to look at, not to act upon.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`]; else as any query.
    pub async fn clients(&self, page: &Page) -> Result<Listed<Client>, StoreError> {
        let mut conditions = Conditions::default();
        if let Some(cursor) = &page.cursor {
            let after: ClientName = cursor.parse().map_err(|_| StoreError::BadCursor)?;
            conditions.add("c.name > {}", after.as_str());
        }
        let limit = conditions.bind(page.fetch());
        // The key, in its order.
        let sql = format!("SELECT {COLUMNS} FROM clients c {} ORDER BY c.name LIMIT {limit}", conditions.sql());
        let rows = self.query(&sql, conditions.args).await?;
        let found = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(page.cut(found, |client| client.name.as_str().to_owned()))
    }

    /// A client by name, with its keys.
    ///
    /// # Errors
    /// As any query.
    pub async fn client(&self, name: &str) -> Result<Option<ClientKeys>, StoreError> {
        // By the key; keys by client_keys_client.
        let sql = format!("SELECT {} FROM clients c WHERE c.name = $1", CLIENTS.select("c"));
        let Some(row) = self.query_one(&sql, args![name]).await? else { return Ok(None) };
        self.check_seal(&CLIENTS, &row)?;
        let sql = format!(
            "SELECT {} FROM client_keys k WHERE k.client = $1 ORDER BY k.created_at, k.id",
            CLIENT_KEYS.select("k")
        );
        let keys = self.query(&sql, args![name]).await?.iter().map(read_key).collect::<Result<_, _>>()?;
        Ok(Some(ClientKeys { client: read(&row)?, keys }))
    }

    /// The keys of the clients that changed after the revision, by client. One that cannot be read, or that Keyroll did not
    /// write, is no key.
    pub(crate) async fn client_keys_since(&self, revision: i64) -> Result<Keys, StoreError> {
        // clients_changed, then client_keys_client.
        let sql = format!(
            "SELECT {} FROM clients c JOIN client_keys k ON k.client = c.name WHERE c.changed > $1 \
             ORDER BY k.created_at, k.id",
            CLIENT_KEYS.select("k")
        );
        let mut keys = Keys::new();
        for row in self.query(&sql, args![revision]).await? {
            match self.check_seal(&CLIENT_KEYS, &row).and_then(|()| read_key(&row)) {
                Ok(key) => keys.entry(key.client.clone()).or_default().push(key),
                Err(error) => tracing::error!(%error, "a stored client key is not used"),
            }
        }
        Ok(keys)
    }

    /// A client with its keys, which are taken out of `keys`.
    pub(crate) fn sealed_client(&self, row: &Row, keys: &mut Keys) -> Result<ClientKeys, StoreError> {
        self.check_seal(&CLIENTS, row)?;
        let client = read(row)?;
        let keys = keys.remove(&client.name).unwrap_or_default();
        Ok(ClientKeys { client, keys })
    }
}

/// Keys by client.
pub(crate) type Keys = BTreeMap<ClientName, Vec<ClientKey>>;

impl WriteTx {
    /// Stores a new client as version 1.
    ///
    /// # Errors
    /// [`crate::Rule::Taken`] where the name is in use.
    pub async fn insert_client(&mut self, client: &Client) -> Result<(), StoreError> {
        let sql = "INSERT INTO clients (name, description, environments, routes, allowed_ips, rate_limit, expires_at, \
             disabled, changed, signing, created_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)";
        let mut args = self.client_columns(client)?;
        args.push(client.created_at.into());
        self.execute(sql, args).await?;
        self.seal_row(&CLIENTS, args![client.name.as_str()]).await?;
        self.unbury(TombstoneKind::Client, client.name.as_str()).await
    }

    /// Replaces a client; its keys stay. The answer is the new version.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown one.
    pub async fn update_client(&mut self, client: &Client) -> Result<i64, StoreError> {
        // By the key.
        let sql = "UPDATE clients SET description = $2, environments = $3, routes = $4, allowed_ips = $5, \
             rate_limit = $6, expires_at = $7, disabled = $8, changed = $9, signing = $10, version = version + 1 \
             WHERE name = $1 RETURNING version";
        let row = self.query_one(sql, self.client_columns(client)?).await?;
        let version = row.ok_or(StoreError::Missing("the client"))?.int("version")?;
        self.seal_row(&CLIENTS, args![client.name.as_str()]).await?;
        Ok(version)
    }

    /// Deletes a client with its keys.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown one.
    pub async fn delete_client(&mut self, name: &str) -> Result<(), StoreError> {
        // client_keys_client, then the key.
        self.execute("DELETE FROM client_keys WHERE client = $1", args![name]).await?;
        self.change("the client", "DELETE FROM clients WHERE name = $1", args![name]).await?;
        self.bury(TombstoneKind::Client, name).await
    }

    /// Stores a new key of a client.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where the client does not exist, [`crate::Rule::Taken`] where the key does.
    pub async fn insert_client_key(&mut self, key: &ClientKey) -> Result<(), StoreError> {
        self.touch_client(key.client.as_str()).await?;
        let sql = "INSERT INTO client_keys (id, client, digest, created_at, revoked_at) VALUES ($1, $2, $3, $4, $5)";
        let args = args![&key.id, key.client.as_str(), key.digest.as_slice(), key.created_at, key.revoked_at];
        self.execute(sql, args).await?;
        self.seal_row(&CLIENT_KEYS, args![&key.id]).await
    }

    /// Revokes a key. The answer is whether it was live: revoking twice changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where the client has no such key.
    pub async fn revoke_client_key(&mut self, client: &str, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        // By the key.
        let sql = "SELECT revoked_at FROM client_keys WHERE id = $1 AND client = $2";
        let row = self.query_one(sql, args![id, client]).await?.ok_or(StoreError::Missing("the key"))?;
        if row.opt_int("revoked_at")?.is_some() {
            return Ok(false);
        }
        self.touch_client(client).await?;
        // By the key.
        self.change("the key", "UPDATE client_keys SET revoked_at = $2 WHERE id = $1", args![id, now]).await?;
        self.seal_row(&CLIENT_KEYS, args![id]).await?;
        Ok(true)
    }

    /// Keys are published with their client.
    async fn touch_client(&self, name: &str) -> Result<(), StoreError> {
        // What somebody else wrote must not be sealed along with it.
        self.client(name).await?.ok_or(StoreError::Missing("the client"))?;
        // By the key. The version stays: keys are not what an edit of the client would overwrite.
        let sql = "UPDATE clients SET changed = $2 WHERE name = $1";
        self.change("the client", sql, args![name, self.next_revision()]).await?;
        self.seal_row(&CLIENTS, args![name]).await
    }

    fn client_columns(&self, client: &Client) -> Result<Vec<Val>, StoreError> {
        Ok(args![
            client.name.as_str(),
            &client.description,
            json(&client.environments)?,
            json(&client.routes)?,
            json(&client.allowed_ips)?,
            client.rate_limit.as_ref().map(json).transpose()?,
            client.expires_at,
            client.disabled,
            self.next_revision(),
            client.signing.map(Signing::as_str),
        ])
    }
}

fn read(row: &Row) -> Result<Client, StoreError> {
    Ok(Client {
        name: row.parsed("name")?,
        description: row.text("description")?.to_owned(),
        environments: row.json("environments")?,
        routes: row.json("routes")?,
        allowed_ips: row
            .json::<Vec<String>>("allowed_ips")?
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()
            .map_err(|_| StoreError::damaged("allowed_ips", "is not a list of networks"))?,
        rate_limit: row.opt_json("rate_limit")?,
        expires_at: row.opt_moment("expires_at")?,
        disabled: row.truth("disabled")?,
        created_at: row.moment("created_at")?,
        signing: row.opt_parsed("signing")?,
        version: row.int("version")?,
    })
}

fn read_key(row: &Row) -> Result<ClientKey, StoreError> {
    Ok(ClientKey {
        id: row.text("id")?.to_owned(),
        client: row.parsed("client")?,
        digest: row.bytes("digest")?,
        created_at: row.moment("created_at")?,
        revoked_at: row.opt_moment("revoked_at")?,
    })
}
