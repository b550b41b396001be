//! A sealed value opens as what it was, for what it was sealed for, and in no other case.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "functions that only tests call")]

mod common;

use common::{Facts, KEY_A, KEY_B, Scrambled, keyring, limits, value};
use envelope::{OpenError, Sealed, WrappedKey, open, rebind, rewrap, seal};
use proptest::prelude::*;

fn facts() -> Facts {
    Facts::new("sec_1", "stripe_api_key", Some(&["production", "eu"]), Some(&["api.stripe.com"]))
}

fn with_key(sealed: &Sealed, WrappedKey { bytes, kek_id }: WrappedKey) -> Sealed {
    Sealed { wrapped_dek: bytes, kek_id, ..sealed.clone() }
}

#[test]
fn a_changed_fact_does_not_open() {
    let ring = keyring(&[KEY_A]);
    let right = facts();
    let sealed = seal(&ring, &value("sk_live_1"), &right.binding(), &Scrambled::default());
    assert_eq!(open(&ring, &sealed, &right.binding()).unwrap().expose(), "sk_live_1");

    let hosts: Option<&[&str]> = Some(&["api.stripe.com"]);
    let environments: Option<&[&str]> = Some(&["production", "eu"]);
    let changed = |limits| Facts { limits, ..facts() };
    let wrong = [
        ("id", Facts { id: "sec_2".to_owned(), ..facts() }),
        ("no id", Facts { id: String::new(), ..facts() }),
        ("name", Facts { name: "stripe_api_key_v2".parse().unwrap(), ..facts() }),
        ("case of name", Facts { name: "Stripe_api_key".parse().unwrap(), ..facts() }),
        ("one environment more", changed(limits(Some(&["production", "eu", "us"]), hosts, true))),
        ("one environment less", changed(limits(Some(&["production"]), hosts, true))),
        ("all environments", changed(limits(None, hosts, true))),
        ("no environment", changed(limits(Some(&[]), hosts, true))),
        ("one host more", changed(limits(environments, Some(&["api.stripe.com", "evil.com"]), true))),
        ("another host", changed(limits(environments, Some(&["evil.com"]), true))),
        ("all hosts", changed(limits(environments, None, true))),
        ("no host", changed(limits(environments, Some(&[]), true))),
        ("sets exchanged", changed(limits(Some(&["a"]), Some(&["production", "eu"]), true))),
        ("not sensitive", changed(limits(environments, hosts, false))),
    ];
    for (what, wrong) in wrong {
        assert_eq!(open(&ring, &sealed, &wrong.binding()).unwrap_err(), OpenError::Tampered, "{what}");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let ring = keyring(&[KEY_A]);
    let right = facts();
    let sealed = seal(&ring, &value("sk_live_1"), &right.binding(), &Scrambled::default());
    assert!(open(&ring, &sealed, &right.binding()).is_ok());
    type Part = fn(&mut Sealed) -> &mut Vec<u8>;
    let parts: [(&str, Part); 2] = [("ciphertext", |row| &mut row.ciphertext), ("key", |row| &mut row.wrapped_dek)];
    for (what, part) in parts {
        for bit in 0..part(&mut sealed.clone()).len() * 8 {
            let mut row = sealed.clone();
            part(&mut row)[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&ring, &row, &right.binding()).unwrap_err(), OpenError::Tampered, "{what} {bit}");
        }
        for length in 0..part(&mut sealed.clone()).len() {
            let mut row = sealed.clone();
            part(&mut row).truncate(length);
            assert_eq!(open(&ring, &row, &right.binding()).unwrap_err(), OpenError::Tampered, "{what} {length}");
        }
        let mut row = sealed.clone();
        part(&mut row).push(0);
        assert_eq!(open(&ring, &row, &right.binding()).unwrap_err(), OpenError::Tampered, "{what} longer");
    }
    for place in 0..sealed.dek_id.len() {
        let mut row = sealed.clone();
        row.dek_id.replace_range(place..=place, "x");
        assert_eq!(open(&ring, &row, &right.binding()).unwrap_err(), OpenError::Tampered, "dek id {place}");
    }
}

#[test]
fn rows_cannot_be_swapped() {
    let ring = keyring(&[KEY_A]);
    let entropy = Scrambled::default();
    let (first, second) = (facts(), Facts { id: "sec_2".to_owned(), name: "other".parse().unwrap(), ..facts() });
    let one = seal(&ring, &value("sk_live_1"), &first.binding(), &entropy);
    let two = seal(&ring, &value("sk_live_2"), &second.binding(), &entropy);
    assert_eq!(open(&ring, &two, &second.binding()).unwrap().expose(), "sk_live_2");
    let mixed = [
        ("all", two.clone()),
        ("ciphertext", Sealed { ciphertext: two.ciphertext.clone(), ..one.clone() }),
        ("key", Sealed { wrapped_dek: two.wrapped_dek.clone(), ..one.clone() }),
        ("key and its id", Sealed { ciphertext: one.ciphertext.clone(), ..two.clone() }),
        ("id of the key", Sealed { dek_id: two.dek_id.clone(), ..one.clone() }),
        ("ciphertext and id of the key", Sealed { wrapped_dek: one.wrapped_dek.clone(), ..two.clone() }),
    ];
    for (what, row) in mixed {
        assert_eq!(open(&ring, &row, &first.binding()).unwrap_err(), OpenError::Tampered, "{what}");
    }
    // Nor between two values that one secret might have had.
    let again = seal(&ring, &value("sk_live_3"), &first.binding(), &entropy);
    let row = Sealed { ciphertext: again.ciphertext, ..one };
    assert_eq!(open(&ring, &row, &first.binding()).unwrap_err(), OpenError::Tampered);
}

#[test]
fn older_keys_open_and_missing_ones_do_not() {
    let right = facts();
    let old = keyring(&[KEY_A]);
    let sealed = seal(&old, &value("sk_live_1"), &right.binding(), &Scrambled::default());
    let both = keyring(&[KEY_B, KEY_A]);
    assert_eq!(open(&both, &sealed, &right.binding()).unwrap().expose(), "sk_live_1");
    let missing = OpenError::UnknownKek { kek_id: "kek_a".to_owned() };
    assert_eq!(open(&keyring(&[KEY_B]), &sealed, &right.binding()).unwrap_err(), missing);
    let impostor = keyring(&[&KEY_B.replace("kek_b", "kek_a")]);
    assert_eq!(open(&impostor, &sealed, &right.binding()).unwrap_err(), OpenError::Tampered);
    let relabelled = Sealed { kek_id: "kek_b".to_owned(), ..sealed.clone() };
    assert_eq!(open(&both, &relabelled, &right.binding()).unwrap_err(), OpenError::Tampered);
    // Even one key under two ids: the id is part of what is bound.
    let twice = keyring(&[KEY_A, &KEY_A.replace("kek_a", "kek_b")]);
    assert_eq!(open(&twice, &relabelled, &right.binding()).unwrap_err(), OpenError::Tampered);
    for format in [0, 2, -1, i64::MAX] {
        let row = Sealed { format, ..sealed.clone() };
        assert_eq!(open(&both, &row, &right.binding()).unwrap_err(), OpenError::Format(format));
    }
}

#[test]
fn a_rewrap_keeps_the_value_and_the_ciphertext() {
    let right = facts();
    let entropy = Scrambled::default();
    let sealed = seal(&keyring(&[KEY_A]), &value("sk_live_1"), &right.binding(), &entropy);
    let both = keyring(&[KEY_B, KEY_A]);
    let wrapped = rewrap(&both, &sealed, &right.binding(), &entropy).unwrap();
    assert_eq!(wrapped.kek_id, both.current().as_str());
    let moved = with_key(&sealed, wrapped);
    let new = keyring(&[KEY_B]);
    assert_eq!(open(&new, &moved, &right.binding()).unwrap().expose(), "sk_live_1");

    let wrong = Facts { limits: limits(None, None, true), ..facts() };
    assert_eq!(rewrap(&both, &sealed, &wrong.binding(), &entropy).unwrap_err(), OpenError::Tampered);
    assert!(matches!(rewrap(&new, &sealed, &right.binding(), &entropy), Err(OpenError::UnknownKek { .. })));
}

#[test]
fn a_rebind_moves_the_limits_and_nothing_else() {
    let ring = keyring(&[KEY_A]);
    let entropy = Scrambled::default();
    let (old, new) = (facts(), Facts { limits: limits(None, Some(&["*.stripe.com"]), false), ..facts() });
    let sealed = seal(&ring, &value("sk_live_1"), &old.binding(), &entropy);
    let moved = with_key(&sealed, rebind(&ring, &sealed, &old.binding(), &new.limits, &entropy).unwrap());
    assert_eq!(open(&ring, &moved, &new.binding()).unwrap().expose(), "sk_live_1");
    assert_eq!(open(&ring, &moved, &old.binding()).unwrap_err(), OpenError::Tampered);
    assert_eq!(open(&ring, &sealed, &new.binding()).unwrap_err(), OpenError::Tampered);

    // Whoever widened the row in the database is not helped by an edit that follows.
    assert_eq!(rebind(&ring, &sealed, &new.binding(), &new.limits, &entropy).unwrap_err(), OpenError::Tampered);
    let format = Sealed { format: 2, ..sealed };
    assert_eq!(rebind(&ring, &format, &old.binding(), &new.limits, &entropy).unwrap_err(), OpenError::Format(2));
}

#[test]
fn equal_values_are_sealed_differently() {
    let ring = keyring(&[KEY_A]);
    let entropy = Scrambled::default();
    let one = seal(&ring, &value("same"), &facts().binding(), &entropy);
    let two = seal(&ring, &value("same"), &facts().binding(), &entropy);
    assert_ne!(one.dek_id, two.dek_id);
    assert_ne!(one.ciphertext, two.ciphertext);
    assert_ne!(one.wrapped_dek, two.wrapped_dek);
    assert_ne!(one.ciphertext[..12], one.wrapped_dek[..12], "a nonce of its own for each");
}

#[test]
fn nothing_shows_a_value_or_a_key() {
    let ring = keyring(&[KEY_A]);
    let sealed = seal(&ring, &value("sk_live_1"), &facts().binding(), &Scrambled::default());
    assert_eq!(format!("{ring:?}"), "Keyring(…)");
    assert_eq!(format!("{sealed:?}"), format!("Sealed({}, kek_a)", sealed.dek_id));
    assert!(!sealed.ciphertext.windows(7).any(|part| part == b"sk_live"));
    let opened = open(&ring, &sealed, &facts().binding());
    assert_eq!(format!("{opened:?}"), "Ok(SecretValue(…))");
}

fn any_limits() -> impl Strategy<Value = model::secret::Limits> {
    let environments = proptest::option::of(proptest::collection::vec("[a-z]{1,4}", 0..4));
    let hosts = proptest::option::of(proptest::collection::vec("[a-z]{1,3}\\.[a-z]{2}", 0..4));
    (environments, hosts, any::<bool>()).prop_map(|(environments, hosts, sensitive)| {
        let environments: Option<Vec<&str>> = environments.as_ref().map(|set| set.iter().map(String::as_str).collect());
        let hosts: Option<Vec<&str>> = hosts.as_ref().map(|set| set.iter().map(String::as_str).collect());
        limits(environments.as_deref(), hosts.as_deref(), sensitive)
    })
}

proptest! {
    #[test]
    fn any_value_comes_back(text in any::<String>(), id in any::<String>(), name in "[A-Z][a-z]{0,9}", limits in any_limits()) {
        let facts = Facts { id, name: name.parse().unwrap(), limits };
        let ring = keyring(&[KEY_A]);
        let sealed = seal(&ring, &value(&text), &facts.binding(), &Scrambled::default());
        prop_assert_eq!(sealed.ciphertext.len(), text.len() + 28);
        prop_assert_eq!(sealed.wrapped_dek.len(), 60);
        let opened = open(&ring, &sealed, &facts.binding()).unwrap();
        prop_assert_eq!(opened.expose(), text);
    }

    #[test]
    fn limits_open_only_what_is_bound_to_them(before in any_limits(), after in any_limits()) {
        let entropy = Scrambled::default();
        let (old, new) = (Facts { limits: before, ..facts() }, Facts { limits: after, ..facts() });
        let ring = keyring(&[KEY_A]);
        let sealed = seal(&ring, &value("v"), &old.binding(), &entropy);
        prop_assert_eq!(open(&ring, &sealed, &new.binding()).is_ok(), old.limits == new.limits);
        let moved = with_key(&sealed, rebind(&ring, &sealed, &old.binding(), &new.limits, &entropy).unwrap());
        prop_assert!(open(&ring, &moved, &new.binding()).is_ok());
        prop_assert_eq!(open(&ring, &moved, &old.binding()).is_ok(), old.limits == new.limits);
    }
}
