//! Seals of rows: whoever writes the database without Keyroll cannot make one that fits.
//!
//! The store has no key. It is given a function that has one, encodes rows for it, and holds what it answers against what
//! is stored.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::backend::{Row, Val, args};
use crate::error::StoreError;
use crate::transaction::{ReadTx, WriteTx};

mod tables;

use tables::TABLES;
pub(crate) use tables::{
    CLIENT_KEYS, CLIENTS, ENVIRONMENTS, ROTATION_EVENTS, ROTATIONS, ROUTE_REVISIONS, ROUTES, SealedTable, TOKENS,
};

/// Makes the seal of a row: a keyed digest of the table's name and the encoded columns, which are described beside the
/// key, in `envelope`.
pub type Sealer = Arc<dyn Fn(&str, &[u8]) -> [u8; 32] + Send + Sync>;

/// Where the store keeps its sealer, once the database's keys are open.
#[derive(Clone, Default)]
pub(crate) struct SealerPlace(Arc<RwLock<Option<Sealer>>>);

impl SealerPlace {
    pub(crate) fn set(&self, sealer: Sealer) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(sealer);
    }

    pub(crate) fn get(&self) -> Option<Sealer> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Rows that are looked at or sealed at a time.
const PAGE: usize = 200;

impl SealedTable {
    /// The columns that have to be read for a row to be checked, of the table that the query calls `alias`.
    pub(crate) fn select(&self, alias: &str) -> String {
        let columns = self.columns.iter().chain(&["seal"]);
        columns.map(|column| format!("{alias}.{column}")).collect::<Vec<_>>().join(", ")
    }

    fn subject(&self, row: &Row) -> String {
        let key = self.key.iter().map(|column| match row.value(column) {
            Ok(Val::Text(text)) => text,
            Ok(Val::Int(number)) => number.to_string(),
            _ => "?".to_owned(),
        });
        format!("{} {}", self.noun, key.collect::<Vec<_>>().join(" "))
    }

    fn seal(&self, sealer: &Sealer, row: &Row) -> Result<[u8; 32], StoreError> {
        let values = self.columns.iter().map(|column| row.value(column)).collect::<Result<Vec<_>, _>>()?;
        Ok(sealer(self.name, &encoded(self.columns, &values)))
    }

    fn check(&self, sealer: &Sealer, row: &Row) -> Result<(), StoreError> {
        let seal = self.seal(sealer, row)?;
        match row.value("seal")? {
            Val::Blob(stored) if verify_slices_are_equal(&stored, &seal).is_ok() => Ok(()),
            _ => Err(StoreError::Tampered { subject: self.subject(row) }),
        }
    }
}

/// No two different rows of a table give the same bytes. What is NULL is left out, so that a column which a later
/// migration adds changes nothing about the rows that do not have it.
fn encoded(columns: &[&str], values: &[Val]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut put = |kind: u8, content: &[u8]| {
        bytes.push(kind);
        bytes.extend_from_slice(&(content.len() as u64).to_be_bytes());
        bytes.extend_from_slice(content);
    };
    for (column, value) in columns.iter().zip(values).filter(|(_, value)| **value != Val::Null) {
        put(0, column.as_bytes());
        match value {
            Val::Null => {}
            Val::Int(number) => put(1, &number.to_be_bytes()),
            Val::Text(text) => put(2, text.as_bytes()),
            Val::Blob(content) => put(3, content),
        }
    }
    bytes
}

impl ReadTx {
    /// Whether the row, read with [`SealedTable::select`], is as Keyroll wrote it.
    pub(crate) fn check_seal(&self, table: &SealedTable, row: &Row) -> Result<(), StoreError> {
        table.check(self.sealer()?, row)
    }

    /// The rows of all sealed tables that are not as Keyroll wrote them: `route payments`, `token tok_…`.
    ///
    /// # Errors
    /// As any query.
    pub async fn tampered_rows(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        for table in TABLES {
            let mut after = None;
            loop {
                let rows = self.page(table, after.take(), "").await?;
                let Some(last) = rows.last() else { break };
                after = Some(keys(table, last)?);
                for row in &rows {
                    let is_history = table.stays_unsealed && row.value("seal")? == Val::Null;
                    match self.check_seal(table, row) {
                        Err(StoreError::Tampered { .. }) if is_history => {}
                        Err(StoreError::Tampered { subject }) => found.push(subject),
                        other => other?,
                    }
                }
            }
        }
        Ok(found)
    }

    /// The rows that follow the one with this key, in the key's order.
    async fn page(&self, table: &SealedTable, after: Option<Vec<Val>>, only: &str) -> Result<Vec<Row>, StoreError> {
        let key = table.key.iter().map(|column| format!("t.{column}")).collect::<Vec<_>>().join(", ");
        let beyond = match &after {
            Some(_) => {
                let places: Vec<String> = (1..=table.key.len()).map(|number| format!("${number}")).collect();
                format!("AND ({key}) > ({})", places.join(", "))
            }
            None => String::new(),
        };
        // The key, in its order.
        let sql = format!(
            "SELECT {} FROM {} t WHERE 1 = 1 {only} {beyond} ORDER BY {key} LIMIT {PAGE}",
            table.select("t"),
            table.name
        );
        self.query(&sql, after.unwrap_or_default()).await
    }

    fn sealer(&self) -> Result<&Sealer, StoreError> {
        let missing =
            || StoreError::Statement("a sealed row was asked for before the database's keys were open".into());
        self.given_sealer().ok_or_else(missing)
    }
}

fn keys(table: &SealedTable, row: &Row) -> Result<Vec<Val>, StoreError> {
    table.key.iter().map(|column| row.value(column)).collect()
}

impl WriteTx {
    /// Seals a row as it was just written.
    pub(crate) async fn seal_row(&self, table: &SealedTable, key: Vec<Val>) -> Result<(), StoreError> {
        // By the key.
        let sql = format!("SELECT {} FROM {} t WHERE {}", table.select("t"), table.name, places(table, "t.", 1));
        let row = self.query_one(&sql, key).await?.ok_or(StoreError::Missing(table.noun))?;
        self.put_seal(table, &row).await
    }

    /// The seal of a row that is about to be written, for tables whose rows cannot be touched afterwards. The columns come
    /// in the order in which they are sealed.
    pub(crate) fn seal_of(&self, table: &SealedTable, values: &[Val]) -> Result<Val, StoreError> {
        let seal = self.sealer()?(table.name, &encoded(table.columns, values));
        Ok(Val::Blob(seal.to_vec()))
    }

    /// Seals the rows of a database that has none sealed yet; the answer is how many.
    ///
    /// # Errors
    /// As any statement.
    pub async fn seal_all_rows(&mut self) -> Result<usize, StoreError> {
        let mut sealed = 0;
        for table in TABLES.iter().filter(|table| !table.stays_unsealed) {
            let mut after = None;
            loop {
                let rows = self.page(table, after.take(), "AND t.seal IS NULL").await?;
                let Some(last) = rows.last() else { break };
                after = Some(keys(table, last)?);
                for row in &rows {
                    self.put_seal(table, row).await?;
                }
                sealed += rows.len();
            }
        }
        Ok(sealed)
    }

    async fn put_seal(&self, table: &SealedTable, row: &Row) -> Result<(), StoreError> {
        let mut values = args![table.seal(self.sealer()?, row)?.as_slice()];
        values.extend(keys(table, row)?);
        // By the key.
        let sql = format!("UPDATE {} SET seal = $1 WHERE {}", table.name, places(table, "", 2));
        self.execute(&sql, values).await.map(drop)
    }
}

fn places(table: &SealedTable, alias: &str, first: usize) -> String {
    let each = table.key.iter().enumerate();
    each.map(|(at, column)| format!("{alias}{column} = ${}", first + at)).collect::<Vec<_>>().join(" AND ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::Store;

    #[test]
    fn no_two_rows_are_encoded_alike() {
        let text = |text: &str| Val::Text(text.to_owned());
        let rows = [
            vec![text("a"), text("bc")],
            vec![text("ab"), text("c")],
            vec![text("abc")],
            vec![Val::Null, text("abc")],
            vec![text(""), text("abc")],
            vec![Val::Blob(b"abc".to_vec())],
            vec![Val::Int(0)],
            vec![Val::Int(1)],
            vec![Val::Int(0), Val::Int(0)],
            vec![text("")],
            vec![Val::Blob(Vec::new())],
            vec![],
        ];
        let encoded = |values: &[Val]| encoded(&["name", "version", "spec", "seen"], values);
        assert_eq!(encoded(&[text("abc"), Val::Null]), encoded(&[text("abc")]), "a column that came later");
        let known = [text("payments"), Val::Int(-2), Val::Null, Val::Blob(vec![0, 0xff])];
        let hex: String = encoded(&known).iter().map(|byte| format!("{byte:02x}")).collect();
        // As `envelope` describes it; its tests hold the seal of these very bytes against another implementation.
        assert_eq!(
            hex,
            "0000000000000000046e616d650200000000000000087061796d656e747300000000000000000776657273696f6e010000000000000008fffffffffffffffe0000000000000000047365656e03000000000000000200ff"
        );
        let different: BTreeSet<Vec<u8>> = rows.iter().map(|row| encoded(row)).collect();
        assert_eq!(different.len(), rows.len());
    }

    #[tokio::test]
    async fn every_column_of_a_sealed_table_is_sealed() {
        let url = crate::DatabaseUrl::SqliteMemory;
        let store = Store::open(&url, model::time::Timestamp::from_millis(0), "inc_1".to_owned()).await.unwrap();
        let read = store.read().await.unwrap();
        for table in TABLES {
            let sql = format!("SELECT name FROM pragma_table_info('{}')", table.name);
            let rows = read.query(&sql, args![]).await.unwrap();
            let there: BTreeSet<&str> = rows.iter().map(|row| row.text("name").unwrap()).collect();
            let sealed: BTreeSet<&str> = table.columns.iter().copied().chain(["seal"]).collect();
            assert_eq!(there, sealed, "{}", table.name);
        }
    }
}
