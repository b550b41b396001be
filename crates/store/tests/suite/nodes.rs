//! Nodes and leases: signs of life by the database's clock, and one holder at a time.

use std::time::Duration;

use super::memory;
use crate::common::{at, begin, commit};
use model::node::{NodeRole, NodeState};
use model::time::Span;
use store::{Heartbeat, Store, StoreError, Telemetry};

fn heartbeat(id: &str, run: &str, revision: i64) -> Heartbeat {
    Heartbeat {
        id: id.to_owned(),
        name: format!("name of {id}"),
        role: NodeRole::Gateway,
        version: "0.1.0".to_owned(),
        run: run.to_owned(),
        serves: Some(("inc_1".to_owned(), revision)),
        max_staleness: Span::from_hours(1),
        open: Vec::new(),
    }
}

async fn beat(store: &Store, id: &str, run: &str, revision: i64) {
    store.record(Telemetry::Heartbeat(heartbeat(id, run, revision))).await.unwrap();
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn a_sign_of_life_says_what_is_served_since_when() {
    let store = memory().await;
    beat(&store, "node_1", "run_1", 3).await;
    let first = store.read().await.unwrap().nodes().await.unwrap().remove(0);
    pause().await;
    beat(&store, "node_1", "run_1", 4).await;
    let read = store.read().await.unwrap();
    let second = read.node("node_1").await.unwrap().unwrap();
    assert_eq!((second.revision, second.started_at), (Some(4), first.started_at));
    assert!(second.last_seen_at > first.last_seen_at);
    assert!(read.now().await.unwrap() >= second.last_seen_at);
    assert_eq!(second.state(read.now().await.unwrap()), NodeState::Live);
    drop(read);
    pause().await;
    beat(&store, "node_1", "run_2", 4).await;
    beat(&store, "node_2", "run_1", 4).await;
    let read = store.read().await.unwrap();
    assert!(read.node("node_1").await.unwrap().unwrap().started_at > second.started_at, "another run of the process");
    assert_eq!(read.nodes().await.unwrap().len(), 2);
    assert!(read.node("node_3").await.unwrap().is_none());
}

#[tokio::test]
async fn a_node_is_stopped_by_its_own_word_or_an_operators_until_it_is_heard_from_again() {
    let store = memory().await;
    for id in ["node_1", "node_2"] {
        beat(&store, id, "run_1", 3).await;
    }
    store.record(Telemetry::Farewell("node_1".to_owned())).await.unwrap();
    let mut tx = begin(&store).await;
    tx.attest_stopped("node_2").await.unwrap();
    assert!(matches!(tx.attest_stopped("node_3").await, Err(StoreError::Missing(_))));
    commit(tx).await;
    let stopped = async |id: &str| {
        let read = store.read().await.unwrap();
        let node = read.node(id).await.unwrap().unwrap();
        (node.revision, node.stopped.map(|stopped| stopped.by))
    };
    assert_eq!(stopped("node_1").await, (None, Some("node".to_owned())));
    assert_eq!(stopped("node_2").await, (Some(3), Some("system:test".to_owned())));
    for id in ["node_1", "node_2"] {
        beat(&store, id, "run_2", 5).await;
        assert_eq!(stopped(id).await, (Some(5), None));
    }
}

#[tokio::test]
async fn stopped_nodes_are_forgotten_in_time_and_others_are_not() {
    let store = memory().await;
    beat(&store, "node_1", "run_1", 3).await;
    beat(&store, "node_2", "run_1", 3).await;
    store.record(Telemetry::Farewell("node_1".to_owned())).await.unwrap();
    store.record(Telemetry::ForgetNodes { kept: Span::from_hours(1) }).await.unwrap();
    assert_eq!(store.read().await.unwrap().nodes().await.unwrap().len(), 2);
    pause().await;
    store.record(Telemetry::ForgetNodes { kept: Span::from_millis(1) }).await.unwrap();
    let left = store.read().await.unwrap().nodes().await.unwrap();
    assert_eq!(left.iter().map(|node| node.id.as_str()).collect::<Vec<_>>(), ["node_2"]);
}

#[tokio::test]
async fn a_lease_has_one_holder_and_a_number_that_grows_with_each() {
    let store = memory().await;
    let long = Span::from_hours(1);
    let first = store.lease("task", "node_1", long).await.unwrap().unwrap();
    assert_eq!(store.lease("task", "node_2", long).await.unwrap(), None);
    assert_eq!(store.lease("task", "node_1", Span::from_millis(10)).await.unwrap(), Some(first.clone()), "prolonged");
    assert!(store.lease("other", "node_2", long).await.unwrap().is_some());
    pause().await;
    let second = store.lease("task", "node_2", long).await.unwrap().expect("the first has run out");
    assert!(second.fence() > first.fence());
    let forget = || Telemetry::ForgetAnswers { before: at(0) };
    assert!(matches!(store.record_under(&first, forget()).await, Err(StoreError::LeaseLost("task"))));
    store.record_under(&second, forget()).await.unwrap();
}

#[tokio::test]
async fn whoever_asks_at_the_same_moment_one_gets_it() {
    let store = memory().await;
    let asked = (0..20).map(|number| {
        let store = store.clone();
        async move { store.lease("task", &format!("node_{number}"), Span::from_hours(1)).await.unwrap() }
    });
    let given = futures_util::future::join_all(asked).await;
    assert_eq!(given.iter().flatten().count(), 1);
}
