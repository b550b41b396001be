//! Transactions: what is kept, what is undone, who sees what, and in which order.

use std::os::unix::fs::PermissionsExt;

use crate::common::{OnDisk, add_secrets, at, begin, commit, memory, open, sealed, secret};
use store::{MigrationError, Position, StoreError};

#[tokio::test]
async fn a_dropped_handle_undoes_and_a_commit_keeps() {
    let store = memory().await;
    let mut tx = begin(&store).await;
    tx.insert_secret(&secret("a"), &sealed("a")).await.unwrap();
    drop(tx);
    let read = store.read().await.unwrap();
    assert!(read.secret("a").await.unwrap().is_none());
    assert_eq!(*read.position(), Position { incarnation: "inc_1".to_owned(), revision: 0, audit_size: 0 });

    let mut tx = begin(&store).await;
    tx.insert_secret(&secret("a"), &sealed("a")).await.unwrap();
    let committed = commit(tx).await;
    assert_eq!((committed.revision, committed.sequence), (1, 1));
    let read = store.read().await.unwrap();
    assert!(read.secret("a").await.unwrap().is_some());
    assert_eq!(*read.position(), Position { incarnation: "inc_1".to_owned(), revision: 1, audit_size: 1 });
}

#[tokio::test]
async fn a_future_that_is_dropped_midway_undoes() {
    let store = memory().await;
    let work = async {
        let mut tx = begin(&store).await;
        tx.insert_secret(&secret("a"), &sealed("a")).await.unwrap();
        std::future::pending::<()>().await;
        commit(tx).await;
    };
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), work).await.is_err());
    add_secrets(&store, &["b"]).await;
    let read = store.read().await.unwrap();
    assert!(read.secret("a").await.unwrap().is_none());
    assert!(read.secret("b").await.unwrap().is_some());
}

#[tokio::test]
async fn a_change_is_seen_only_after_its_commit_and_never_by_an_older_look() {
    let store = memory().await;
    let older = store.read().await.unwrap();
    let mut tx = begin(&store).await;
    tx.insert_secret(&secret("a"), &sealed("a")).await.unwrap();
    assert!(tx.secret("a").await.unwrap().is_some(), "a transaction sees its own changes");
    let during = store.read().await.unwrap();
    assert!(during.secret("a").await.unwrap().is_none());
    commit(tx).await;
    for look in [&older, &during] {
        assert!(look.secret("a").await.unwrap().is_none());
        assert_eq!(look.position().revision, 0);
    }
    assert!(store.read().await.unwrap().secret("a").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_take_turns() {
    let store = memory().await;
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut tx = begin(&store).await;
                let seen = tx.position().revision;
                let name = format!("secret_{number}");
                tx.insert_secret(&secret(&name), &sealed(&name)).await.unwrap();
                tokio::task::yield_now().await;
                let committed = commit(tx).await;
                assert_eq!(committed.revision, seen + 1, "nobody came between");
                committed.revision
            })
        })
        .collect();
    let mut revisions = Vec::new();
    for task in tasks {
        revisions.push(task.await.unwrap());
    }
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=50).collect::<Vec<_>>());
    assert_eq!(store.read().await.unwrap().secret_names().await.unwrap().len(), 50);
}

#[tokio::test]
async fn commits_are_announced_and_nothing_else_is() {
    let store = memory().await;
    let mut changes = store.changes();
    assert_eq!(*changes.borrow_and_update(), 0);
    drop(begin(&store).await);
    store.record(store::Telemetry::ForgetAnswers { before: at(0) }).await.unwrap();
    assert!(!changes.has_changed().unwrap());
    commit(begin(&store).await).await;
    assert!(changes.has_changed().unwrap());
    assert_eq!(*changes.borrow_and_update(), 1);
    assert_eq!(store.read().await.unwrap().position().revision, 1, "an event alone is a commit, too");
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let disk = OnDisk::new().await;
    crate::common::furnish(&disk.store).await;
    let before = disk.store.read().await.unwrap().changes_since(0).await.unwrap();
    let disk = disk.reopen().await;
    assert_eq!(*disk.store.changes().borrow(), 1);
    let after = disk.store.read().await.unwrap().changes_since(0).await.unwrap();
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    assert_eq!(after.secrets[0].sealed, sealed("partner_api_key"));
}

#[tokio::test]
async fn an_incarnation_is_kept() {
    let disk = OnDisk::new().await;
    let path = disk.path();
    let url = store::DatabaseUrl::SqliteFile(path);
    let other = store::Store::open(&url, at(0), "inc_2".to_owned()).await.unwrap();
    assert_eq!(other.read().await.unwrap().position().incarnation, "inc_1");
}

#[tokio::test]
async fn file_and_directory_are_for_their_owner_alone() {
    let disk = OnDisk::new().await;
    add_secrets(&disk.store, &["a"]).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(disk.path().parent().unwrap()), 0o700);
    for suffix in ["", "-wal", "-shm"] {
        let mut path = disk.path().into_os_string();
        path.push(suffix);
        assert_eq!(mode(std::path::Path::new(&path)), 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn a_destroyed_value_leaves_the_files() {
    let disk = OnDisk::new().await;
    add_secrets(&disk.store, &["a"]).await;
    let found = |disk: &OnDisk| {
        ["", "-wal"].iter().any(|suffix| {
            let mut path = disk.path().into_os_string();
            path.push(suffix);
            let bytes = std::fs::read(path).unwrap_or_default();
            bytes.windows(9).any(|window| window == b"wrapped a")
        })
    };
    assert!(found(&disk));
    let mut tx = begin(&disk.store).await;
    tx.delete_secret("a", at(1)).await.unwrap();
    commit(tx).await;
    assert!(!found(&disk));
}

#[tokio::test]
async fn an_altered_migration_is_refused() {
    let disk = OnDisk::new().await;
    let alter = |sql: &str| disk.raw().execute(sql, []).unwrap();
    let checksum: String =
        disk.raw().query_row("SELECT checksum FROM migrations WHERE number = 1", [], |row| row.get(0)).unwrap();
    alter("UPDATE migrations SET checksum = 'x'");
    let found = open(&disk.path()).await;
    assert!(matches!(found, Err(StoreError::Migration(MigrationError::Changed { number: 1, .. }))), "{found:?}");
    alter(&format!("UPDATE migrations SET checksum = '{checksum}'"));
    open(&disk.path()).await.unwrap();
}

#[tokio::test]
async fn a_removed_or_weakened_guard_is_noticed() {
    let disk = OnDisk::new().await;
    let raw = disk.raw();
    let text: String =
        raw.query_row("SELECT sql FROM sqlite_master WHERE name = 'audit_is_fixed'", [], |row| row.get(0)).unwrap();
    let weak = text.replace("BEFORE UPDATE ON audit", "BEFORE UPDATE ON audit WHEN 0");
    assert_ne!(text, weak);
    raw.execute_batch("DROP TRIGGER audit_is_fixed").unwrap();
    for after in ["", &weak] {
        raw.execute_batch(after).unwrap();
        let found = open(&disk.path()).await;
        let expected = MigrationError::GuardMissing { guard: "audit_is_fixed".to_owned() };
        assert!(matches!(found, Err(StoreError::Migration(ref error)) if *error == expected), "{found:?}");
    }
    raw.execute_batch("DROP TRIGGER audit_is_fixed").unwrap();
    raw.execute_batch(&text).unwrap();
    open(&disk.path()).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused_only_if_it_says_so() {
    let disk = OnDisk::new().await;
    let raw = disk.raw();
    raw.execute("INSERT INTO migrations VALUES (9000, 'later', 'x', '0.0.9', 0)", []).unwrap();
    open(&disk.path()).await.unwrap();
    for demand in ["99.0.0", "0.1.1", "unreadable"] {
        raw.execute("UPDATE migrations SET min_binary = ?1 WHERE number = 9000", [demand]).unwrap();
        let found = open(&disk.path()).await;
        assert!(matches!(found, Err(StoreError::Migration(MigrationError::BinaryTooOld { .. }))), "{found:?}");
    }
}

#[tokio::test]
async fn what_is_no_database_is_named_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyroll.db");
    std::fs::write(&path, "this is a text file, and a long one, so that SQLite reads a header from it ".repeat(20))
        .unwrap();
    assert!(matches!(open(&path).await, Err(StoreError::Damaged { .. })));
    let nowhere = directory.path().join("keyroll.db/inside/keyroll.db");
    assert!(matches!(open(&nowhere).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn another_process_that_holds_the_database_makes_it_unavailable_for_a_while() {
    let disk = OnDisk::new().await;
    let raw = disk.raw();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let found = disk.store.begin(&crate::common::permit()).await.map(drop);
    assert!(matches!(found, Err(StoreError::Unavailable(_))), "{found:?}");
    disk.store.read().await.unwrap().secret_names().await.unwrap();
    raw.execute_batch("ROLLBACK").unwrap();
    commit(begin(&disk.store).await).await;
}

#[tokio::test]
async fn work_can_move_between_threads() {
    fn moves<T: Send>(future: T) -> T {
        future
    }
    let store = memory().await;
    crate::common::furnish(&store).await;
    let changed = crate::common::route("payments", "partner_api_key");
    let mut tx = moves(store.begin(&crate::common::permit())).await.unwrap();
    moves(tx.update_route(&changed, "update", at(1))).await.unwrap();
    moves(tx.update_secret(&secret("stripe_api_key"), None)).await.unwrap();
    moves(tx.commit(crate::common::event("route.update", "route/payments"))).await.unwrap();
    let read = moves(store.read()).await.unwrap();
    moves(read.changes_since(0)).await.unwrap();
    moves(read.verify_audit()).await.unwrap();
    moves(read.secrets(&store::SecretFilter::default(), store::SecretSort::default(), &store::Page::default()))
        .await
        .unwrap();
    moves(store.record(store::Telemetry::ForgetAnswers { before: at(0) })).await.unwrap();
}
