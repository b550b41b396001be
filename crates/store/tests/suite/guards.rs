//! What the database itself refuses: raw SQL from another program, each attack with a twin that is allowed.

use super::db;
use crate::common::{Db, add_secrets, at, begin, commit, furnish};

/// Runs a statement through the back door; the answer is the text of the refusal.
async fn attempt(db: &Db, sql: &str) -> Result<u64, String> {
    db.raw(sql).await
}

/// The rows of all secrets, as far as they must never change.
async fn fixed(db: &Db) -> Vec<String> {
    let column = "name || '|' || id || '|' || fingerprint || '|' || coalesce(HEX(ciphertext), 'none')";
    db.texts(&format!("SELECT {column} AS t FROM secrets ORDER BY name")).await
}

/// Every column of a new row; `{}` stand for name, id and data key.
const ROW: &str = "(name, id, kind, class, description, owner, tags, sensitive, strict_expiry, temporary, state, \
     fingerprint, created_at, created_by, version, changed, format, dek_id, kek_id, wrapped_dek, ciphertext) \
     VALUES ('NAME', 'ID', 'other', 'standard', '', '', '[]', 1, 0, 0, 'active', 'kf_x', 0, 'x', 1, 1, 1, 'DEK', 'k', x'00', x'00')";

fn row(name: &str, id: &str, dek: &str) -> String {
    ROW.replace("NAME", name).replace("'ID'", &format!("'{id}'")).replace("DEK", dek)
}

#[tokio::test]
async fn a_used_name_id_or_data_key_cannot_be_inserted() {
    let db = db().await;
    add_secrets(&db.store, &["a", "b"]).await;
    let before = fixed(&db).await;
    for verb in db.known(&["INSERT", "INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE", "INSERT OR FAIL"]) {
        for used in [row("a", "sec_new", "dek_new"), row("new", "sec_a", "dek_new"), row("new", "sec_new", "dek_a")] {
            let found = attempt(&db, &format!("{verb} INTO secrets {used}")).await;
            assert_eq!(found, Err("secret-name-taken".to_owned()), "{verb} {used}");
        }
    }
    for end in ["ON CONFLICT (name) DO UPDATE SET ciphertext = excluded.ciphertext", "ON CONFLICT DO NOTHING"] {
        let found = attempt(&db, &format!("INSERT INTO secrets {} {end}", row("a", "sec_new", "dek_new"))).await;
        assert_eq!(found, Err("secret-name-taken".to_owned()), "{end}");
    }
    assert_eq!(fixed(&db).await, before);
    assert_eq!(attempt(&db, &format!("INSERT INTO secrets {}", row("new", "sec_new", "dek_new"))).await, Ok(1));
}

#[tokio::test]
async fn a_deleted_name_stays_taken() {
    let db = db().await;
    add_secrets(&db.store, &["a"]).await;
    let mut tx = begin(&db.store).await;
    tx.delete_secret("a", at(1)).await.unwrap();
    commit(tx).await;
    for verb in db.known(&["INSERT", "INSERT OR REPLACE"]) {
        let found = attempt(&db, &format!("{verb} INTO secrets {}", row("a", "sec_new", "dek_new"))).await;
        assert_eq!(found, Err("secret-name-taken".to_owned()));
    }
    assert_eq!(
        attempt(&db, &format!("INSERT INTO secrets {}", row("A", "sec_new", "dek_new"))).await,
        Ok(1),
        "another case"
    );
}

#[tokio::test]
async fn what_a_secret_is_made_of_cannot_be_updated() {
    let db = db().await;
    add_secrets(&db.store, &["a", "b"]).await;
    let before = fixed(&db).await;
    let attacks = [
        "ciphertext = x'00'",
        "ciphertext = NULL",
        "ciphertext = (SELECT s.ciphertext FROM secrets s WHERE s.name = 'b')",
        "name = 'c'",
        "name = 'b'",
        "id = 'sec_b'",
        "id = 'sec_c'",
        "dek_id = 'dek_b'",
        "dek_id = 'dek_c'",
        "format = 2",
        "fingerprint = 'kf_x'",
        "created_at = 1",
        "created_by = 'me'",
        "successor_of = 'b'",
    ];
    for verb in db.known(&["UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE", "UPDATE OR FAIL", "UPDATE OR ROLLBACK"]) {
        for attack in attacks {
            let found = attempt(&db, &format!("{verb} secrets SET {attack} WHERE name = 'a'")).await;
            assert_eq!(found, Err("secret-is-write-once".to_owned()), "{verb} {attack}");
        }
    }
    for hidden in ["rowid", "ctid"] {
        assert!(attempt(&db, &format!("UPDATE secrets SET {hidden} = 1 WHERE name = 'a'")).await.is_err());
    }
    assert_eq!(fixed(&db).await, before);
    for allowed in ["description = 'x', owner = 'y'", "wrapped_dek = x'01', kek_id = 'kek_2'", "last_referenced_at = 5"]
    {
        assert_eq!(attempt(&db, &format!("UPDATE secrets SET {allowed} WHERE name = 'a'")).await, Ok(1), "{allowed}");
    }
}

#[tokio::test]
async fn two_values_cannot_be_swapped_in_one_statement() {
    let db = db().await;
    add_secrets(&db.store, &["a", "b"]).await;
    let before = fixed(&db).await;
    let swap = "UPDATE secrets SET ciphertext = (SELECT o.ciphertext FROM secrets o WHERE o.name <> secrets.name)";
    assert_eq!(attempt(&db, swap).await, Err("secret-is-write-once".to_owned()));
    assert_eq!(fixed(&db).await, before);
}

#[tokio::test]
async fn a_secret_is_destroyed_whole_or_not_at_all_and_for_good() {
    let db = db().await;
    add_secrets(&db.store, &["a", "b"]).await;
    let gone = "state = 'deleted', deleted_at = 5, ciphertext = NULL, wrapped_dek = NULL, kek_id = NULL";
    for part in [
        "state = 'deleted', deleted_at = 5",
        "wrapped_dek = NULL",
        "wrapped_dek = NULL, kek_id = NULL",
        "state = 'deleted', deleted_at = 5, ciphertext = NULL",
        "state = 'hidden'",
        "state = 'deleted', ciphertext = NULL, wrapped_dek = NULL, kek_id = NULL",
    ] {
        assert!(attempt(&db, &format!("UPDATE secrets SET {part} WHERE name = 'a'")).await.is_err(), "{part}");
    }
    assert_eq!(attempt(&db, "DELETE FROM secrets WHERE name = 'a'").await, Err("secret-row-stays".to_owned()));
    assert_eq!(attempt(&db, "DELETE FROM secrets").await, Err("secret-row-stays".to_owned()));
    assert_eq!(attempt(&db, &format!("UPDATE secrets SET {gone} WHERE name = 'a'")).await, Ok(1));
    for back in [
        "state = 'active', deleted_at = NULL, ciphertext = x'00', wrapped_dek = x'00', kek_id = 'k'",
        "ciphertext = x'00'",
        "wrapped_dek = x'00'",
        "kek_id = 'k'",
        "deleted_at = 6",
    ] {
        for verb in db.known(&["UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE"]) {
            assert!(
                attempt(&db, &format!("{verb} secrets SET {back} WHERE name = 'a'")).await.is_err(),
                "{verb} {back}"
            );
        }
    }
    assert!(attempt(&db, "DELETE FROM secrets WHERE name = 'a'").await.is_err());
    assert_eq!(fixed(&db).await.len(), 2);
}

#[tokio::test]
async fn a_reference_to_what_is_missing_or_deleted_is_impossible() {
    let db = db().await;
    furnish(&db.store).await;
    let mut tx = begin(&db.store).await;
    tx.insert_secret(&crate::common::secret("gone"), &crate::common::sealed("gone")).await.unwrap();
    tx.delete_secret("gone", at(1)).await.unwrap();
    commit(tx).await;
    for secret in ["gone", "never"] {
        for verb in db.known(&["INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"]) {
            let sql = format!("{verb} INTO route_references VALUES ('{secret}', 'payments', 'staging', 'x')");
            assert_eq!(attempt(&db, &sql).await, Err("secret-not-found".to_owned()), "{sql}");
        }
        let sql = format!("UPDATE route_references SET secret = '{secret}'");
        assert_eq!(attempt(&db, &sql).await, Err("secret-not-found".to_owned()), "{sql}");
    }
    let delete =
        "UPDATE secrets SET state = 'deleted', deleted_at = 5, ciphertext = NULL, wrapped_dek = NULL, kek_id = NULL";
    let found = attempt(&db, &format!("{delete} WHERE name = 'stripe_api_key'")).await;
    assert_eq!(found, Err("secret-is-referenced".to_owned()));
    let sql = "INSERT INTO route_references VALUES ('partner_api_key', 'payments', 'staging', 'x')";
    assert_eq!(attempt(&db, sql).await, Ok(1));
    assert!(attempt(&db, &format!("{delete} WHERE name = 'partner_api_key'")).await.is_err());
    assert_eq!(attempt(&db, "DELETE FROM route_references WHERE secret = 'partner_api_key'").await, Ok(1));
    assert_eq!(attempt(&db, &format!("{delete} WHERE name = 'partner_api_key'")).await, Ok(1));
}

#[tokio::test]
async fn the_audit_is_only_added_to() {
    let db = db().await;
    for _ in 0..3 {
        commit(begin(&db.store).await).await;
    }
    let rest = "0, 'a', 'b', 'c', '{}', x'00'";
    let mut attacks = vec![
        "UPDATE audit SET record = '{}' WHERE sequence = 2".to_owned(),
        "UPDATE OR REPLACE audit SET sequence = 1 WHERE sequence = 2".to_owned(),
        "UPDATE OR IGNORE audit SET actor = 'x'".to_owned(),
        "DELETE FROM audit WHERE sequence = 3".to_owned(),
        "DELETE FROM audit".to_owned(),
        format!("INSERT INTO audit VALUES (2, {rest}) ON CONFLICT (sequence) DO UPDATE SET record = excluded.record"),
    ];
    for sequence in ["0", "1", "3", "5", "-1"] {
        for verb in db.known(&["INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"]) {
            attacks.push(format!("{verb} INTO audit VALUES ({sequence}, {rest})"));
        }
    }
    let attacks: Vec<&str> = attacks.iter().map(String::as_str).collect();
    for attack in db.known(&attacks) {
        assert_eq!(attempt(&db, attack).await, Err("audit-is-append-only".to_owned()), "{attack}");
    }
    assert_eq!(attempt(&db, &format!("INSERT INTO audit VALUES (4, {rest})")).await, Ok(1));
}

#[tokio::test]
async fn the_revisions_of_a_route_are_only_added_to() {
    let db = db().await;
    furnish(&db.store).await;
    let attacks = [
        "UPDATE route_revisions SET spec = '{}'",
        "UPDATE OR REPLACE route_revisions SET number = 7",
        "DELETE FROM route_revisions",
        "INSERT OR REPLACE INTO route_revisions VALUES ('payments', 1, 0, 'a', 'b', '{}', NULL)",
        "INSERT INTO route_revisions VALUES ('payments', 3, 0, 'a', 'b', '{}', NULL)",
        "INSERT OR IGNORE INTO route_revisions VALUES ('other', 2, 0, 'a', 'b', '{}', NULL)",
    ];
    for attack in db.known(&attacks) {
        assert_eq!(attempt(&db, attack).await, Err("route-revisions-are-append-only".to_owned()), "{attack}");
    }
    for allowed in [("payments", 2), ("other", 1)] {
        let sql =
            format!("INSERT INTO route_revisions VALUES ('{}', {}, 0, 'a', 'b', '{{}}', NULL)", allowed.0, allowed.1);
        assert_eq!(attempt(&db, &sql).await, Ok(1), "{sql}");
    }
}

#[tokio::test]
async fn the_revision_goes_forward() {
    let db = db().await;
    for _ in 0..3 {
        commit(begin(&db.store).await).await;
    }
    let attacks = [
        "UPDATE revision SET revision = 2",
        "UPDATE revision SET audit_size = 2",
        "UPDATE revision SET audit_size = 4",
        "DELETE FROM revision",
        "INSERT OR REPLACE INTO revision VALUES (1, 'x', 0, 0)",
        "INSERT INTO revision VALUES (2, 'x', 9, 9)",
    ];
    for attack in db.known(&attacks) {
        assert_eq!(attempt(&db, attack).await, Err("revision-goes-forward".to_owned()), "{attack}");
    }
    assert_eq!(attempt(&db, "UPDATE revision SET revision = 4, incarnation = 'inc_2'").await, Ok(1));
}

#[tokio::test]
async fn types_hold() {
    let db = db().await;
    add_secrets(&db.store, &["a"]).await;
    assert!(attempt(&db, "UPDATE secrets SET version = 'many'").await.is_err());
    assert!(attempt(&db, "UPDATE secrets SET sensitive = 2").await.is_err());
    assert_eq!(attempt(&db, "UPDATE secrets SET sensitive = 0").await, Ok(1));
}
