//! Rotations: their logs, the rows that follow from them, and what gateways counted in them.

mod act;
mod counts;
mod facts;
mod list;
mod write;

use std::collections::BTreeMap;

use model::rotation::{Entry, Rotation, Summary};

use crate::backend::{Row, args};
use crate::error::StoreError;
use crate::seals::{ROTATION_EVENTS, ROTATIONS};
use crate::transaction::ReadTx;

pub(crate) use counts::{add, compact, forget};
pub use facts::Detail;
pub use list::RotationFilter;
pub use write::NewRotation;

/// A rotation with its log.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// What the log says.
    pub rotation: Rotation,
    /// The log.
    pub log: Vec<Entry>,
    /// The sequences of the audit events, one for each line of the log.
    pub sequences: Vec<i64>,
}

impl ReadTx {
    /// A rotation with its log.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] where the log is not as Keyroll wrote it; else as any query.
    pub async fn rotation(&self, id: &str) -> Result<Option<Logged>, StoreError> {
        // By the key.
        let sql = format!("SELECT {} FROM rotations t WHERE t.id = $1", ROTATIONS.select("t"));
        let Some(row) = self.query_one(&sql, args![id]).await? else { return Ok(None) };
        self.check_seal(&ROTATIONS, &row)?;
        self.log(id, row.int("version")?).await.map(Some)
    }

    async fn log(&self, id: &str, version: i64) -> Result<Logged, StoreError> {
        // The leading column of the key, in its order.
        let sql = format!(
            "SELECT {} FROM rotation_events t WHERE t.rotation = $1 ORDER BY t.number",
            ROTATION_EVENTS.select("t")
        );
        let rows = self.query(&sql, args![id]).await?;
        let (mut log, mut sequences) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in &rows {
            self.check_seal(&ROTATION_EVENTS, row)?;
            log.push(Entry {
                number: row.int("number")?,
                at: row.moment("at")?,
                actor: row.text("actor")?.to_owned(),
                event: row.json("event")?,
            });
            sequences.push(row.int("sequence")?);
        }
        let altered = || StoreError::Tampered { subject: format!("rotation {id}") };
        let rotation = Rotation::read(id, &log).map_err(|_| altered())?;
        // A log without its end is one that somebody cut.
        if rotation.version != version {
            return Err(altered());
        }
        Ok(Logged { rotation, log, sequences })
    }

    /// The live rotation that replaces the secret.
    ///
    /// # Errors
    /// As any query.
    pub async fn live_rotation_of(&self, outgoing: &str) -> Result<Option<Summary>, StoreError> {
        // rotations_one_live.
        let sql = format!("SELECT {} FROM rotations t WHERE t.outgoing = $1 AND t.live = 1", ROTATIONS.select("t"));
        self.query_one(&sql, args![outgoing]).await?.map(|row| self.sealed_rotation(&row)).transpose()
    }

    /// The live rotations that the secret is a part of, whichever.
    ///
    /// # Errors
    /// As any query.
    pub async fn live_rotations_with(&self, secret: &str) -> Result<Vec<Summary>, StoreError> {
        // rotations_one_live, rotations_incoming.
        let sql = format!(
            "SELECT {} FROM rotations t WHERE t.live = 1 AND (t.outgoing = $1 OR t.incoming = $1) ORDER BY t.id",
            ROTATIONS.select("t")
        );
        self.query(&sql, args![secret]).await?.iter().map(|row| self.sealed_rotation(row)).collect()
    }

    /// The live rotations and their versions. Their rows are not held against their seals, so that one that somebody
    /// changed hides none of the others: whoever goes on to read one finds that out.
    ///
    /// # Errors
    /// As any query.
    pub async fn live_rotation_versions(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        // rotations_live.
        let rows = self.query("SELECT id, version FROM rotations WHERE live = 1", args![]).await?;
        rows.iter().map(|row| Ok((row.text("id")?.to_owned(), row.int("version")?))).collect()
    }

    /// The rotations that changed after a revision, and are live or were before.
    ///
    /// # Errors
    /// As any query. A row that is not as Keyroll wrote it is left out: traffic then goes by the templates alone, and the
    /// check of all rows names it.
    pub async fn rotations_changed_since(&self, revision: i64) -> Result<Vec<Summary>, StoreError> {
        // rotations_changed, or rotations_live where everything is asked for.
        let only = if revision == 0 { "AND t.live = 1" } else { "" };
        let sql =
            format!("SELECT {} FROM rotations t WHERE t.changed > $1 {only} ORDER BY t.id", ROTATIONS.select("t"));
        let mut found = Vec::new();
        for row in self.query(&sql, args![revision]).await? {
            match self.sealed_rotation(&row) {
                Ok(rotation) => found.push(rotation),
                Err(StoreError::Tampered { subject }) => {
                    tracing::error!(
                        subject,
                        "a stored row was changed outside Keyroll; traffic goes by the templates alone"
                    );
                }
                Err(other) => return Err(other),
            }
        }
        Ok(found)
    }

    pub(crate) fn sealed_rotation(&self, row: &Row) -> Result<Summary, StoreError> {
        self.check_seal(&ROTATIONS, row)?;
        read(row)
    }
}

fn read(row: &Row) -> Result<Summary, StoreError> {
    Ok(Summary {
        id: row.text("id")?.to_owned(),
        outgoing: row.parsed("outgoing")?,
        incoming: row.parsed("incoming")?,
        salt: row.int("salt")?.cast_unsigned(),
        started_at: row.moment("started_at")?,
        state: row.text("state")?.to_owned(),
        environment: row.opt_parsed("environment")?,
        state_since: row.moment("state_since")?,
        cut_over_at: row.opt_moment("cut_over_at")?,
        live: row.truth("live")?,
        traffic: row.json("traffic")?,
        version: row.int("version")?,
    })
}
