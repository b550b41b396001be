//! Routes: their references, revisions, environments and hosts.

use model::name::EnvironmentName;
use store::{Page, RouteFilter, Rule, StoreError};

use super::memory;
use crate::common::{at, begin, commit, furnish, refused, route, spec};

#[tokio::test]
async fn a_route_comes_back_as_it_was_given() {
    let store = memory().await;
    furnish(&store).await;
    let read = store.read().await.unwrap();
    let row = read.route("payments").await.unwrap().unwrap();
    assert_eq!(row.spec, route("payments", "stripe_api_key"));
    assert_eq!((row.version, row.created_at, row.updated_at), (1, at(0), at(0)));
    assert!(read.route("Payments").await.unwrap().is_none());
    assert_eq!(read.route_names().await.unwrap(), ["payments".parse().unwrap()]);
}

#[tokio::test]
async fn references_follow_the_specification() {
    let store = memory().await;
    furnish(&store).await;
    let text = |rows: Vec<store::ReferenceRow>| {
        rows.iter()
            .map(|row| {
                let environment = row.environment.as_ref().map_or("-", EnvironmentName::as_str);
                format!("{} {environment} {} {}", row.route, row.field, row.enabled)
            })
            .collect::<Vec<_>>()
    };
    let read = store.read().await.unwrap();
    assert_eq!(
        text(read.references("stripe_api_key").await.unwrap()),
        ["payments production inject.headers.Authorization true", "payments staging inject.headers.Authorization true"]
    );
    let moved = spec(
        r#"{"name": "payments", "base": {"upstream": "https://api.example.com",
            "inject": {"headers": {"Authorization": "Bearer {{stripe_api_key}}"}}},
            "environments": {"staging": {"inject": {"headers": {"Authorization": "{{partner_api_key}}"}}}}}"#,
    );
    let mut tx = begin(&store).await;
    assert_eq!(tx.update_route(&moved, "replace-secret", at(5)).await.unwrap(), 2);
    commit(tx).await;
    let read = store.read().await.unwrap();
    let idle = "payments - inject.headers.Authorization false";
    assert_eq!(text(read.references("stripe_api_key").await.unwrap()), [idle], "named by the base, used nowhere");
    assert_eq!(read.count_references("stripe_api_key").await.unwrap(), 1);
    let staging = "payments staging inject.headers.Authorization true";
    assert_eq!(text(read.references("partner_api_key").await.unwrap()), [staging]);
    let naming = read.routes_naming("stripe_api_key").await.unwrap();
    assert_eq!((naming.len(), naming[0].version), (1, 2));
    assert!(read.routes_naming("none").await.unwrap().is_empty());
}

#[tokio::test]
async fn the_last_reference_is_noted_when_it_goes() {
    let store = memory().await;
    furnish(&store).await;
    let last =
        async |name: &str| store.read().await.unwrap().secret(name).await.unwrap().unwrap().secret.last_referenced_at;
    assert_eq!((last("stripe_api_key").await, last("partner_api_key").await), (Some(at(0)), None));
    let mut tx = begin(&store).await;
    tx.update_route(&route("payments", "partner_api_key"), "update", at(5)).await.unwrap();
    commit(tx).await;
    assert_eq!((last("stripe_api_key").await, last("partner_api_key").await), (Some(at(5)), Some(at(5))));
    let mut tx = begin(&store).await;
    tx.delete_route("payments", at(9)).await.unwrap();
    commit(tx).await;
    assert_eq!((last("stripe_api_key").await, last("partner_api_key").await), (Some(at(5)), Some(at(9))));
}

#[tokio::test]
async fn a_route_to_nowhere_is_refused() {
    let store = memory().await;
    furnish(&store).await;
    let mut tx = begin(&store).await;
    refused(tx.insert_route(&route("other", "missing"), at(1)).await, Rule::SecretNotFound);
    drop(tx);
    let mut tx = begin(&store).await;
    let elsewhere = spec(r#"{"name": "other", "environments": {"nowhere": {}}}"#);
    refused(tx.insert_route(&elsewhere, at(1)).await, Rule::ForeignKey);
    drop(tx);
    let mut tx = begin(&store).await;
    refused(tx.insert_route(&route("payments", "stripe_api_key"), at(1)).await, Rule::Taken);
    drop(tx);
    let mut tx = begin(&store).await;
    assert!(matches!(
        tx.update_route(&route("other", "stripe_api_key"), "update", at(1)).await,
        Err(StoreError::Missing(_))
    ));
    drop(tx);
    let mut tx = begin(&store).await;
    assert!(matches!(tx.delete_route("other", at(1)).await, Err(StoreError::Missing(_))));
    drop(tx);
    let mut tx = begin(&store).await;
    tx.insert_route(&route("other", "stripe_api_key"), at(1)).await.unwrap();
    commit(tx).await;
}

#[tokio::test]
async fn a_host_selects_one_route() {
    let store = memory().await;
    furnish(&store).await;
    let with_host = |name: &str, host: &str| spec(&format!(r#"{{"name": "{name}", "hosts": ["{host}"]}}"#));
    let mut tx = begin(&store).await;
    tx.insert_route(&with_host("one", "API.internal"), at(1)).await.unwrap();
    commit(tx).await;
    let mut tx = begin(&store).await;
    refused(tx.insert_route(&with_host("two", "api.internal"), at(1)).await, Rule::Taken);
    drop(tx);
    let mut tx = begin(&store).await;
    tx.insert_route(&with_host("two", "other.internal"), at(1)).await.unwrap();
    assert_eq!(tx.route_of_host("api.INTERNAL").await.unwrap(), Some("one".parse().unwrap()));
    assert_eq!(tx.route_of_host("none.internal").await.unwrap(), None);
    tx.update_route(&with_host("one", "third.internal"), "update", at(2)).await.unwrap();
    assert_eq!(tx.route_of_host("api.internal").await.unwrap(), None);
}

#[tokio::test]
async fn every_state_of_a_route_is_kept_beyond_its_deletion() {
    let store = memory().await;
    furnish(&store).await;
    let mut tx = begin(&store).await;
    tx.update_route(&route("payments", "partner_api_key"), "update", at(1)).await.unwrap();
    tx.delete_route("payments", at(2)).await.unwrap();
    assert_eq!(tx.insert_route(&route("payments", "stripe_api_key"), at(3)).await.unwrap(), 4);
    commit(tx).await;

    let read = store.read().await.unwrap();
    let first = read.route_revisions("payments", &Page { limit: 3, cursor: None }).await.unwrap();
    let rest = read.route_revisions("payments", &Page { limit: 3, cursor: first.next.clone() }).await.unwrap();
    let actions: Vec<_> =
        first.items.iter().chain(&rest.items).map(|revision| (revision.number, revision.action.as_str())).collect();
    assert_eq!(actions, [(4, "create"), (3, "delete"), (2, "update"), (1, "create")]);
    assert_eq!(rest.next, None);
    let second = read.route_revision("payments", 2).await.unwrap().unwrap();
    assert_eq!((second.actor.as_str(), second.at), ("system:test", at(1)));
    assert_eq!(second.spec, Some(route("payments", "partner_api_key")));
    assert_eq!(first.items[1].spec, None);
    assert!(read.route_revision("payments", 9).await.unwrap().is_none());
    let bad = read.route_revisions("payments", &Page { limit: 3, cursor: Some("x".to_owned()) }).await;
    assert!(matches!(bad, Err(StoreError::BadCursor)));
}

#[tokio::test]
async fn filters_and_pages() {
    let store = memory().await;
    furnish(&store).await;
    let mut tx = begin(&store).await;
    for number in 0..30 {
        let name = format!("route-{number:02}");
        tx.insert_route(&spec(&format!(r#"{{"name": "{name}", "description": "Zeta"}}"#)), at(1)).await.unwrap();
    }
    commit(tx).await;
    let read = store.read().await.unwrap();
    let table = [
        (RouteFilter::default(), 31),
        (RouteFilter { q: Some("zeta".into()), ..Default::default() }, 30),
        (RouteFilter { environment: Some("staging".parse().unwrap()), ..Default::default() }, 1),
        (RouteFilter { secret: Some("stripe_api_key".parse().unwrap()), ..Default::default() }, 1),
        (RouteFilter { secret: Some("partner_api_key".parse().unwrap()), ..Default::default() }, 0),
    ];
    for (filter, count) in table {
        assert_eq!(read.count_routes(&filter).await.unwrap(), count);
        let mut seen = std::collections::BTreeSet::new();
        let mut page = Page { limit: 4, cursor: None };
        loop {
            let listed = read.routes(&filter, &page).await.unwrap();
            assert!(listed.items.into_iter().all(|row| seen.insert(row.spec.name)), "each once");
            page.cursor = listed.next;
            if page.cursor.is_none() {
                break;
            }
        }
        assert_eq!(i64::try_from(seen.len()).unwrap(), count);
    }
}
