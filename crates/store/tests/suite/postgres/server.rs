//! What only a server can do: go away, hang, be asked by several nodes, and lose its own guards.

use std::time::{Duration, Instant};

use super::db;
use crate::common::{Db, add_secrets, at, begin, commit, event, furnish, open, permit, sealed, secret};
use store::{DatabaseUrl, MigrationError, StoreError, Telemetry};
use testkit::{FaultProxy, Mode};
use tokio::task::JoinHandle;

/// The promise is an answer within five seconds, whatever the database does.
const PROMISE: Duration = Duration::from_secs(5);

/// The same database through a forwarder.
async fn through_proxy(db: &Db) -> (FaultProxy, store::Store) {
    let (postgres, database) = db.server();
    let proxy = FaultProxy::start(([127, 0, 0, 1], postgres.port()));
    let url = database.url().replace(&format!(":{}/", postgres.port()), &format!(":{}/", proxy.port()));
    let store = open(&url.parse().unwrap()).await.unwrap();
    (proxy, store)
}

#[tokio::test]
async fn a_removed_weakened_or_disabled_guard_is_noticed() {
    let db = db().await;
    let body = "CREATE OR REPLACE FUNCTION guard_audit_insert() RETURNS trigger LANGUAGE plpgsql AS \
                $x$BEGIN RETURN NEW; END$x$";
    let trigger = "CREATE TRIGGER audit_is_fixed BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION guard_refuse('audit-is-append-only')";
    let cases = [
        ("ALTER TABLE audit DISABLE TRIGGER audit_is_fixed", "audit_is_fixed"),
        ("ALTER TABLE audit ENABLE REPLICA TRIGGER audit_is_fixed", "audit_is_fixed"),
        ("DROP TRIGGER audit_is_fixed ON audit", "audit_is_fixed"),
        (body, "guard_audit_insert"),
    ];
    for (sql, name) in cases {
        let db = super::db().await;
        db.open().await.unwrap();
        db.raw(sql).await.unwrap();
        let found = db.open().await;
        let expected = MigrationError::GuardMissing { guard: name.to_owned() };
        assert!(matches!(found, Err(StoreError::Migration(ref error)) if *error == expected), "{sql}: {found:?}");
    }
    db.raw("DROP TRIGGER audit_is_fixed ON audit").await.unwrap();
    db.raw(&trigger.replace("BEFORE UPDATE", "AFTER UPDATE")).await.unwrap();
    assert!(db.open().await.is_err());
    db.raw("DROP TRIGGER audit_is_fixed ON audit").await.unwrap();
    db.raw(trigger).await.unwrap();
    db.open().await.unwrap();
}

#[tokio::test]
async fn tables_cannot_be_emptied_at_once() {
    let db = db().await;
    furnish(&db.store).await;
    for (table, rule) in [
        ("audit", "audit-is-append-only"),
        ("route_revisions", "route-revisions-are-append-only"),
        ("revision", "revision-goes-forward"),
        ("secrets CASCADE", "secret-row-stays"),
    ] {
        assert_eq!(db.raw(&format!("TRUNCATE {table}")).await, Err(rule.to_owned()), "{table}");
    }
    assert_eq!(db.raw("TRUNCATE idempotency").await, Ok(0));
}

#[tokio::test]
async fn another_node_hears_of_a_commit() {
    let db = db().await;
    let other = db.open().await.unwrap();
    let mut heard = other.changes();
    // Listening may begin a moment after opening: until it is heard, commits go on.
    for _ in 0..100 {
        commit(begin(&db.store).await).await;
        if tokio::time::timeout(Duration::from_millis(100), heard.changed()).await.is_ok() {
            break;
        }
    }
    let heard_of = *heard.borrow();
    assert!(heard_of > 0 && heard_of <= *db.store.changes().borrow());
}

#[tokio::test]
async fn two_nodes_open_a_new_database_at_once() {
    let db = db().await;
    let (_, database) = db.server();
    database.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION keyroll").unwrap();
    let url: DatabaseUrl = database.url().parse().unwrap();
    let opened = futures_util::future::join_all((0..8).map(|_| open(&url))).await;
    for store in opened {
        assert_eq!(store.unwrap().read().await.unwrap().position().incarnation, "inc_1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_several_nodes_take_turns() {
    let db = db().await;
    let stores = [db.store.clone(), db.open().await.unwrap(), db.open().await.unwrap()];
    let tasks: Vec<_> = (0..60)
        .map(|number| {
            let store = stores[number % 3].clone();
            tokio::spawn(async move {
                let mut tx = begin(&store).await;
                let seen = tx.position().revision;
                let name = format!("secret_{number}");
                tx.insert_secret(&secret(&name), &sealed(&name)).await.unwrap();
                assert_eq!(commit(tx).await.revision, seen + 1, "nobody came between");
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(db.store.read().await.unwrap().position().revision, 60);
}

#[tokio::test]
async fn a_server_that_answers_nothing_is_told_within_the_promise_and_heals_at_once() {
    let db = db().await;
    let (proxy, store) = through_proxy(&db).await;
    add_secrets(&store, &["a"]).await;
    proxy.set(Mode::BlackHole);
    for _ in 0..2 {
        let begun = Instant::now();
        assert!(matches!(store.read().await.map(drop), Err(StoreError::Unavailable(_))));
        assert!(begun.elapsed() < PROMISE, "{:?}", begun.elapsed());
        let begun = Instant::now();
        assert!(matches!(store.begin(&permit()).await.map(drop), Err(StoreError::Unavailable(_))));
        assert!(begun.elapsed() < PROMISE, "{:?}", begun.elapsed());
        assert!(store.record(Telemetry::ForgetAnswers { before: at(0) }).await.is_err());
    }
    proxy.set(Mode::Pass);
    let begun = Instant::now();
    while store.read().await.is_err() {
        assert!(begun.elapsed() < PROMISE, "it does not heal");
    }
    add_secrets(&store, &["b"]).await;
}

#[tokio::test]
async fn silence_in_the_middle_of_a_transaction_undoes_it() {
    let db = db().await;
    let (proxy, store) = through_proxy(&db).await;
    let mut tx = begin(&store).await;
    tx.insert_secret(&secret("a"), &sealed("a")).await.unwrap();
    proxy.set(Mode::BlackHole);
    let begun = Instant::now();
    assert!(matches!(tx.insert_secret(&secret("b"), &sealed("b")).await, Err(StoreError::Unavailable(_))));
    assert!(begun.elapsed() < PROMISE);
    drop(tx);
    // The server itself lets go of what a silent node holds: another node need not wait for longer than that.
    let begun = Instant::now();
    let other = loop {
        match db.store.begin(&permit()).await {
            Ok(tx) => break tx,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(15), "{error}"),
        }
    };
    assert!(other.secret("a").await.unwrap().is_none());
    drop(other);
    proxy.set(Mode::Pass);
    add_secrets(&store, &["a"]).await;
}

/// Makes every commit of a change take a second on the server, so that there is time to disturb it.
async fn slow_down_commits(db: &Db) {
    let function = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
                    $x$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $x$; ";
    let trigger = "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED \
                   FOR EACH ROW EXECUTE FUNCTION slow()";
    db.raw(&format!("{function}{trigger}")).await.unwrap();
}

/// A commit under way: the server works on it.
async fn committing(db: &Db, store: &store::Store, name: &str) -> JoinHandle<Result<store::Committed, StoreError>> {
    let mut tx = begin(store).await;
    tx.insert_secret(&secret(name), &sealed(name)).await.unwrap();
    let commit = tokio::spawn(tx.commit(event("test.change", "test/thing")));
    let sql = "SELECT query AS t FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%; COMMIT' \
               AND wait_event = 'PgSleep'";
    while db.texts(sql).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    commit
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_looked_up() {
    let db = db().await;
    slow_down_commits(&db).await;
    let (proxy, store) = through_proxy(&db).await;
    for name in ["one", "two"] {
        let commit = committing(&db, &store, name).await;
        proxy.set(Mode::LoseAnswers);
        let arrived = async {
            while db.store.read().await.unwrap().secret(name).await.unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PROMISE, arrived).await.unwrap();
        proxy.set(Mode::Cut);
        proxy.set(Mode::Pass);
        let committed = commit.await.unwrap().expect("the look finds it");
        assert_eq!(committed.revision, db.store.read().await.unwrap().position().revision);
    }
}

#[tokio::test]
async fn a_commit_is_looked_up_while_the_server_still_works_on_it() {
    let db = db().await;
    slow_down_commits(&db).await;
    let (proxy, store) = through_proxy(&db).await;
    let commit = committing(&db, &store, "one").await;
    proxy.set(Mode::Cut);
    proxy.set(Mode::Pass);
    // Whatever the server made of it: the answer is what is there.
    let told = commit.await.unwrap().is_ok();
    let there = db.store.read().await.unwrap().secret("one").await.unwrap().is_some();
    assert_eq!(told, there);
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_told_as_not_made() {
    let db = db().await;
    let (proxy, store) = through_proxy(&db).await;
    let mut tx = begin(&store).await;
    tx.insert_secret(&secret("a"), &sealed("a")).await.unwrap();
    proxy.set(Mode::Cut);
    proxy.set(Mode::Pass);
    let found = tx.commit(event("test.change", "test/thing")).await;
    assert!(matches!(found, Err(StoreError::Unavailable(_))), "{found:?}");
    assert!(db.store.read().await.unwrap().secret("a").await.unwrap().is_none());
    add_secrets(&store, &["a"]).await;
}

#[tokio::test]
async fn a_commit_that_nobody_can_look_up_is_told_as_unknown() {
    let db = db().await;
    slow_down_commits(&db).await;
    let (proxy, store) = through_proxy(&db).await;
    let commit = committing(&db, &store, "one").await;
    proxy.set(Mode::BlackHole);
    let found = commit.await.unwrap();
    assert!(matches!(found, Err(StoreError::OutcomeUnknown)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_count_at_once_wait_for_each_other_and_never_in_a_circle() {
    use model::usage::{Drained, TallyKey};
    let db = db().await;
    let stores = [db.store.clone(), db.open().await.unwrap()];
    let key = |secret: usize, route: usize| TallyKey {
        secret: format!("s{secret}").parse().unwrap(),
        route: format!("r{route}").parse().unwrap(),
        environment: "staging".parse().unwrap(),
    };
    let tasks = (0..40).map(|turn| {
        let store = stores[turn % 2].clone();
        let drained = Drained { counts: [1, 0, 0, 0, 0, 0], last_used: Some(at(5)) };
        // Each turn leaves out other rows, in which a circle could hide.
        let rows: Vec<_> = (0..8)
            .flat_map(|secret| (0..3).map(move |route| (secret, route)))
            .filter(|(secret, route)| (secret + route + turn) % 3 != 0)
            .map(|(secret, route)| (key(secret, route), drained))
            .collect();
        tokio::spawn(async move { store.record(Telemetry::Tallies { at: at(5), rows }).await })
    });
    for task in futures_util::future::join_all(tasks).await {
        task.unwrap().unwrap();
    }
}
