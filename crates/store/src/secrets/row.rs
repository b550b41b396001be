//! How a secret lies in its row.

use model::secret::{Limits, Secret, State};
use model::time::Span;

use super::{Sealed, SealedSecret, SecretRow};
use crate::backend::Row;
use crate::error::StoreError;

/// The columns of what is known.
macro_rules! columns {
    () => {
        "s.name, s.id, s.kind, s.class, s.description, s.owner, s.tags, s.successor_of, \
         s.environments, s.allowed_hosts, s.sensitive, s.probe, s.expires_at, s.strict_expiry, s.rotate_every, s.state, \
         s.fingerprint, s.created_at, s.created_by, s.deleted_at, s.last_referenced_at, s.version"
    };
}

/// The columns of what is known and of the sealed value.
pub(crate) const SEALED: &str = concat!(columns!(), ", s.format, s.dek_id, s.kek_id, s.wrapped_dek, s.ciphertext");

/// A whole row for lists; conditions on `s` and `u` follow.
///
/// The sum in the order of successors is there for PostgreSQL, which would otherwise walk through secrets_created_at, all of
/// it for each secret without a successor, instead of looking into secrets_successor_of.
pub(super) const SELECT: &str = concat!(
    "SELECT ",
    columns!(),
    ", u.last_used_at, coalesce(u.use_count, 0) AS use_count, u.dead_since, \
     (SELECT n.name FROM secrets n WHERE n.successor_of = s.name ORDER BY n.created_at + 0 DESC, n.name DESC LIMIT 1) \
     AS superseded_by, \
     (SELECT t.id FROM rotations t WHERE t.live = 1 AND (t.outgoing = s.name OR t.incoming = s.name) \
     ORDER BY t.started_at + 0 DESC, t.id DESC LIMIT 1) AS rotation \
     FROM secrets s LEFT JOIN secret_usage u ON u.secret = s.name"
);

pub(super) fn secret(row: &Row) -> Result<Secret, StoreError> {
    let state = match row.text("state")? {
        "active" => State::Active,
        "deleted" => State::Deleted,
        _ => return Err(StoreError::damaged("state", "is neither active nor deleted")),
    };
    Ok(Secret {
        id: row.text("id")?.to_owned(),
        name: row.parsed("name")?,
        kind: row.parsed("kind")?,
        class: row.parsed("class")?,
        description: row.text("description")?.to_owned(),
        owner: row.text("owner")?.to_owned(),
        tags: row.json("tags")?,
        successor_of: row.opt_parsed("successor_of")?,
        limits: Limits {
            environments: row.opt_json("environments")?,
            allowed_hosts: row.opt_json("allowed_hosts")?,
            sensitive: row.truth("sensitive")?,
        },
        probe: row.opt_json("probe")?,
        expires_at: row.opt_moment("expires_at")?,
        strict_expiry: row.truth("strict_expiry")?,
        rotate_every: row.opt_int("rotate_every")?.map(Span::from_millis),
        state,
        fingerprint: row.text("fingerprint")?.to_owned(),
        created_at: row.moment("created_at")?,
        created_by: row.text("created_by")?.to_owned(),
        deleted_at: row.opt_moment("deleted_at")?,
        last_referenced_at: row.opt_moment("last_referenced_at")?,
        version: row.int("version")?,
    })
}

pub(super) fn secret_row(row: &Row) -> Result<SecretRow, StoreError> {
    Ok(SecretRow {
        secret: secret(row)?,
        superseded_by: row.opt_parsed("superseded_by")?,
        rotation: row.opt_text("rotation")?.map(str::to_owned),
        last_used_at: row.opt_moment("last_used_at")?,
        use_count: row.int("use_count")?,
        dead_since: row.opt_moment("dead_since")?,
        bindings: Vec::new(),
    })
}

pub(crate) fn sealed(row: &Row) -> Result<SealedSecret, StoreError> {
    Ok(SealedSecret {
        secret: secret(row)?,
        sealed: Sealed {
            format: row.int("format")?,
            dek_id: row.text("dek_id")?.to_owned(),
            kek_id: row.text("kek_id")?.to_owned(),
            wrapped_dek: row.blob("wrapped_dek")?.to_vec(),
            ciphertext: row.blob("ciphertext")?.to_vec(),
        },
    })
}
