//! What publishing reads: changed rows only, deletions included.

use store::{Changes, Rebound, Store, TombstoneKind};

use super::{db, memory};
use crate::common::{at, begin, client, client_key, commit, environment, furnish, route, secret};

/// What changed, in words.
async fn since(store: &Store, revision: i64) -> Vec<String> {
    let changes = store.read().await.unwrap().changes_since(revision).await.unwrap();
    let Changes { secrets, routes, environments, clients, gone, .. } = changes;
    let mut all: Vec<String> = secrets.iter().map(|row| format!("secret {}", row.secret.name)).collect();
    all.extend(routes.iter().map(|row| format!("route {}", row.spec.name)));
    all.extend(environments.iter().map(|row| format!("environment {}", row.name)));
    all.extend(clients.iter().map(|row| format!("client {} {}", row.client.name, row.keys.len())));
    all.extend(gone.iter().map(|grave| format!("gone {:?} {}", grave.kind, grave.name)));
    all
}

#[tokio::test]
async fn only_what_changed_is_read() {
    let store = memory().await;
    furnish(&store).await;
    let all = [
        "secret partner_api_key",
        "secret stripe_api_key",
        "route payments",
        "environment production",
        "environment staging",
    ];
    assert_eq!(since(&store, 0).await, all);
    assert!(since(&store, 1).await.is_empty());

    let mut revision = 1;
    macro_rules! step {
        (|$tx:ident| $change:expr, $expected:expr) => {{
            let mut $tx = begin(&store).await;
            $change.await.unwrap();
            commit($tx).await;
            let expected: &[&str] = &$expected;
            assert_eq!(since(&store, revision).await, expected);
            revision += 1;
            assert!(since(&store, revision).await.is_empty());
        }};
    }
    let rebound = Rebound { kek_id: "kek_2".to_owned(), wrapped_dek: vec![1] };
    step!(|tx| tx.update_secret(&secret("partner_api_key"), None), ["secret partner_api_key"]);
    step!(|tx| tx.rewrap_secret("partner_api_key", &rebound), ["secret partner_api_key"]);
    step!(|tx| tx.insert_client(&client("shop")), ["client shop 0"]);
    step!(|tx| tx.insert_client_key(&client_key("shop", 1)), ["client shop 1"]);
    step!(|tx| tx.insert_client_key(&client_key("shop", 2)), ["client shop 2"]);
    step!(|tx| tx.revoke_client_key("shop", "key_shop_1", at(1)), ["client shop 2"]);
    step!(|tx| tx.delete_client("shop"), ["gone Client shop"]);
    step!(|tx| tx.insert_client(&client("shop")), ["client shop 0"]);
    step!(|tx| tx.update_client(&client("shop")), ["client shop 0"]);
    step!(|tx| tx.insert_environment(&environment("test", 0, true)), ["environment production", "environment test"]);
    step!(|tx| tx.delete_environment("test"), ["gone Environment test"]);
    step!(|tx| tx.update_route(&route("payments", "stripe_api_key"), "update", at(2)), ["route payments"]);
    step!(|tx| tx.delete_route("payments", at(3)), ["gone Route payments"]);
    step!(|tx| tx.delete_secret("stripe_api_key", at(4)), ["gone Secret stripe_api_key"]);
    step!(|tx| tx.insert_route(&route("payments", "partner_api_key"), at(5)), ["route payments"]);
    step!(|tx| tx.set_meta("x", b"y"), []);

    let later = store.read().await.unwrap().changes_since(1).await.unwrap();
    assert_eq!(later.position.revision, revision);
    assert!(later.gone.iter().all(|grave| grave.kind != TombstoneKind::Route), "what exists again is not gone");
}

#[tokio::test]
async fn one_look_is_one_state() {
    let store = memory().await;
    furnish(&store).await;
    let read = store.read().await.unwrap();
    let mut tx = begin(&store).await;
    tx.delete_route("payments", at(1)).await.unwrap();
    tx.delete_secret("stripe_api_key", at(1)).await.unwrap();
    commit(tx).await;
    let changes = read.changes_since(0).await.unwrap();
    assert_eq!(
        (changes.position.revision, changes.routes.len(), changes.secrets.len(), changes.gone.len()),
        (1, 1, 2, 0)
    );
}

#[tokio::test]
async fn a_row_that_somebody_spoilt_is_reported_and_spoils_nothing_else() {
    let db = db().await;
    furnish(&db.store).await;
    let mut tx = begin(&db.store).await;
    tx.insert_client(&client("shop")).await.unwrap();
    tx.insert_client(&client("other")).await.unwrap();
    commit(tx).await;
    let sound = db.store.read().await.unwrap().changes_since(0).await.unwrap();
    assert!(sound.damaged.is_empty() && sound.gone.is_empty());

    // Only SQLite takes a text that is not UTF-8.
    let column = if db.is_file() { "description" } else { "environments" };
    db.raw("UPDATE secrets SET tags = 'no list' WHERE name = 'partner_api_key'").await.unwrap();
    db.raw(&format!("UPDATE clients SET {column} = CAST(x'ff' AS TEXT) WHERE name = 'shop'")).await.unwrap();
    db.raw("UPDATE routes SET spec = '{}'").await.unwrap();
    let changes = db.store.read().await.unwrap().changes_since(0).await.unwrap();
    let damaged: Vec<_> = changes.damaged.iter().map(|d| (d.of.name.as_str(), d.column.as_str())).collect();
    assert_eq!(damaged, [("partner_api_key", "tags"), ("payments", "seal"), ("shop", "seal")]);
    assert_eq!(changes.gone.len(), 3, "what cannot be read is not served");
    let names: Vec<_> = changes.secrets.iter().map(|row| row.secret.name.as_str()).collect();
    assert_eq!((names, changes.routes.len(), changes.environments.len()), (vec!["stripe_api_key"], 0, 2));
    assert_eq!(changes.clients[0].client.name.as_str(), "other");
}
