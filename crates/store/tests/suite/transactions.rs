//! Transactions: what is kept, what is undone, who sees what, and in which order.

use super::{db, memory};
use crate::common::{add_secrets, at, begin, commit, sealed, secret};
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
    let db = db().await;
    crate::common::furnish(&db.store).await;
    let before = db.store.read().await.unwrap().changes_since(0).await.unwrap();
    let db = db.reopen().await;
    assert_eq!(*db.store.changes().borrow(), 1);
    let after = db.store.read().await.unwrap().changes_since(0).await.unwrap();
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    assert_eq!(after.secrets[0].sealed, sealed("partner_api_key"));
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

#[tokio::test]
async fn an_incarnation_is_kept() {
    let db = db().await;
    let other = db.reopen().await;
    let again = store::Store::open(other.url(), at(0), "inc_2".to_owned()).await.unwrap();
    assert_eq!(again.read().await.unwrap().position().incarnation, "inc_1");
}

#[tokio::test]
async fn an_altered_migration_is_refused() {
    let db = db().await;
    let checksum = db.texts("SELECT checksum AS t FROM migrations WHERE number = 1").await.remove(0);
    db.raw("UPDATE migrations SET checksum = 'y' WHERE number = 1").await.unwrap();
    let found = db.open().await;
    assert!(matches!(found, Err(StoreError::Migration(MigrationError::Changed { number: 1, .. }))), "{found:?}");
    db.raw(&format!("UPDATE migrations SET checksum = '{checksum}' WHERE number = 1")).await.unwrap();
    db.open().await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused_only_if_it_says_so() {
    let db = db().await;
    db.raw("INSERT INTO migrations VALUES (9000, 'later', 'y', '0.0.9', 0)").await.unwrap();
    db.open().await.unwrap();
    for demand in ["99.0.0", "0.1.1", "unreadable"] {
        let sql = format!("UPDATE migrations SET min_binary = '{demand}' WHERE number = 9000");
        assert_eq!(db.raw(&sql).await, Ok(1));
        let found = db.open().await;
        assert!(matches!(found, Err(StoreError::Migration(MigrationError::BinaryTooOld { .. }))), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hands_over_finishes_the_change_that_has_begun_and_begins_no_other_until_it_takes_back() {
    let store = memory().await;
    let mut tx = begin(&store).await;
    tx.insert_secret(&secret("a"), &sealed("a")).await.unwrap();
    let handing = tokio::spawn({
        let store = store.clone();
        async move { store.hand_over().await }
    });
    while !store.is_handed_over().await {
        tokio::task::yield_now().await;
    }
    assert!(!handing.is_finished(), "the change is waited for");
    commit(tx).await;
    handing.await.unwrap().unwrap();
    let farewell = || store::Telemetry::Farewell("node_1".to_owned());
    assert!(matches!(store.record(farewell()).await, Err(StoreError::HandedOver)));
    assert!(matches!(store.lease("any", "node_1", model::time::Span::from_secs(1)).await, Err(StoreError::HandedOver)));
    assert!(matches!(store.begin(&crate::common::permit()).await.map(drop), Err(StoreError::HandedOver)));
    assert!(store.read().await.unwrap().secret("a").await.unwrap().is_some(), "it reads as before");
    store.take_back(at(1)).await.unwrap();
    store.record(farewell()).await.unwrap();
    add_secrets(&store, &["b"]).await;
}
