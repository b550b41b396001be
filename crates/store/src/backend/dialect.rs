//! Turns the one SQL text of a query or a migration into what the engine reads.

/// A query for SQLite: `$1` becomes `?1`, and `{lock}` nothing.
///
/// SQLite takes `$1` for a name and numbers names by first appearance, so that `… $2 … $1` would bind wrongly.
/// `{lock}` stands where PostgreSQL needs `FOR UPDATE`; SQLite's `BEGIN IMMEDIATE` already holds the lock.
pub(super) fn query_for_sqlite(sql: &str) -> String {
    let mut quoted = false;
    let mut out = String::with_capacity(sql.len());
    let mut chars = sql.chars().peekable();
    while let Some(char) = chars.next() {
        quoted ^= char == '\'';
        let numbered = chars.peek().is_some_and(char::is_ascii_digit);
        out.push(if char == '$' && !quoted && numbered { '?' } else { char });
    }
    out.replace("{lock}", "")
}

/// A migration for SQLite.
///
/// `{i64}`, `{blob}` and `{table}` are the three things that the engines spell differently. Tables are STRICT so that
/// types hold as they do on PostgreSQL, and WITHOUT ROWID so that no hidden key offers a way around the guards.
pub(super) fn ddl_for_sqlite(sql: &str) -> String {
    sql.replace("{i64}", "INTEGER").replace("{blob}", "BLOB").replace("{table}", "STRICT, WITHOUT ROWID")
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
            assert_eq!(query_for_sqlite(given), expected);
        }
    }

    #[test]
    fn ddl_tokens_become_types() {
        assert_eq!(ddl_for_sqlite("a {i64}, b {blob}) {table};"), "a INTEGER, b BLOB) STRICT, WITHOUT ROWID;");
    }
}
