//! Guards: triggers by which the database itself refuses what must not happen, whoever writes.

use super::dialect::Dialect;
use super::{Conversation, Row, args};
use crate::error::StoreError;

/// The guards of one migration, which every engine spells in its own way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guards {
    /// For SQLite: `CREATE TRIGGER name …;` for each.
    pub(crate) sqlite: &'static str,
    /// For PostgreSQL: functions whose bodies stand between `$guard$`, and triggers as the server itself writes them.
    pub(crate) postgres: &'static str,
}

impl Guards {
    /// None.
    pub(crate) const NONE: Self = Self { sqlite: "", postgres: "" };

    fn of(self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

impl Conversation {
    /// The text that this engine runs for the guards, for the checksum.
    pub(crate) fn guards_text(&self, guards: Guards) -> &'static str {
        guards.of(self.dialect)
    }

    /// Runs the statements of a migration: the common tables, then the guards in the engine's own words.
    pub(crate) async fn migrate(&self, tables: &str, guards: Guards) -> Result<(), StoreError> {
        self.batch(self.dialect.tables(tables)).await?;
        self.batch(guards.of(self.dialect).to_owned()).await
    }

    /// Waits until nobody else migrates, and keeps others from it until this transaction ends.
    pub(crate) async fn lock_schema(&self) -> Result<(), StoreError> {
        match self.dialect {
            // `BEGIN IMMEDIATE` holds the whole file already.
            Dialect::Sqlite => Ok(()),
            // The number stands for «Keyroll's schema» in this database and means nothing else.
            Dialect::Postgres => {
                self.query("SELECT 1 AS one FROM pg_advisory_xact_lock(7526331)", args![]).await.map(drop)
            }
        }
    }

    /// Whether there is a table of this name.
    pub(crate) async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        // The engine's own catalogue.
        let sql = match self.dialect {
            Dialect::Sqlite => "SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = $1",
            Dialect::Postgres => {
                "SELECT 1 AS one FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1"
            }
        };
        Ok(!self.query(sql, args![name]).await?.is_empty())
    }

    /// The first guard that is missing from the database, is switched off, or is not what it should be.
    pub(crate) async fn lacks(&self, guards: Guards) -> Result<Option<String>, StoreError> {
        // The engine's own catalogue.
        let sql = match self.dialect {
            Dialect::Sqlite => "SELECT name, sql || ';' AS text FROM sqlite_master WHERE type = 'trigger'",
            Dialect::Postgres => {
                "SELECT CAST(t.tgname AS TEXT) AS name, pg_get_triggerdef(t.oid, true) || ';' AS text FROM pg_trigger t \
                 JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND n.nspname = current_schema() \
                 UNION ALL SELECT CAST(p.proname AS TEXT), 'CREATE FUNCTION ' || p.proname || '() RETURNS trigger LANGUAGE ' \
                 || l.lanname || ' AS $guard$' || p.prosrc || '$guard$;' FROM pg_proc p \
                 JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang \
                 WHERE n.nspname = current_schema()"
            }
        };
        let rows = self.query(sql, args![]).await?;
        let text = guards.of(self.dialect);
        let there = |name: &str| {
            let is_sound = |row: &Row| {
                row.text("name").is_ok_and(|found| found == name)
                    && row.text("text").is_ok_and(|found| text.contains(found))
            };
            rows.iter().any(is_sound)
        };
        Ok(names(text).find(|name| !there(name)).map(str::to_owned))
    }
}

/// The names of triggers, and of the functions behind them.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let begins = ["CREATE TRIGGER ", "CREATE FUNCTION "];
    text.lines().filter_map(move |line| {
        let rest = begins.iter().find_map(|begin| line.strip_prefix(begin))?;
        rest.split([' ', '(']).next()
    })
}
