//! Turns the one SQL text of a query or a migration into what the engine reads.

/// Which engine's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// A query.
    ///
    /// `{lock}` stands where PostgreSQL needs `FOR UPDATE`; SQLite's `BEGIN IMMEDIATE` already holds the lock. `{now}` is
    /// the moment by the database's clock, in milliseconds: the one clock that all nodes of a cluster share.
    pub(super) fn query(self, sql: &str) -> String {
        match self {
            Self::Sqlite => numbered(sql)
                .replace("{lock}", "")
                .replace("{now}", "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)"),
            Self::Postgres => sql
                .replace("{lock}", "FOR UPDATE")
                .replace("{now}", "CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)"),
        }
    }

    /// The tables of a migration.
    ///
    /// `{i64}`, `{blob}` and `{table}` are the three things that the engines spell differently. On SQLite, tables are
    /// STRICT so that types hold as they do on PostgreSQL, and WITHOUT ROWID so that no hidden key offers a way around
    /// the guards. On PostgreSQL, texts are compared by their bytes, whatever the database's own collation: lists, pages
    /// and cursors then have one order on both engines, and no upgrade of a system library can spoil an index.
    pub(super) fn tables(self, sql: &str) -> String {
        match self {
            Self::Sqlite => {
                sql.replace("{i64}", "INTEGER").replace("{blob}", "BLOB").replace("{table}", "STRICT, WITHOUT ROWID")
            }
            Self::Postgres => sql
                .replace("{i64}", "BIGINT")
                .replace("{blob}", "BYTEA")
                .replace("{table}", "")
                .replace(" TEXT", " TEXT COLLATE \"C\""),
        }
    }
}

/// `$1` becomes `?1`: SQLite takes `$1` for a name and numbers names by first appearance, so that `… $2 … $1` would bind
/// wrongly.
fn numbered(sql: &str) -> String {
    let mut quoted = false;
    let mut out = String::with_capacity(sql.len());
    let mut chars = sql.chars().peekable();
    while let Some(char) = chars.next() {
        quoted ^= char == '\'';
        let numbered = chars.peek().is_some_and(char::is_ascii_digit);
        out.push(if char == '$' && !quoted && numbered { '?' } else { char });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_numbered_parameters() {
        let table = [
            ("SELECT $2, $1", "SELECT ?2, ?1"),
            ("SELECT '$1', $1", "SELECT '$1', ?1"),
            ("SELECT 'it''s $1', $12", "SELECT 'it''s $1', ?12"),
            ("SELECT a FROM b {lock}", "SELECT a FROM b "),
            ("SELECT '$' || $1", "SELECT '$' || ?1"),
        ];
        for (given, expected) in table {
            assert_eq!(Dialect::Sqlite.query(given), expected);
        }
        assert_eq!(Dialect::Postgres.query("SELECT $2, '$1' {lock}"), "SELECT $2, '$1' FOR UPDATE");
    }

    #[test]
    fn ddl_tokens_become_types() {
        let given = "a {i64}, b {blob}, c TEXT NOT NULL) {table};";
        assert_eq!(Dialect::Sqlite.tables(given), "a INTEGER, b BLOB, c TEXT NOT NULL) STRICT, WITHOUT ROWID;");
        assert_eq!(Dialect::Postgres.tables(given), "a BIGINT, b BYTEA, c TEXT COLLATE \"C\" NOT NULL) ;");
    }
}
