//! What only a file can do: be readable by others, be something else, be held by another process.

use std::os::unix::fs::PermissionsExt;

use super::db;
use crate::common::{Db, add_secrets, at, begin, commit, open};
use store::{DatabaseUrl, MigrationError, StoreError};

#[tokio::test]
async fn file_and_directory_are_for_their_owner_alone() {
    let db = db().await;
    add_secrets(&db.store, &["a"]).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(db.path().parent().unwrap()), 0o700);
    for suffix in ["", "-wal", "-shm"] {
        let mut path = db.path().into_os_string();
        path.push(suffix);
        assert_eq!(mode(std::path::Path::new(&path)), 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn a_destroyed_value_leaves_the_files() {
    let db = db().await;
    add_secrets(&db.store, &["a"]).await;
    let found = |db: &Db| {
        ["", "-wal"].iter().any(|suffix| {
            let mut path = db.path().into_os_string();
            path.push(suffix);
            let bytes = std::fs::read(path).unwrap_or_default();
            bytes.windows(9).any(|window| window == b"wrapped a")
        })
    };
    assert!(found(&db));
    let mut tx = begin(&db.store).await;
    tx.delete_secret("a", at(1)).await.unwrap();
    commit(tx).await;
    assert!(!found(&db));
}

#[tokio::test]
async fn a_removed_or_weakened_guard_is_noticed() {
    let db = db().await;
    let raw = db.connection();
    let text: String =
        raw.query_row("SELECT sql FROM sqlite_master WHERE name = 'audit_is_fixed'", [], |row| row.get(0)).unwrap();
    let weak = text.replace("BEFORE UPDATE ON audit", "BEFORE UPDATE ON audit WHEN 0");
    assert_ne!(text, weak);
    raw.execute_batch("DROP TRIGGER audit_is_fixed").unwrap();
    for after in ["", &weak] {
        raw.execute_batch(after).unwrap();
        let found = db.open().await;
        let expected = MigrationError::GuardMissing { guard: "audit_is_fixed".to_owned() };
        assert!(matches!(found, Err(StoreError::Migration(ref error)) if *error == expected), "{found:?}");
    }
    raw.execute_batch("DROP TRIGGER audit_is_fixed").unwrap();
    raw.execute_batch(&text).unwrap();
    db.open().await.unwrap();
}

#[tokio::test]
async fn what_is_no_database_is_named_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyroll.db");
    std::fs::write(&path, "this is a text file, and a long one, so that SQLite reads a header from it ".repeat(20))
        .unwrap();
    assert!(matches!(open(&DatabaseUrl::SqliteFile(path.clone())).await, Err(StoreError::Damaged { .. })));
    let nowhere = directory.path().join("keyroll.db/inside/keyroll.db");
    assert!(matches!(open(&DatabaseUrl::SqliteFile(nowhere)).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn another_process_that_holds_the_database_makes_it_unavailable_for_a_while() {
    let db = db().await;
    let raw = db.connection();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let found = db.store.begin(&crate::common::permit()).await.map(drop);
    assert!(matches!(found, Err(StoreError::Unavailable(_))), "{found:?}");
    db.store.read().await.unwrap().secret_names().await.unwrap();
    raw.execute_batch("ROLLBACK").unwrap();
    commit(begin(&db.store).await).await;
}
