//! Environments, clients and keys, tokens, remembered answers, and things by name.

use model::access::Role;
use store::{IdempotencyRecord, Page, Rule, StoreError, Telemetry, Token};

use super::memory;
use crate::common::{at, begin, client, client_key, commit, environment, furnish, refused, sealed, secret};

#[tokio::test]
async fn environments_in_the_order_of_ranks_with_one_default() {
    let store = memory().await;
    furnish(&store).await;
    let mut tx = begin(&store).await;
    let mut development = environment("development", 0, true);
    development.protected = false;
    tx.insert_environment(&development).await.unwrap();
    refused(tx.insert_environment(&environment("staging", 5, false)).await, Rule::Taken);
    drop(tx);
    let mut tx = begin(&store).await;
    tx.insert_environment(&development).await.unwrap();
    commit(tx).await;
    let read = store.read().await.unwrap();
    let found: Vec<_> = read.environments().await.unwrap();
    let text: Vec<_> = found.iter().map(|e| (e.name.as_str(), e.default, e.version)).collect();
    assert_eq!(text, [("development", true, 1), ("staging", false, 1), ("production", false, 2)]);
    assert_eq!(read.environment("development").await.unwrap(), Some(development.clone()));
    let mut tx = begin(&store).await;
    development.display_name = "Dev".to_owned();
    assert_eq!(tx.update_environment(&development).await.unwrap(), 2);
    assert!(matches!(tx.update_environment(&environment("none", 1, false)).await, Err(StoreError::Missing(_))));
}

#[tokio::test]
async fn an_environment_in_use_stays() {
    let store = memory().await;
    furnish(&store).await;
    let mut tx = begin(&store).await;
    tx.insert_environment(&environment("stag_ng", 9, false)).await.unwrap();
    tx.insert_client(&client("shop")).await.unwrap();
    let mut limited = secret("limited");
    limited.limits.environments = Some(["staging".parse().unwrap()].into());
    tx.insert_secret(&limited, &sealed("limited")).await.unwrap();
    let uses = tx.environment_uses("staging").await.unwrap();
    let text: Vec<_> = uses.iter().map(|user| format!("{} {}", user.kind, user.name)).collect();
    assert_eq!(text, ["client shop", "route payments", "secret limited"]);
    assert!(tx.environment_uses("stag_ng").await.unwrap().is_empty(), "_ is no wildcard");
    tx.delete_environment("stag_ng").await.unwrap();
    assert!(matches!(tx.delete_environment("stag_ng").await, Err(StoreError::Missing(_))));
    commit(tx).await;
    let mut tx = begin(&store).await;
    refused(tx.delete_environment("staging").await, Rule::ForeignKey);
}

#[tokio::test]
async fn clients_and_their_keys() {
    let store = memory().await;
    let mut tx = begin(&store).await;
    let mut shop = client("shop");
    tx.insert_client(&shop).await.unwrap();
    tx.insert_client_key(&client_key("shop", 1)).await.unwrap();
    tx.insert_client_key(&client_key("shop", 2)).await.unwrap();
    commit(tx).await;
    let found = store.read().await.unwrap().client("shop").await.unwrap().unwrap();
    assert_eq!((found.client, found.keys), (shop.clone(), vec![client_key("shop", 1), client_key("shop", 2)]));

    let mut tx = begin(&store).await;
    shop.disabled = true;
    shop.signing = Some(model::signing::Signing::Required);
    shop.rate_limit = serde_json::from_str(r#"{"requests": 5, "per": "1m"}"#).unwrap();
    assert_eq!(tx.update_client(&shop).await.unwrap(), 2);
    assert!(tx.revoke_client_key("shop", "key_shop_1", at(5)).await.unwrap());
    assert!(!tx.revoke_client_key("shop", "key_shop_1", at(6)).await.unwrap(), "revoked once");
    assert!(matches!(tx.revoke_client_key("other", "key_shop_2", at(6)).await, Err(StoreError::Missing(_))));
    assert!(matches!(tx.insert_client_key(&client_key("other", 3)).await, Err(StoreError::Missing(_))));
    commit(tx).await;
    let found = store.read().await.unwrap().client("shop").await.unwrap().unwrap();
    shop.version = 2;
    assert_eq!(found.client, shop);
    assert_eq!(found.keys.iter().map(|key| key.revoked_at).collect::<Vec<_>>(), [Some(at(5)), None]);

    let mut tx = begin(&store).await;
    refused(tx.insert_client(&client("shop")).await, Rule::Taken);
    drop(tx);
    let mut tx = begin(&store).await;
    tx.insert_client(&client("other")).await.unwrap();
    let mut copied = client_key("other", 1);
    copied.id = "key_copied".to_owned();
    refused(tx.insert_client_key(&copied).await, Rule::Taken);
    drop(tx);
    let mut tx = begin(&store).await;
    tx.delete_client("shop").await.unwrap();
    assert!(matches!(tx.delete_client("shop").await, Err(StoreError::Missing(_))));
    commit(tx).await;
    assert!(store.read().await.unwrap().client("shop").await.unwrap().is_none());
}

#[tokio::test]
async fn clients_are_paged_by_name() {
    let store = memory().await;
    let mut tx = begin(&store).await;
    for name in ["c", "a", "b"] {
        tx.insert_client(&client(name)).await.unwrap();
    }
    commit(tx).await;
    let read = store.read().await.unwrap();
    let first = read.clients(&Page { limit: 2, cursor: None }).await.unwrap();
    let rest = read.clients(&Page { limit: 2, cursor: first.next.clone() }).await.unwrap();
    let names: Vec<_> = first.items.iter().chain(&rest.items).map(|client| client.name.as_str()).collect();
    assert_eq!((names, rest.next), (vec!["a", "b", "c"], None));
    let bad = read.clients(&Page { limit: 2, cursor: Some("A B".to_owned()) }).await;
    assert!(matches!(bad, Err(StoreError::BadCursor)));
}

#[tokio::test]
async fn tokens_are_found_by_digest_and_end() {
    let store = memory().await;
    let token = Token {
        id: "tok_1".to_owned(),
        name: "ops".to_owned(),
        role: Role::Operator,
        digest: [7; 32],
        created_at: at(0),
        created_by: "system:bootstrap".to_owned(),
        expires_at: Some(at(100)),
        revoked_at: None,
    };
    let mut tx = begin(&store).await;
    tx.insert_token(&token).await.unwrap();
    commit(tx).await;
    let read = store.read().await.unwrap();
    assert_eq!(read.token_by_digest(&[7; 32]).await.unwrap(), Some(token.clone()));
    assert_eq!(read.token_by_digest(&[8; 32]).await.unwrap(), None);
    assert!(token.is_live(at(99)) && !token.is_live(at(100)));

    let mut tx = begin(&store).await;
    let same = Token { id: "tok_2".to_owned(), ..token.clone() };
    refused(tx.insert_token(&same).await, Rule::Taken);
    drop(tx);
    let mut tx = begin(&store).await;
    tx.insert_token(&Token { digest: [8; 32], ..same }).await.unwrap();
    assert!(tx.revoke_token("tok_1", at(5)).await.unwrap());
    assert!(!tx.revoke_token("tok_1", at(6)).await.unwrap());
    assert!(matches!(tx.revoke_token("tok_9", at(6)).await, Err(StoreError::Missing(_))));
    commit(tx).await;
    let read = store.read().await.unwrap();
    let revoked = read.token("tok_1").await.unwrap().unwrap();
    assert_eq!(revoked.revoked_at, Some(at(5)));
    assert!(!revoked.is_live(at(7)));
    assert_eq!(read.tokens().await.unwrap().len(), 2);
}

fn answer(owner: &str, key: &str, millis: i64) -> IdempotencyRecord {
    IdempotencyRecord {
        owner: owner.to_owned(),
        key: key.to_owned(),
        request: vec![1, 2, 3],
        status: 201,
        body: r#"{"name":"a"}"#.to_owned(),
        created_at: at(millis),
    }
}

#[tokio::test]
async fn an_answer_is_kept_with_its_change_and_for_its_owner() {
    let store = memory().await;
    let mut tx = begin(&store).await;
    tx.remember(&answer("tok_1", "k", 0)).await.unwrap();
    drop(tx);
    assert_eq!(store.read().await.unwrap().idempotency("tok_1", "k").await.unwrap(), None, "no change, no answer");
    let mut tx = begin(&store).await;
    tx.remember(&answer("tok_1", "k", 0)).await.unwrap();
    commit(tx).await;
    store.record(Telemetry::Remember(answer("tok_2", "k", 9))).await.unwrap();
    let read = store.read().await.unwrap();
    assert_eq!(read.idempotency("tok_1", "k").await.unwrap(), Some(answer("tok_1", "k", 0)));
    assert_eq!(read.idempotency("tok_2", "k").await.unwrap(), Some(answer("tok_2", "k", 9)));
    assert_eq!(read.idempotency("tok_3", "k").await.unwrap(), None);
    let mut tx = begin(&store).await;
    refused(tx.remember(&answer("tok_1", "k", 1)).await, Rule::Taken);
    drop(tx);
    let mut tx = begin(&store).await;
    tx.forget_answer("tok_1", "k").await.unwrap();
    tx.forget_answer("tok_3", "k").await.unwrap();
    tx.remember(&answer("tok_1", "k", 1)).await.unwrap();
    commit(tx).await;
    let read = store.read().await.unwrap();
    assert_eq!(read.idempotency("tok_1", "k").await.unwrap(), Some(answer("tok_1", "k", 1)));
    assert_eq!(read.idempotency("tok_2", "k").await.unwrap(), Some(answer("tok_2", "k", 9)));
    drop(read);
    store.record(Telemetry::ForgetAnswers { before: at(9) }).await.unwrap();
    let read = store.read().await.unwrap();
    assert_eq!(read.idempotency("tok_1", "k").await.unwrap(), None);
    assert!(read.idempotency("tok_2", "k").await.unwrap().is_some());
}

#[tokio::test]
async fn things_by_name() {
    let store = memory().await;
    let mut tx = begin(&store).await;
    assert_eq!(tx.meta("fingerprint-key").await.unwrap(), None);
    tx.set_meta("fingerprint-key", b"one").await.unwrap();
    tx.set_meta("fingerprint-key", b"two").await.unwrap();
    commit(tx).await;
    assert_eq!(store.read().await.unwrap().meta("fingerprint-key").await.unwrap(), Some(b"two".to_vec()));
}
