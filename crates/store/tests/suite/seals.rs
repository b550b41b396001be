//! Seals of rows: whatever Keyroll writes fits, and nothing that anybody else writes does.

use model::access::Role;
use store::{StoreError, Token};

use super::db;
use crate::common::{Db, at, begin, client, client_key, commit, environment, furnish, route};

fn token(id: &str, digest: u8) -> Token {
    Token {
        id: id.to_owned(),
        name: "ops".to_owned(),
        role: Role::Viewer,
        digest: [digest; 32],
        created_at: at(0),
        created_by: "system:bootstrap".to_owned(),
        expires_at: None,
        revoked_at: None,
    }
}

/// One of everything that is sealed.
async fn furnished() -> Db {
    let db = db().await;
    furnish(&db.store).await;
    let mut tx = begin(&db.store).await;
    tx.insert_client(&client("shop")).await.unwrap();
    tx.insert_client_key(&client_key("shop", 1)).await.unwrap();
    tx.insert_token(&token("tok_1", 1)).await.unwrap();
    commit(tx).await;
    db
}

async fn tampered(db: &Db) -> Vec<String> {
    db.store.read().await.unwrap().tampered_rows().await.unwrap()
}

#[tokio::test]
async fn every_change_leaves_rows_that_fit() {
    let db = furnished().await;
    let mut tx = begin(&db.store).await;
    let mut development = environment("development", 0, true);
    tx.insert_environment(&development).await.unwrap();
    development.default = false;
    tx.update_environment(&development).await.unwrap();
    tx.update_environment(&environment("staging", 1, true)).await.unwrap();
    tx.delete_environment("development").await.unwrap();
    tx.update_route(&route("payments", "partner_api_key"), "update", at(1)).await.unwrap();
    tx.insert_route(&route("other", "partner_api_key"), at(1)).await.unwrap();
    tx.delete_route("other", at(2)).await.unwrap();
    tx.insert_route(&route("other", "partner_api_key"), at(3)).await.unwrap();
    let mut shop = client("shop");
    shop.disabled = true;
    tx.update_client(&shop).await.unwrap();
    tx.insert_client_key(&client_key("shop", 2)).await.unwrap();
    tx.revoke_client_key("shop", "key_shop_1", at(4)).await.unwrap();
    tx.insert_client(&client("gone")).await.unwrap();
    tx.insert_client_key(&client_key("gone", 3)).await.unwrap();
    tx.delete_client("gone").await.unwrap();
    tx.insert_token(&token("tok_2", 2)).await.unwrap();
    tx.revoke_token("tok_1", at(5)).await.unwrap();
    commit(tx).await;
    assert_eq!(tampered(&db).await, [""; 0]);
    let read = db.store.read().await.unwrap();
    let changes = read.changes_since(0).await.unwrap();
    assert!(changes.damaged.is_empty());
    assert_eq!(changes.clients[0].keys.len(), 2);
    assert!(read.route_revision("other", 2).await.unwrap().is_some());
}

#[tokio::test]
async fn a_row_that_somebody_else_wrote_does_not_fit() {
    let db = furnished().await;
    for (sql, subject) in [
        ("UPDATE routes SET spec = replace(spec, 'example.com', 'example.net')", "route payments"),
        ("UPDATE routes SET version = version + 1", "route payments"),
        ("UPDATE routes SET changed = changed + 1", "route payments"),
        ("UPDATE routes SET seal = NULL", "route payments"),
        ("UPDATE routes SET seal = (SELECT seal FROM clients)", "route payments"),
        ("UPDATE clients SET routes = '[]'", "client shop"),
        ("UPDATE clients SET allowed_ips = '[]'", "client shop"),
        ("UPDATE clients SET expires_at = 1", "client shop"),
        ("UPDATE clients SET signing = 'required'", "client shop"),
        (
            "UPDATE client_keys SET digest = x'0707070707070707070707070707070707070707070707070707070707070707'",
            "client key key_shop_1",
        ),
        ("UPDATE tokens SET role = 'admin'", "token tok_1"),
        ("UPDATE tokens SET expires_at = 1", "token tok_1"),
        ("UPDATE environments SET protected = 0 WHERE name = 'production'", "environment production"),
        (
            "UPDATE environments SET seal = (SELECT seal FROM environments WHERE name = 'staging') WHERE name = 'production'",
            "environment production",
        ),
    ] {
        let (table, column) = (sql.split(' ').nth(1).unwrap(), sql.split(' ').nth(3).unwrap());
        db.raw(&format!("CREATE TABLE kept AS SELECT * FROM {table}")).await.unwrap();
        assert_eq!(db.raw(sql).await.unwrap(), 1, "{sql}");
        assert_eq!(tampered(&db).await, [subject], "{sql}");
        let key = if ["client_keys", "tokens"].contains(&table) { "id" } else { "name" };
        let kept = format!("(SELECT k.{column} FROM kept k WHERE k.{key} = {table}.{key})");
        db.raw(&format!("UPDATE {table} SET {column} = {kept}")).await.unwrap();
        assert_eq!(tampered(&db).await, [""; 0], "put back: {sql}");
        db.raw("DROP TABLE kept").await.unwrap();
    }
}

fn is_tampered<T: std::fmt::Debug>(result: Result<T, StoreError>, expected: &str) {
    match result {
        Err(StoreError::Tampered { subject }) => assert_eq!(subject, expected),
        other => panic!("expected {expected} to be refused, found {other:?}"),
    }
}

#[tokio::test]
async fn what_somebody_else_wrote_is_not_acted_upon() {
    let db = furnished().await;
    db.raw("UPDATE routes SET spec = replace(spec, 'example.com', 'example.net')").await.unwrap();
    db.raw("UPDATE clients SET routes = '[]'").await.unwrap();
    db.raw("UPDATE tokens SET role = 'admin'").await.unwrap();
    let read = db.store.read().await.unwrap();
    is_tampered(read.route("payments").await, "route payments");
    is_tampered(read.routes_naming("stripe_api_key").await, "route payments");
    is_tampered(read.client("shop").await, "client shop");
    is_tampered(read.token("tok_1").await, "token tok_1");
    is_tampered(read.token_by_digest(&[1; 32]).await, "token tok_1");
    let changes = read.changes_since(0).await.unwrap();
    let damaged: Vec<_> = changes.damaged.iter().map(|d| (d.of.name.as_str(), d.column.as_str())).collect();
    assert_eq!(damaged, [("payments", "seal"), ("shop", "seal")]);
    assert!(changes.routes.is_empty() && changes.clients.is_empty());
    drop(read);

    // Nothing is sealed along with a change beside it; but it can be done away with.
    let mut tx = begin(&db.store).await;
    is_tampered(tx.insert_client_key(&client_key("shop", 2)).await, "client shop");
    drop(tx);
    let mut tx = begin(&db.store).await;
    tx.delete_route("payments", at(1)).await.unwrap();
    tx.delete_client("shop").await.unwrap();
    assert!(tx.revoke_token("tok_1", at(1)).await.unwrap());
    commit(tx).await;
    assert_eq!(tampered(&db).await, [""; 0]);
    assert!(!db.store.read().await.unwrap().token("tok_1").await.unwrap().unwrap().is_live(at(2)));
}

#[tokio::test]
async fn an_inserted_key_is_no_key() {
    let db = furnished().await;
    let columns = "client, digest, created_at, revoked_at, seal";
    let digest = "x'0909090909090909090909090909090909090909090909090909090909090909'";
    let sql = format!(
        "INSERT INTO client_keys (id, {columns}) SELECT 'key_evil', client, {digest}, created_at, NULL, seal FROM client_keys"
    );
    db.raw(&sql).await.unwrap();
    let sql = format!(
        "INSERT INTO tokens (id, name, role, digest, created_at, created_by, seal) \
         SELECT 'tok_evil', name, 'admin', {digest}, created_at, created_by, seal FROM tokens"
    );
    db.raw(&sql).await.unwrap();
    assert_eq!(tampered(&db).await, ["client key key_evil", "token tok_evil"]);
    let read = db.store.read().await.unwrap();
    let keys = &read.changes_since(0).await.unwrap().clients[0].keys;
    assert_eq!(keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["key_shop_1"]);
    is_tampered(read.token_by_digest(&[9; 32]).await, "token tok_evil");
}

#[tokio::test]
async fn a_revision_that_was_changed_cannot_be_rolled_back_to() {
    let db = furnished().await;
    db.drop_guards("route_revisions", &["route_revisions_are_fixed"]).await;
    db.raw("UPDATE route_revisions SET spec = replace(spec, 'example.com', 'example.net')").await.unwrap();
    is_tampered(db.store.read().await.unwrap().route_revision("payments", 1).await, "revision payments 1");
    assert_eq!(tampered(&db).await, ["revision payments 1"]);
    // One from before there were seals is history to read, no more.
    db.raw("UPDATE route_revisions SET seal = NULL").await.unwrap();
    is_tampered(db.store.read().await.unwrap().route_revision("payments", 1).await, "revision payments 1");
    assert_eq!(tampered(&db).await, [""; 0]);
}

#[tokio::test]
async fn rows_from_before_there_were_seals_are_sealed_once() {
    let db = furnished().await;
    for table in ["environments", "routes", "clients", "client_keys", "tokens"] {
        db.raw(&format!("UPDATE {table} SET seal = NULL")).await.unwrap();
    }
    assert_eq!(tampered(&db).await.len(), 6);
    let mut tx = begin(&db.store).await;
    assert_eq!(tx.seal_all_rows().await.unwrap(), 6);
    commit(tx).await;
    assert_eq!(tampered(&db).await, [""; 0]);
}

#[tokio::test]
async fn many_rows_are_all_looked_at() {
    let db = db().await;
    let mut tx = begin(&db.store).await;
    for number in 0..450 {
        tx.insert_client(&client(&format!("client-{number:03}"))).await.unwrap();
    }
    commit(tx).await;
    db.raw("UPDATE clients SET disabled = 1 WHERE name IN ('client-000', 'client-199', 'client-200', 'client-449')")
        .await
        .unwrap();
    let names = ["client client-000", "client client-199", "client client-200", "client client-449"];
    assert_eq!(tampered(&db).await, names);
}
