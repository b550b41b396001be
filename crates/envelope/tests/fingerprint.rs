//! Keyed digests: equal for equal values, useless without the key, the same under every KEK.

mod common;

use common::{KEY_A, KEY_B, Scrambled, keyring, value};
use envelope::{FingerprintKey, OpenError, WrappedKey};

#[test]
fn a_fingerprint_matches_its_value_alone() {
    let key = FingerprintKey::generate(&Scrambled::default());
    let fingerprint = key.fingerprint(&value("sk_live_1"));
    assert_eq!(fingerprint, key.fingerprint(&value("sk_live_1")));
    assert!(fingerprint.starts_with("kf_") && fingerprint.len() == 35, "{fingerprint}");
    assert!(key.matches(&value("sk_live_1"), &fingerprint));
    for wrong in ["sk_live_2", "sk_live_1 ", "sk_live_", ""] {
        assert!(!key.matches(&value(wrong), &fingerprint), "{wrong:?}");
    }
    for wrong in ["", "kf_", &fingerprint[..34], &fingerprint.to_uppercase(), &format!("{fingerprint}0")] {
        assert!(!key.matches(&value("sk_live_1"), wrong), "{wrong:?}");
    }
}

#[test]
fn another_key_gives_another_fingerprint() {
    let entropy = Scrambled::default();
    let (one, two) = (FingerprintKey::generate(&entropy), FingerprintKey::generate(&entropy));
    assert_ne!(one.fingerprint(&value("v")), two.fingerprint(&value("v")));
    assert_ne!(one.digest("d", b"v"), two.digest("d", b"v"));
}

#[test]
fn digests_of_two_domains_differ() {
    let key = FingerprintKey::generate(&Scrambled::default());
    assert_eq!(key.digest("a", b"bc"), key.digest("a", b"bc"));
    assert_ne!(key.digest("a", b"bc"), key.digest("a", b"bd"));
    assert_ne!(key.digest("a", b"bc"), key.digest("ab", b"c"));
    assert_ne!(key.digest("", b""), key.digest("a", b""));
}

#[test]
fn the_key_survives_a_new_kek_and_nothing_else() {
    let entropy = Scrambled::default();
    let key = FingerprintKey::generate(&entropy);
    let expected = key.fingerprint(&value("v"));
    let wrapped = key.wrap(&keyring(&[KEY_A]), &entropy);
    assert_eq!((wrapped.kek_id.as_str(), wrapped.bytes.len()), ("kek_a", 60));

    let both = keyring(&[KEY_B, KEY_A]);
    let again = FingerprintKey::unwrap(&both, &wrapped).unwrap().wrap(&both, &entropy);
    assert_eq!(again.kek_id, "kek_b");
    let new = keyring(&[KEY_B]);
    assert_eq!(FingerprintKey::unwrap(&new, &again).unwrap().fingerprint(&value("v")), expected);
    assert!(matches!(FingerprintKey::unwrap(&new, &wrapped), Err(OpenError::UnknownKek { .. })));

    for bit in 0..wrapped.bytes.len() * 8 {
        let mut row = wrapped.clone();
        row.bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(FingerprintKey::unwrap(&both, &row).unwrap_err(), OpenError::Tampered, "{bit}");
    }
    let relabelled = WrappedKey { kek_id: "kek_b".to_owned(), ..wrapped };
    assert_eq!(FingerprintKey::unwrap(&both, &relabelled).unwrap_err(), OpenError::Tampered);
    assert_eq!(format!("{key:?}"), "FingerprintKey(…)");
}

#[test]
fn a_row_is_sealed_for_its_table_and_its_database() {
    let entropy = Scrambled::default();
    let (one, two) = (FingerprintKey::generate(&entropy).row_key(), FingerprintKey::generate(&entropy).row_key());
    assert_eq!(one.seal("routes", b"row"), one.seal("routes", b"row"));
    assert_ne!(one.seal("routes", b"row"), one.seal("routes", b"rov"));
    assert_ne!(one.seal("routes", b"row"), one.seal("clients", b"row"));
    assert_ne!(one.seal("routes", b"row"), one.seal("route", b"srow"));
    assert_ne!(one.seal("routes", b"row"), two.seal("routes", b"row"));
    assert_eq!(format!("{one:?}"), "RowKey(…)");
}

#[test]
fn a_database_says_whether_its_rows_are_sealed() {
    let (entropy, ring) = (Scrambled::default(), keyring(&[KEY_A]));
    let wrapped = FingerprintKey::generate(&entropy).wrap(&ring, &entropy);
    assert!(FingerprintKey::unwrap(&ring, &wrapped).is_ok());
    assert_eq!(FingerprintKey::unwrap_unsealed(&ring, &wrapped).unwrap_err(), OpenError::Tampered);
}
