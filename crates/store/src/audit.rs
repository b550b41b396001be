//! The audit: one event for every change, in the transaction of the change, and never touched again.

mod tree;

use aws_lc_rs::digest::{Context, SHA256};
use model::audit::Event;
use model::time::Timestamp;

use crate::backend::{Row, args};
use crate::error::StoreError;
use crate::page::{Conditions, Listed, Page};
use crate::transaction::{ReadTx, WriteTx};

pub use tree::Tree;

/// One event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place, from 1 without gaps.
    pub sequence: i64,
    /// The event with its sequence as canonical JSON (RFC 8785), byte for byte what the leaf is the hash of.
    pub record: String,
    /// The hash of its leaf, see [`leaf_hash`].
    pub leaf: [u8; 32],
}

/// Which events. Every member that is given narrows the list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Who.
    pub actor: Option<String>,
    /// What.
    pub action: Option<String>,
    /// To what.
    pub subject: Option<String>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

/// What a check of the audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// How many events there should be.
    pub size: i64,
    /// How many are sound, from the first on.
    pub sound: i64,
    /// The first that is not.
    pub fault: Option<AuditFault>,
}

/// The first unsound event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFault {
    /// Where it is, or should be.
    pub sequence: i64,
    /// What is wrong, in words.
    pub problem: &'static str,
}

/// The hash of a leaf of the Merkle tree (RFC 9162, 2.1.1): `SHA-256(0x00 ‖ record)`.
#[must_use]
pub fn leaf_hash(record: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(record);
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}

/// Writes the event as number `sequence`; the answer is the hash of its leaf.
pub(crate) async fn append(tx: &WriteTx, sequence: i64, event: &Event) -> Result<[u8; 32], StoreError> {
    let unwritable = |_| StoreError::Statement("an audit event cannot be written as JSON".to_owned());
    let mut value = serde_json::to_value(event).map_err(unwritable)?;
    if let serde_json::Value::Object(members) = &mut value {
        members.insert("sequence".to_owned(), sequence.into());
    }
    let record = serde_json_canonicalizer::to_string(&value).map_err(unwritable)?;
    let leaf = leaf_hash(record.as_bytes());
    let sql =
        "INSERT INTO audit (sequence, at, actor, action, subject, record, leaf) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let args = args![sequence, event.time, &event.actor, &event.action, &event.subject, record, leaf.as_slice()];
    tx.execute(sql, args).await?;
    Ok(leaf)
}

impl ReadTx {
    /// The hash of an event's leaf: two databases in which it is the same have the same history up to there.
    ///
    /// # Errors
    /// As any query.
    pub async fn audit_leaf(&self, sequence: i64) -> Result<Option<[u8; 32]>, StoreError> {
        // By the key.
        let row = self.query_one("SELECT leaf FROM audit WHERE sequence = $1", args![sequence]).await?;
        row.map(|row| row.bytes("leaf")).transpose()
    }

    /// One page of the events that fit, the latest first.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`]; else as any query.
    pub async fn audit(&self, filter: &AuditFilter, page: &Page) -> Result<Listed<AuditRow>, StoreError> {
        let mut conditions = filter.conditions();
        if let Some(below) = page.after_number()? {
            conditions.add("sequence < {}", below);
        }
        let limit = conditions.bind(page.fetch());
        // The key, backwards; or audit_actor, audit_action, audit_subject, audit_at where one of them says more.
        let sql = format!(
            "SELECT sequence, record, leaf FROM audit {} ORDER BY sequence DESC LIMIT {limit}",
            conditions.sql()
        );
        let rows = self.query(&sql, conditions.args).await?;
        let found = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(page.cut(found, |row| row.sequence.to_string()))
    }

    /// At most `limit` events after number `after`, the earliest first: page by page, all of them.
    ///
    /// # Errors
    /// As any query.
    pub async fn audit_export(&self, after: i64, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        // The key, in its order.
        let sql = "SELECT sequence, record, leaf FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT $2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.query(sql, args![after, limit]).await?.iter().map(read).collect()
    }

    /// The Merkle tree over all events of this state, by their stored hashes.
    ///
    /// # Errors
    /// As any query; [`StoreError::Damaged`] where an event is missing.
    pub async fn audit_tree(&self) -> Result<Tree, StoreError> {
        let size = self.position().audit_size;
        let (mut tree, mut after) = (Tree::default(), 0);
        while after < size {
            // The key, in its order.
            let sql = "SELECT sequence, leaf FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT 5000";
            let rows = self.query(sql, args![after]).await?;
            for row in rows.iter().take(usize::try_from(size - after).unwrap_or(usize::MAX)) {
                after += 1;
                if row.int("sequence")? != after {
                    return Err(StoreError::damaged("audit", "lacks an event"));
                }
                tree.push(row.bytes("leaf")?);
            }
            if rows.is_empty() {
                return Err(StoreError::damaged("audit", "lacks an event"));
            }
        }
        Ok(tree)
    }

    /// Checks that the events are numbered from 1 to the stored size without gaps, that each hash is that of its
    /// record, and that the columns for filters say what the record says.
    ///
    /// # Errors
    /// As any query; what is wrong with an event is no error but a [`AuditFault`].
    pub async fn verify_audit(&self) -> Result<AuditReport, StoreError> {
        let size = self.position().audit_size;
        let mut sound = 0;
        loop {
            // The key, in its order.
            let sql = "SELECT sequence, at, actor, action, subject, record, leaf FROM audit WHERE sequence > $1 \
                 ORDER BY sequence LIMIT 500";
            let rows = self.query(sql, args![sound]).await?;
            for row in &rows {
                let expected = sound + 1;
                if let Some(problem) = problem(row, expected, size) {
                    let fault = Some(AuditFault { sequence: expected, problem });
                    return Ok(AuditReport { size, sound, fault });
                }
                sound = expected;
            }
            if rows.is_empty() {
                let missing = AuditFault { sequence: sound + 1, problem: "is missing" };
                return Ok(AuditReport { size, sound, fault: (sound < size).then_some(missing) });
            }
        }
    }
}

fn problem(row: &Row, expected: i64, size: i64) -> Option<&'static str> {
    let Ok(sequence) = row.int("sequence") else { return Some("has no sequence") };
    if sequence != expected {
        return Some("is missing");
    }
    if sequence > size {
        return Some("is one more than was written");
    }
    let (Ok(record), Ok(leaf)) = (row.text("record"), row.blob("leaf")) else {
        return Some("cannot be read");
    };
    if leaf_hash(record.as_bytes()).as_slice() != leaf {
        return Some("does not match its hash");
    }
    let Ok(value) = serde_json::from_str::<serde_json::Value>(record) else {
        return Some("is not JSON");
    };
    let text = |member: &str| value.get(member).and_then(serde_json::Value::as_str);
    let columns = ["actor", "action", "subject"];
    let same = columns.iter().all(|column| row.text(column).ok() == text(column));
    let at = row.moment("at").ok().map(|moment| moment.to_string());
    if !same || at.as_deref() != text("time") {
        return Some("is filed under what its record does not say");
    }
    if value.get("sequence").and_then(serde_json::Value::as_i64) != Some(sequence) {
        return Some("carries another sequence in its record");
    }
    None
}

impl AuditFilter {
    fn conditions(&self) -> Conditions {
        let mut all = Conditions::default();
        for (column, wanted) in [("actor", &self.actor), ("action", &self.action), ("subject", &self.subject)] {
            if let Some(wanted) = wanted {
                all.add(&format!("{column} = {{}}"), wanted);
            }
        }
        if let Some(from) = self.from {
            all.add("at >= {}", from);
        }
        if let Some(to) = self.to {
            all.add("at < {}", to);
        }
        all
    }
}

fn read(row: &Row) -> Result<AuditRow, StoreError> {
    Ok(AuditRow { sequence: row.int("sequence")?, record: row.text("record")?.to_owned(), leaf: row.bytes("leaf")? })
}
