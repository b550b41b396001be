//! Copies everything from one database into another, empty one: the move to another engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::backend::{Closing, Conversation, Purpose, Row, Val, args};
use crate::error::StoreError;
use crate::store::Store;
use crate::transaction::ReadTx;

/// A table and the columns of its key, by which it is read page by page.
struct Table {
    name: &'static str,
    key: &'static [&'static str],
}

/// What is copied, in an order in which whatever is referred to comes first. Secrets are copied before all others, in an
/// order of their own. Not here: what describes the database itself (`revision`, `migrations`), and the nodes with
/// what is under way on them, and the leases, of the old one.
const TABLES: [Table; 20] = [
    Table { name: "environments", key: &["name"] },
    Table { name: "secret_labels", key: &["kind", "label", "secret"] },
    Table { name: "routes", key: &["name"] },
    Table { name: "route_revisions", key: &["route", "number"] },
    Table { name: "route_references", key: &["secret", "route", "environment", "field"] },
    Table { name: "route_environments", key: &["environment", "route"] },
    Table { name: "route_hosts", key: &["host"] },
    Table { name: "clients", key: &["name"] },
    Table { name: "client_keys", key: &["id"] },
    Table { name: "tokens", key: &["id"] },
    Table { name: "tombstones", key: &["kind", "name"] },
    Table { name: "audit", key: &["sequence"] },
    Table { name: "rotations", key: &["id"] },
    Table { name: "rotation_events", key: &["rotation", "number"] },
    Table { name: "rotation_counts", key: &["rotation", "environment", "upstream", "route", "at"] },
    Table { name: "idempotency", key: &["owner", "key"] },
    Table { name: "tallies", key: &["secret", "minute", "route", "environment", "outcome"] },
    Table { name: "binding_usage", key: &["secret", "route", "environment"] },
    Table { name: "secret_usage", key: &["secret"] },
    Table { name: "meta", key: &["name"] },
];

/// Rows that are read and written at a time.
const PAGE: usize = 500;

/// The most values that one statement binds; SQLite's own limit is 32,766.
const VALUES: usize = 20_000;

/// How much of a table has been copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The table.
    pub table: &'static str,
    /// Rows so far.
    pub done: i64,
    /// Rows that there are.
    pub total: i64,
}

/// Copies all of `from` into `to`, in one transaction, and counts again what arrived. `told` hears of each page. The copy
/// has the same revision and audit, and its own incarnation: it is another life of the same history. `mark` is a thing by
/// name that it has besides, by which the copy of this very state can be recognised.
///
/// # Errors
/// [`StoreError::NotEmpty`] where `to` holds anything; after any error, `to` is as it was.
pub async fn copy(
    from: &Store,
    to: &Store,
    mark: (&str, &[u8]),
    mut told: impl FnMut(&Copied),
) -> Result<Vec<Copied>, StoreError> {
    let source = from.read().await?;
    let target = to.backend.begin(Purpose::Change).await?;
    let there = ReadTx::begin(target, "{lock}", to.sealer.get()).await?;
    if there.position().revision != 0 || there.position().audit_size != 0 {
        return Err(StoreError::NotEmpty);
    }
    let mut copied = vec![secrets(&source, &there, &mut told).await?];
    for table in &TABLES {
        copied.push(table.copy(&source, &there, &mut told).await?);
    }
    for table in &copied {
        if count(&there, table.table).await? != table.total {
            return Err(StoreError::damaged(table.table, "has not arrived whole"));
        }
    }
    let (name, value) = mark;
    there.conversation().execute("INSERT INTO meta (name, value) VALUES ($1, $2)", args![name, value]).await?;
    let position = source.position().clone();
    // By the key.
    let sql = "UPDATE revision SET revision = $1, audit_size = $2 WHERE one = 1";
    there.conversation().execute(sql, args![position.revision, position.audit_size]).await?;
    there.into_conversation().commit(Closing { revision: Some(position.revision), scrub: false }).await?;
    Ok(copied)
}

impl Table {
    async fn copy(
        &self,
        source: &ReadTx,
        target: &ReadTx,
        told: &mut impl FnMut(&Copied),
    ) -> Result<Copied, StoreError> {
        let mut copied = Copied { table: self.name, done: 0, total: count(source, self.name).await? };
        let mut after: Option<Vec<Val>> = None;
        loop {
            let keys = self.key.join(", ");
            let beyond = match &after {
                Some(_) => {
                    let places: Vec<String> = (1..=self.key.len()).map(|number| format!("${number}")).collect();
                    format!("WHERE ({keys}) > ({})", places.join(", "))
                }
                None => String::new(),
            };
            // The key, in its order.
            let sql = format!("SELECT * FROM {} {beyond} ORDER BY {keys} LIMIT {PAGE}", self.name);
            let rows = source.query(&sql, after.take().unwrap_or_default()).await?;
            let Some(last) = rows.last() else { return Ok(copied) };
            after = Some(self.key.iter().map(|column| last.value(column)).collect::<Result<_, _>>()?);
            copied.done = copied.done.saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
            insert(target.conversation(), self.name, rows).await?;
            told(&copied);
        }
    }
}

/// Secrets refer to each other: those that others succeed are copied first.
async fn secrets(source: &ReadTx, target: &ReadTx, told: &mut impl FnMut(&Copied)) -> Result<Copied, StoreError> {
    // The key, in its order.
    let rows = source.query("SELECT name, successor_of FROM secrets ORDER BY name", args![]).await?;
    let mut predecessors = BTreeMap::new();
    for row in &rows {
        predecessors.insert(row.text("name")?.to_owned(), row.opt_text("successor_of")?.map(str::to_owned));
    }
    let mut copied = Copied { table: "secrets", done: 0, total: i64::try_from(rows.len()).unwrap_or(i64::MAX) };
    for names in generations(predecessors)? {
        for names in names.chunks(PAGE) {
            let places: Vec<String> = (1..=names.len()).map(|number| format!("${number}")).collect();
            // By the key.
            let sql = format!("SELECT * FROM secrets WHERE name IN ({})", places.join(", "));
            let rows = source.query(&sql, names.iter().map(Val::from).collect()).await?;
            copied.done = copied.done.saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
            insert(target.conversation(), "secrets", rows).await?;
            told(&copied);
        }
    }
    Ok(copied)
}

/// Names in groups: those without a predecessor, then their successors, and so on.
fn generations(mut left: BTreeMap<String, Option<String>>) -> Result<Vec<Vec<String>>, StoreError> {
    let mut placed = BTreeSet::new();
    let mut groups = Vec::new();
    while !left.is_empty() {
        let is_free =
            |_: &String, before: &mut Option<String>| before.as_ref().is_none_or(|name| placed.contains(name));
        let group: Vec<String> = left.extract_if(.., is_free).map(|(name, _)| name).collect();
        if group.is_empty() {
            return Err(StoreError::damaged("successor_of", "goes round in a circle"));
        }
        placed.extend(group.iter().cloned());
        groups.push(group);
    }
    Ok(groups)
}

async fn insert(target: &Conversation, table: &str, rows: Vec<Row>) -> Result<(), StoreError> {
    let Some(columns) = rows.first().map(|row| row.columns().to_vec()) else { return Ok(()) };
    let columns: Arc<[String]> = columns.into();
    let width = columns.len().max(1);
    let mut values: Vec<Vec<Val>> = rows.into_iter().map(Row::into_values).collect();
    while !values.is_empty() {
        let batch: Vec<Vec<Val>> = values.drain(..values.len().min(VALUES / width)).collect();
        let place = |row: usize| {
            let numbers = (1..=width).map(|column| format!("${}", row * width + column));
            format!("({})", numbers.collect::<Vec<_>>().join(", "))
        };
        let places: Vec<String> = (0..batch.len()).map(place).collect();
        let sql = format!("INSERT INTO {table} ({}) VALUES {}", columns.join(", "), places.join(", "));
        target.execute(&sql, batch.into_iter().flatten().collect()).await?;
    }
    Ok(())
}

async fn count(tx: &ReadTx, table: &str) -> Result<i64, StoreError> {
    // A scan.
    let row = tx.query_one(&format!("SELECT count(*) AS n FROM {table}"), args![]).await?;
    row.map_or(Ok(0), |row| row.int("n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a copy leaves out, on purpose.
    const LEFT_OUT: [&str; 5] = ["migrations", "revision", "nodes", "leases", "open_uses"];

    #[tokio::test]
    async fn every_table_is_copied_or_left_out_on_purpose() {
        let url = crate::DatabaseUrl::SqliteMemory;
        let now = model::time::Timestamp::from_millis(0);
        let store = Store::open(&url, now, "inc_1".to_owned()).await.unwrap();
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        let rows = store.read().await.unwrap().query(sql, args![]).await.unwrap();
        let there: Vec<&str> = rows.iter().map(|row| row.text("name").unwrap()).collect();
        let mut known: Vec<&str> = TABLES.iter().map(|table| table.name).chain(LEFT_OUT).chain(["secrets"]).collect();
        known.sort_unstable();
        assert_eq!(there, known);
    }

    #[test]
    fn whoever_is_succeeded_comes_first() {
        let map = |pairs: &[(&str, Option<&str>)]| {
            pairs.iter().map(|(name, before)| ((*name).to_owned(), before.map(str::to_owned))).collect()
        };
        let groups = generations(map(&[("a", Some("c")), ("b", None), ("c", Some("b")), ("d", Some("b"))])).unwrap();
        assert_eq!(groups, [vec!["b"], vec!["c", "d"], vec!["a"]]);
        assert!(generations(map(&[("a", Some("b")), ("b", Some("a"))])).is_err());
    }
}
