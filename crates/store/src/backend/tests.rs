//! The engine itself: its settings, its limits, and what becomes of its errors.

use std::time::Duration;

use tokio::sync::watch;

use super::sqlite::{Limits, Sqlite};
use super::{Backend, Closing, Conversation, DatabaseUrl, Guards, Purpose, Val, args};
use crate::error::StoreError;

async fn read(backend: &Backend) -> Conversation {
    backend.begin(Purpose::Read).await.unwrap()
}

async fn write(backend: &Backend) -> Conversation {
    backend.begin(Purpose::Change).await.unwrap()
}

async fn table(backend: &Backend) {
    let conversation = write(backend).await;
    conversation
        .migrate("CREATE TABLE t (a {i64} NOT NULL PRIMARY KEY, b {blob}) {table};", Guards::NONE)
        .await
        .unwrap();
    conversation.commit(Closing::default()).await.unwrap();
}

fn memory() -> (Backend, watch::Receiver<i64>) {
    let (announce, changes) = watch::channel(0);
    (Backend::open(&DatabaseUrl::SqliteMemory, announce).unwrap(), changes)
}

async fn pragma(backend: &Backend, change: bool, name: &str) -> String {
    let conversation = backend.begin(if change { Purpose::Change } else { Purpose::Read }).await.unwrap();
    let rows =
        conversation.query(&format!("SELECT CAST({name} AS TEXT) AS v FROM pragma_{name}"), args![]).await.unwrap();
    rows[0].text("v").unwrap().to_owned()
}

#[tokio::test]
async fn the_settings_that_durability_rests_on_are_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::SqliteFile(directory.path().join("keyroll.db"));
    let backend = Backend::open(&url, watch::channel(0).0).unwrap();
    let table = [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("recursive_triggers", "1"),
        ("secure_delete", "1"),
        ("trusted_schema", "0"),
        ("temp_store", "2"),
    ];
    for (name, expected) in table {
        assert_eq!(pragma(&backend, true, name).await, expected, "{name}");
    }
    assert_eq!(pragma(&backend, false, "query_only").await, "1");
    assert_eq!(pragma(&backend, true, "query_only").await, "0");
}

#[tokio::test]
async fn a_throw_away_database_leaves_nothing_behind() {
    let (backend, _) = memory();
    let conversation = read(&backend).await;
    let rows = conversation.query("SELECT file FROM pragma_database_list WHERE name = 'main'", args![]).await.unwrap();
    let path = std::path::PathBuf::from(rows[0].text("file").unwrap());
    assert!(path.file_name().is_some_and(|name| name == "keyroll.db"));
    assert!(!path.parent().unwrap().exists(), "{}", path.display());
    table(&backend).await;
}

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    let (backend, _) = memory();
    let conversation = read(&backend).await;
    let sql = "SELECT $2 AS two, $1 AS one, $3 AS three, $4 AS four, '$1' AS text";
    let row =
        conversation.query(sql, args![i64::MIN, "äöü\u{0}x", vec![0_u8, 255], None::<i64>]).await.unwrap().remove(0);
    assert_eq!(row.int("one").unwrap(), i64::MIN);
    assert_eq!(row.text("two").unwrap(), "äöü\u{0}x");
    assert_eq!(row.blob("three").unwrap(), [0, 255]);
    assert_eq!(row.opt_int("four").unwrap(), None);
    assert_eq!(row.text("text").unwrap(), "$1");
    assert!(matches!(row.int("two"), Err(StoreError::Damaged { .. })));
    assert!(matches!(row.int("four"), Err(StoreError::Damaged { .. })));
    assert!(matches!(row.int("five"), Err(StoreError::Damaged { .. })));
    assert_eq!(format!("{:?}", Val::from("sk_live_1")), "Text");
}

#[tokio::test]
async fn the_wrong_number_of_arguments_is_an_error_and_not_null() {
    let (backend, _) = memory();
    for given in [args![], args![1, 2]] {
        let conversation = read(&backend).await;
        assert!(matches!(conversation.query("SELECT $1 AS a", given).await, Err(StoreError::Statement(_))));
    }
    let conversation = read(&backend).await;
    assert_eq!(conversation.query("SELECT $1 AS a", args![1]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn after_a_failed_statement_nothing_of_the_transaction_is_kept() {
    let (backend, _) = memory();
    table(&backend).await;
    let conversation = write(&backend).await;
    conversation.execute("INSERT INTO t (a) VALUES (1)", args![]).await.unwrap();
    assert!(conversation.execute("INSERT INTO t (a) VALUES (1)", args![]).await.is_err());
    assert!(conversation.execute("INSERT INTO t (a) VALUES (2)", args![]).await.is_err());
    assert!(conversation.commit(Closing::default()).await.is_err());
    let conversation = write(&backend).await;
    assert!(conversation.query("SELECT a FROM t", args![]).await.unwrap().is_empty());
    conversation.execute("INSERT INTO t (a) VALUES (1)", args![]).await.unwrap();
    conversation.commit(Closing::default()).await.unwrap();
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let (backend, _) = memory();
    table(&backend).await;
    let conversation = read(&backend).await;
    assert!(conversation.execute("INSERT INTO t (a) VALUES (1)", args![]).await.is_err());
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    let (backend, _) = memory();
    table(&backend).await;
    let limit = |pages: &'static str| format!("PRAGMA max_page_count = {pages}");
    let insert = "INSERT INTO t (a, b) VALUES ($1, $2)";

    let conversation = write(&backend).await;
    conversation.query(&limit("20"), args![]).await.unwrap();
    conversation.execute(insert, args![1, vec![7_u8; 1_000]]).await.unwrap();
    conversation.commit(Closing::default()).await.unwrap();

    let conversation = write(&backend).await;
    let refused = conversation.execute(insert, args![2, vec![7_u8; 1_000_000]]).await;
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    assert!(conversation.commit(Closing::default()).await.is_err());

    let reader = read(&backend).await;
    assert_eq!(reader.query("SELECT a FROM t", args![]).await.unwrap().len(), 1);
    drop(reader);

    let conversation = write(&backend).await;
    conversation.query(&limit("10000"), args![]).await.unwrap();
    conversation.execute(insert, args![2, vec![7_u8; 1_000_000]]).await.unwrap();
    conversation.commit(Closing::default()).await.unwrap();
}

#[tokio::test]
async fn a_stuck_caller_stops_nobody_else() {
    let limits = Limits { idle: Duration::from_millis(50), queue: Duration::from_secs(5) };
    let sqlite = Sqlite::open(&DatabaseUrl::SqliteMemory, watch::channel(0).0, limits).unwrap();
    let stuck = sqlite.begin(Purpose::Change).await.unwrap();
    let other = sqlite.begin(Purpose::Change).await.unwrap();
    other.query("SELECT 1 AS one", args![]).await.unwrap();
    assert!(matches!(stuck.commit(Closing::default()).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn whoever_waits_too_long_is_told_so() {
    let limits = Limits { idle: Duration::from_millis(100), queue: Duration::from_millis(10) };
    let sqlite = Sqlite::open(&DatabaseUrl::SqliteMemory, watch::channel(0).0, limits).unwrap();
    let stuck = sqlite.begin(Purpose::Change).await.unwrap();
    assert!(matches!(sqlite.begin(Purpose::Change).await.map(drop), Err(StoreError::Unavailable(_))));
    drop(stuck);
    assert!(sqlite.begin(Purpose::Change).await.is_ok());
}

#[tokio::test]
async fn a_commit_is_announced_even_if_nobody_waits_for_it() {
    let (backend, mut changes) = memory();
    let conversation = write(&backend).await;
    // Polled once, so that the request to commit is on its way, and then dropped, as when a client hangs up.
    let mut commit = Box::pin(conversation.commit(Closing { revision: Some(7), scrub: false }));
    let polled = std::future::poll_fn(|context| std::task::Poll::Ready(commit.as_mut().poll(context).is_ready()));
    polled.await;
    drop(commit);
    changes.wait_for(|revision| *revision == 7).await.unwrap();
}
