//! How a rotation begins, and how its log grows.

use model::rotation::{Broken, Entry, Event, Rotation, Traffic};

use crate::backend::{Val, args};
use crate::error::StoreError;
use crate::seals::{ROTATION_EVENTS, ROTATIONS};
use crate::secrets::json;
use crate::transaction::WriteTx;

/// A rotation that begins.
#[derive(Debug, Clone)]
pub struct NewRotation {
    /// `rot_…`.
    pub id: String,
    /// A random number.
    pub salt: u64,
    /// The first line of its log.
    pub first: Entry,
}

impl WriteTx {
    /// Stores a new rotation with the first line of its log. The answer is the rotation.
    ///
    /// # Errors
    /// [`crate::Rule::Taken`] where the outgoing secret has a live rotation, [`crate::Rule::SecretNotFound`] where one of
    /// the secrets is not active.
    pub async fn insert_rotation(&mut self, new: &NewRotation) -> Result<Rotation, StoreError> {
        let rotation = Rotation::read(&new.id, std::slice::from_ref(&new.first)).map_err(senseless)?;
        let sql = "INSERT INTO rotations (id, outgoing, incoming, salt, started_at, state, environment, state_since, \
             cut_over_at, live, traffic, version, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let mut values = args![
            &new.id,
            rotation.outgoing.as_str(),
            rotation.incoming.as_str(),
            new.salt.cast_signed(),
            rotation.started_at,
        ];
        values.extend(self.standing(&rotation)?);
        self.execute(sql, values).await?;
        self.seal_row(&ROTATIONS, args![&new.id]).await?;
        self.append(&new.id, &new.first).await?;
        Ok(rotation)
    }

    /// Adds lines to the log of a rotation, each the next one of those before. The rotation that is given is as it was read
    /// in this transaction; it is brought up to date.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where somebody else added a line meanwhile, [`StoreError::Statement`] where a line does not
    /// follow from the ones before: a mistake in this program.
    pub async fn append_to_rotation(&mut self, rotation: &mut Rotation, lines: &[Entry]) -> Result<(), StoreError> {
        let before = rotation.version;
        for line in lines {
            rotation.apply(line).map_err(senseless)?;
            self.append(&rotation.id, line).await?;
        }
        // By the key; the version is the epoch that the change is made under.
        let sql = "UPDATE rotations SET state = $2, environment = $3, state_since = $4, cut_over_at = $5, live = $6, \
             traffic = $7, version = $8, changed = $9 WHERE id = $1 AND version = $10";
        let mut values = args![&rotation.id];
        values.extend(self.standing(rotation)?);
        values.push(Val::Int(before));
        self.change("the rotation", sql, values).await?;
        self.seal_row(&ROTATIONS, args![&rotation.id]).await
    }

    /// What the row says of where a rotation stands, in the order of its columns.
    fn standing(&self, rotation: &Rotation) -> Result<Vec<Val>, StoreError> {
        Ok(args![
            rotation.word(),
            rotation.stage().map(|stage| stage.environment.as_str()),
            rotation.state_since,
            rotation.promoted.last().map(|last| last.at),
            rotation.is_live(),
            json(&Traffic::of(rotation))?,
            rotation.version,
            self.next_revision(),
        ])
    }

    async fn append(&self, id: &str, line: &Entry) -> Result<(), StoreError> {
        let sequence = self.position().audit_size.saturating_add(1);
        let text = json::<Event>(&line.event)?;
        let mut columns = args![id, line.number, line.at, &line.actor, sequence, text];
        columns.push(self.seal_of(&ROTATION_EVENTS, &columns)?);
        let sql = "INSERT INTO rotation_events (rotation, number, at, actor, sequence, event, seal) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)";
        self.execute(sql, columns).await.map(drop)
    }
}

fn senseless(broken: Broken) -> StoreError {
    StoreError::Statement(broken.to_string())
}
