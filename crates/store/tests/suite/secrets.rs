//! Secrets: made, found, described anew, destroyed.

use std::collections::BTreeSet;

use model::secret::{Class, Kind, State};
use model::time::Span;
use model::usage::{Drained, TallyKey};
use store::{Page, Rebound, Rule, SecretFilter, SecretSort, SortKey, Store, StoreError, Telemetry};

use super::memory;
use crate::common::{add_secrets, at, begin, commit, furnish, refused, route, sealed, secret};

#[tokio::test]
async fn a_secret_comes_back_as_it_was_given() {
    let store = memory().await;
    add_secrets(&store, &["plain"]).await;
    let mut full = secret("full");
    full.kind = Kind::Certificate;
    full.class = Class::Critical;
    full.description = "for „payments“ 100% \\ _".to_owned();
    full.tags = vec!["pci".to_owned(), "a \"quoted\" tag".to_owned(), "pci".to_owned()];
    full.successor_of = Some("plain".parse().unwrap());
    full.limits.environments = Some(["production".parse().unwrap()].into());
    full.limits.allowed_hosts = Some(["api.stripe.com".parse().unwrap(), "*.example.com".parse().unwrap()].into());
    full.limits.sensitive = false;
    full.probe = Some(serde_json::json!({"http": {"url": "https://api.stripe.com/v1/balance"}}));
    full.expires_at = Some(at(5));
    full.strict_expiry = true;
    full.rotate_every = Some(Span::from_days(7));
    let mut tx = begin(&store).await;
    tx.insert_secret(&full, &sealed("full")).await.unwrap();
    commit(tx).await;

    let read = store.read().await.unwrap();
    let row = read.secret("full").await.unwrap().unwrap();
    assert_eq!(row.secret, full);
    assert_eq!((row.superseded_by, row.last_used_at, row.use_count, row.bindings), (None, None, 0, vec![]));
    let opened = read.sealed_secret("full").await.unwrap().unwrap();
    assert_eq!((opened.secret, opened.sealed), (full, sealed("full")));
    assert_eq!(read.secret("plain").await.unwrap().unwrap().superseded_by, Some("full".parse().unwrap()));
    assert!(read.secret("FULL").await.unwrap().is_none());
    assert!(read.sealed_secret("none").await.unwrap().is_none());
    assert_eq!(read.secret_names().await.unwrap(), ["full".parse().unwrap(), "plain".parse().unwrap()]);
}

#[tokio::test]
async fn a_name_is_used_once() {
    let store = memory().await;
    add_secrets(&store, &["a"]).await;
    let mut tx = begin(&store).await;
    refused(tx.insert_secret(&secret("a"), &sealed("other")).await, Rule::SecretNameTaken);
    drop(tx);
    let mut tx = begin(&store).await;
    tx.delete_secret("a", at(1)).await.unwrap();
    commit(tx).await;
    let mut again = secret("a");
    again.id = "sec_other".to_owned();
    let mut tx = begin(&store).await;
    refused(tx.insert_secret(&again, &sealed("other")).await, Rule::SecretNameTaken);
    add_secrets(&store, &["b"]).await;
}

#[tokio::test]
async fn an_edit_changes_what_is_known_and_never_what_it_is() {
    let store = memory().await;
    add_secrets(&store, &["a"]).await;
    let mut edited = secret("a");
    edited.description = "new".to_owned();
    edited.tags = vec!["soc2".to_owned()];
    edited.limits.allowed_hosts = Some(BTreeSet::new());
    edited.limits.environments = Some(["staging".parse().unwrap()].into());
    // None of these can be edited.
    edited.id = "sec_other".to_owned();
    edited.fingerprint = "kf_other".to_owned();
    edited.created_by = "token:other".to_owned();
    let rebound = Rebound { kek_id: "kek_2".to_owned(), wrapped_dek: b"bound anew".to_vec() };
    let mut tx = begin(&store).await;
    assert_eq!(tx.update_secret(&edited, Some(&rebound)).await.unwrap(), 2);
    assert_eq!(tx.update_secret(&edited, None).await.unwrap(), 3);
    commit(tx).await;

    let read = store.read().await.unwrap();
    let found = read.sealed_secret("a").await.unwrap().unwrap();
    assert_eq!((found.secret.id.as_str(), found.secret.fingerprint.as_str()), ("sec_a", "kf_a"));
    assert_eq!((found.secret.description.as_str(), found.secret.created_by.as_str()), ("new", "token:ops"));
    assert_eq!(found.secret.limits, edited.limits);
    assert_eq!(found.sealed.ciphertext, sealed("a").ciphertext);
    assert_eq!(
        (found.sealed.kek_id.as_str(), found.sealed.wrapped_dek.as_slice()),
        ("kek_2", b"bound anew".as_slice())
    );
    for (tag, count) in [("soc2", 1), ("pci", 0)] {
        let filter = SecretFilter { tag: Some(tag.to_owned()), ..SecretFilter::default() };
        assert_eq!(read.count_secrets(&filter).await.unwrap(), count, "{tag}");
    }
    let mut tx = begin(&store).await;
    assert!(matches!(tx.update_secret(&secret("none"), None).await, Err(StoreError::Missing(_))));
}

#[tokio::test]
async fn a_deletion_destroys_the_value_and_keeps_the_rest() {
    let store = memory().await;
    furnish(&store).await;
    let mut tx = begin(&store).await;
    refused(tx.delete_secret("stripe_api_key", at(1)).await, Rule::SecretIsReferenced);
    drop(tx);
    let mut tx = begin(&store).await;
    tx.delete_secret("partner_api_key", at(1)).await.unwrap();
    commit(tx).await;
    let read = store.read().await.unwrap();
    let row = read.secret("partner_api_key").await.unwrap().unwrap();
    assert_eq!((row.secret.state, row.secret.deleted_at, row.secret.version), (State::Deleted, Some(at(1)), 2));
    assert!(read.sealed_secret("partner_api_key").await.unwrap().is_none());
    let mut tx = begin(&store).await;
    assert!(matches!(tx.delete_secret("partner_api_key", at(2)).await, Err(StoreError::Missing(_))), "only once");
    drop(tx);
    let mut tx = begin(&store).await;
    refused(tx.insert_route(&route("other", "partner_api_key"), at(2)).await, Rule::SecretNotFound);
}

#[tokio::test]
async fn keys_that_wrap_something_are_known() {
    let store = memory().await;
    add_secrets(&store, &["a", "b", "c"]).await;
    let rebound = Rebound { kek_id: "kek_2".to_owned(), wrapped_dek: b"x".to_vec() };
    let mut tx = begin(&store).await;
    tx.rewrap_secret("b", &rebound).await.unwrap();
    tx.delete_secret("c", at(1)).await.unwrap();
    assert!(matches!(tx.rewrap_secret("c", &rebound).await, Err(StoreError::Missing(_))));
    let counts = |pairs: [(&str, i64); 2]| pairs.map(|(id, count)| (id.to_owned(), count)).into();
    assert_eq!(tx.secrets_by_kek().await.unwrap(), counts([("kek_1", 1), ("kek_2", 1)]));
    let rest = tx.secrets_not_wrapped_by("kek_2", "", 10).await.unwrap();
    assert_eq!(rest.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(rest[0].1.as_ref().unwrap().secret.version, 1, "a new wrapping is no edit");
    let both = tx.secrets_not_wrapped_by("kek_3", "", 10).await.unwrap();
    assert_eq!(both.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(tx.secrets_not_wrapped_by("kek_3", "", 1).await.unwrap().len(), 1);
    assert_eq!(tx.secrets_not_wrapped_by("kek_3", "a", 10).await.unwrap()[0].0, "b");
}

async fn names(store: &Store, filter: SecretFilter) -> Vec<String> {
    let read = store.read().await.unwrap();
    let listed = read.secrets(&filter, SecretSort::default(), &Page::default()).await.unwrap();
    let names: Vec<String> = listed.items.iter().map(|row| row.secret.name.to_string()).collect();
    assert_eq!(read.count_secrets(&filter).await.unwrap(), i64::try_from(names.len()).unwrap());
    names
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let store = memory().await;
    furnish(&store).await;
    let mut tx = begin(&store).await;
    let mut hook = secret("stripe_hook_test");
    hook.kind = Kind::WebhookSecret;
    hook.class = Class::Critical;
    hook.owner = "Plat_form".to_owned();
    hook.tags = vec!["tag,\"".to_owned()];
    hook.limits.environments = Some(["staging".parse().unwrap()].into());
    tx.insert_secret(&hook, &sealed("stripe_hook_test")).await.unwrap();
    let mut grant = secret("grant");
    grant.kind = Kind::OauthToken;
    tx.insert_secret(&grant, &sealed("grant")).await.unwrap();
    tx.insert_secret(&secret("gone"), &sealed("gone")).await.unwrap();
    tx.delete_secret("gone", at(1)).await.unwrap();
    commit(tx).await;
    use_at(&store, "stripe_api_key", 10).await;

    let day = 86_400_000;
    let all = ["gone", "grant", "partner_api_key", "stripe_api_key", "stripe_hook_test"];
    let table: Vec<(SecretFilter, Vec<&str>)> = vec![
        (SecretFilter::default(), all.to_vec()),
        (SecretFilter { q: Some("STRIPE".into()), ..Default::default() }, vec!["stripe_api_key", "stripe_hook_test"]),
        (SecretFilter { q: Some("t_f".into()), ..Default::default() }, vec!["stripe_hook_test"]),
        (SecretFilter { q: Some("%".into()), ..Default::default() }, vec![]),
        (SecretFilter { kind: Some(Kind::WebhookSecret), ..Default::default() }, vec!["stripe_hook_test"]),
        (SecretFilter { class: Some(Class::Critical), ..Default::default() }, vec!["stripe_hook_test"]),
        (SecretFilter { tag: Some("tag,\"".into()), ..Default::default() }, vec!["stripe_hook_test"]),
        (SecretFilter { tag: Some("tag".into()), ..Default::default() }, vec![]),
        (SecretFilter { tag: Some("PCI".into()), ..Default::default() }, vec![]),
        (SecretFilter { state: Some(State::Deleted), ..Default::default() }, vec!["gone"]),
        (SecretFilter { temporary: Some(true), ..Default::default() }, vec!["stripe_hook_test"]),
        (
            SecretFilter { environment: Some("staging".parse().unwrap()), ..Default::default() },
            vec!["stripe_api_key", "stripe_hook_test"],
        ),
        (
            SecretFilter { environment: Some("production".parse().unwrap()), ..Default::default() },
            vec!["stripe_api_key"],
        ),
        (SecretFilter { unreferenced: Some(false), ..Default::default() }, vec!["stripe_api_key"]),
        (
            SecretFilter { unreferenced: Some(true), state: Some(State::Active), ..Default::default() },
            vec!["grant", "partner_api_key", "stripe_hook_test"],
        ),
        (SecretFilter { unused_since: Some(at(5)), ..Default::default() }, vec!["grant", "partner_api_key"]),
        (
            SecretFilter { unused_since: Some(at(10)), ..Default::default() },
            vec!["grant", "partner_api_key", "stripe_api_key"],
        ),
        (SecretFilter { unused_since: Some(at(-1)), ..Default::default() }, vec![]),
        (SecretFilter { due_before: Some(at(30 * day)), ..Default::default() }, vec!["stripe_hook_test"]),
        (
            SecretFilter { due_before: Some(at(90 * day)), ..Default::default() },
            vec!["partner_api_key", "stripe_api_key", "stripe_hook_test"],
        ),
    ];
    for (filter, expected) in table {
        assert_eq!(names(&store, filter.clone()).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_row_says_where_the_secret_is_used() {
    let store = memory().await;
    furnish(&store).await;
    use_at(&store, "stripe_api_key", 10).await;
    let read = store.read().await.unwrap();
    let page = read.secrets(&SecretFilter::default(), SecretSort::default(), &Page::default()).await.unwrap();
    let [partner, stripe] = page.items.as_slice() else { panic!("two secrets") };
    let places: Vec<_> = stripe.bindings.iter().map(|b| format!("{} {}", b.route, b.environment)).collect();
    assert_eq!(places, ["payments production", "payments staging"]);
    assert_eq!((stripe.last_used_at, stripe.use_count), (Some(at(10)), 1));
    assert!(partner.bindings.is_empty());
    assert_eq!((stripe.secret.last_referenced_at, partner.secret.last_referenced_at), (Some(at(0)), None));
}

async fn use_at(store: &Store, secret: &str, millis: i64) {
    ended_at(store, secret, millis, [1, 0, 0, 0, 0, 0]).await;
}

async fn ended_at(store: &Store, secret: &str, millis: i64, counts: [u64; 6]) {
    let key = TallyKey {
        secret: secret.parse().unwrap(),
        route: "payments".parse().unwrap(),
        environment: "staging".parse().unwrap(),
    };
    let drained = Drained { counts, last_used: Some(at(millis)) };
    store.record(Telemetry::Tallies { at: at(millis), rows: vec![(key, drained)] }).await.unwrap();
}

#[tokio::test]
async fn paging_gives_each_of_a_thousand_once_in_every_order() {
    let store = memory().await;
    let mut tx = begin(&store).await;
    for number in 0..1_000 {
        let name = format!("secret_{number}");
        let mut row = secret(&name);
        // Many share a key, so that the name has to break ties.
        row.created_at = at(number % 7);
        row.rotate_every = Some(Span::from_days(number % 5 + 1));
        if number % 3 == 0 {
            row.kind = Kind::OauthToken;
            row.rotate_every = row.rotate_every.filter(|_| number % 2 == 0);
        }
        tx.insert_secret(&row, &sealed(&name)).await.unwrap();
    }
    commit(tx).await;
    for number in (0..1_000).step_by(10) {
        use_at(&store, &format!("secret_{number}"), number % 4).await;
    }
    // Dead before, at and after the end of the intervals that there are; of every kind that there is.
    for (number, days) in (0..1_000).step_by(5).zip([0, 1, 2, 3, 9].into_iter().cycle()) {
        let day = Span::from_days(days).as_millis();
        ended_at(&store, &format!("secret_{number}"), day + number % 3, [0, 1, 0, 0, 0, 0]).await;
    }
    let keys = [SortKey::Name, SortKey::CreatedAt, SortKey::LastUsedAt, SortKey::RotationDueAt];
    for (key, descending) in keys.into_iter().flat_map(|key| [(key, false), (key, true)]) {
        let sort = SecretSort { key, descending };
        let mut seen = Vec::new();
        let mut page = Page { limit: 37, cursor: None };
        loop {
            let read = store.read().await.unwrap();
            let listed = read.secrets(&SecretFilter::default(), sort, &page).await.unwrap();
            assert!(listed.items.len() <= 37);
            let sort_key = |row: &store::SecretRow| match key {
                SortKey::Name => 0,
                SortKey::CreatedAt => row.secret.created_at.as_millis(),
                SortKey::LastUsedAt => row.last_used_at.map_or(0, model::time::Timestamp::as_millis),
                SortKey::RotationDueAt => row.due().map_or(i64::MAX, |due| due.at.as_millis()),
            };
            seen.extend(listed.items.iter().map(|row| (sort_key(row), row.secret.name.to_string())));
            match listed.next {
                Some(next) => page.cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(seen.len(), 1_000);
        let mut expected = seen.clone();
        expected.sort();
        expected.dedup();
        assert_eq!(expected.len(), 1_000, "each once");
        if descending {
            expected.reverse();
        }
        assert_eq!(seen, expected, "{sort:?}");
    }
}

#[tokio::test]
async fn what_is_due_is_found_by_the_rule_of_the_model() {
    let store = memory().await;
    let mut tx = begin(&store).await;
    let all = [
        ("key", Kind::ApiKey, None),
        ("token", Kind::OauthToken, None),
        ("token_30d", Kind::OauthToken, Some(Span::from_days(30))),
        ("token_5d", Kind::OauthToken, Some(Span::from_days(5))),
        ("good_token", Kind::OauthToken, None),
        ("gone_token", Kind::OauthToken, None),
    ];
    for (name, kind, rotate_every) in all {
        let mut row = secret(name);
        (row.kind, row.rotate_every, row.created_at) = (kind, rotate_every, at(0));
        tx.insert_secret(&row, &sealed(name)).await.unwrap();
    }
    commit(tx).await;
    let day = |days: i64| Span::from_days(days).as_millis();
    for (name, ..) in all {
        let counts = if name.starts_with("good") { [7, 0, 1, 1, 1, 1] } else { [7, 1, 0, 0, 0, 0] };
        ended_at(&store, name, day(10), counts).await;
    }
    let mut tx = begin(&store).await;
    tx.delete_secret("gone_token", at(day(10))).await.unwrap();
    commit(tx).await;

    let read = store.read().await.unwrap();
    for (days, names) in [
        (5, "token_5d"),
        (9, "token_5d"),
        (10, "token_5d token token_30d"),
        (89, "token_5d token token_30d"),
        (90, "token_5d token token_30d key"),
    ] {
        let filter = SecretFilter { due_before: Some(at(day(days))), ..SecretFilter::default() };
        let sort = SecretSort { key: SortKey::RotationDueAt, descending: false };
        let found = read.secrets(&filter, sort, &Page { limit: 10, cursor: None }).await.unwrap().items;
        let told: Vec<_> = found.iter().map(|row| row.secret.name.as_str()).collect();
        assert_eq!(told.join(" "), names, "{days}");
        assert_eq!(read.count_secrets(&filter).await.unwrap(), i64::try_from(found.len()).unwrap());
        assert!(found.iter().all(|row| row.due().unwrap().at <= at(day(days))), "{days}");
    }
}

#[tokio::test]
async fn a_foreign_cursor_is_refused() {
    let store = memory().await;
    add_secrets(&store, &["a", "b"]).await;
    let read = store.read().await.unwrap();
    let page = |cursor: &str| Page { limit: 1, cursor: Some(cursor.to_owned()) };
    let filter = SecretFilter::default();
    for bad in ["", "a", "n..", "n.1.a", "c..a", "c.1.a", "n..a b", "n..a.b", "n..a' OR 1=1 --"] {
        let found = read.secrets(&filter, SecretSort::default(), &page(bad)).await;
        assert!(matches!(found, Err(StoreError::BadCursor)), "{bad}");
    }
    let listed = read.secrets(&filter, SecretSort::default(), &page("n..a")).await.unwrap();
    assert_eq!(listed.items[0].secret.name.as_str(), "b");
}
