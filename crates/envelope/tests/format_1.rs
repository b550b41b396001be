//! Format 1, byte for byte: what is stored today opens for ever. The expected bytes were computed by another
//! implementation (Python's `cryptography` and `hmac`) from the description on the crate's page.
//!
//! When this test fails, the format has changed: restore it, or make a format 2 beside it.

mod common;

use common::{Counting, Facts, KEY_A, keyring, unhex, value};
use envelope::{FORMAT, FingerprintKey, Sealed, WrappedKey, open, seal, token};

const DEK_ID: &str = "dek_000102030405060708090a0b0c0d0e0f";
const CIPHERTEXT: &str = "303132333435363738393a3be57b7ae5994bf309d782af239f1d4cc40001fccc90077e487dd7";
const WRAPPED_DEK: &str = "3c3d3e3f4041424344454647024d8a6aab9351f291b8e2b30e8d3929a2157c2a05bc17e8fe4fc9d84a2805e3fdd6b1aa0ea0ed3846d501107c50cfea";
const WRAPPED_FINGERPRINT_KEY: &str = "202122232425262728292a2bae432c8cc05eff825333b76cbea78df13ba1b77e5fae9ff27d9bab8143d651a5bd7fa80c5a39b925139958895bef626f";
const WRAPPED_BEFORE_SEALS: &str = "202122232425262728292a2bae432c8cc05eff825333b76cbea78df13ba1b77e5fae9ff27d9bab8143d651a501e67a4e66e95dea398dfd3f5f01f662";
const ROW: &str = "0000000000000000046e616d650200000000000000087061796d656e747300000000000000000776657273696f6e010000000000000008fffffffffffffffe0000000000000000047365656e03000000000000000200ff";
const SEAL: &str = "81e6e1435ba6df549e45f076165f71f62a27cae6e36a56b2d3f4099b36280845";
const SIGNING_KEY: &str = "krs_L9KrdWjyITEndxzJzgNNdFHIGjnKaa2HWfpULB5DJ1I0mJQHu";
const FINGERPRINT: &str = "kf_34a668bf5bf80c1a93dd542a5cb44beb";
const DIGEST: &str = "8f9caca18663f009cb44fd989dbad27f9db187a77ed48ce673e6870e26f32729";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_sealed_value() {
    let ring = keyring(&[KEY_A]);
    let facts = Facts::new("sec_1", "stripe_api_key", Some(&["production", "eu"]), None);
    let stored = Sealed {
        format: 1,
        ciphertext: unhex(CIPHERTEXT),
        dek_id: DEK_ID.to_owned(),
        wrapped_dek: unhex(WRAPPED_DEK),
        kek_id: "kek_a".to_owned(),
    };
    assert_eq!(open(&ring, &stored, &facts.binding()).unwrap().expose(), "sk_live_ä");

    let sealed = seal(&ring, &value("sk_live_ä"), &facts.binding(), &Counting::default());
    assert_eq!((FORMAT, sealed.dek_id.as_str(), sealed.kek_id.as_str()), (1, DEK_ID, "kek_a"));
    assert_eq!(hex(&sealed.ciphertext), CIPHERTEXT);
    assert_eq!(hex(&sealed.wrapped_dek), WRAPPED_DEK);
}

#[test]
fn fingerprints_and_digests() {
    let ring = keyring(&[KEY_A]);
    let stored = WrappedKey { bytes: unhex(WRAPPED_FINGERPRINT_KEY), kek_id: "kek_a".to_owned() };
    let key = FingerprintKey::unwrap(&ring, &stored).unwrap();
    assert_eq!(key.fingerprint(&value("sk_live_ä")), FINGERPRINT);
    assert_eq!(hex(&key.digest("idempotency", b"body")), DIGEST);

    let entropy = Counting::default();
    assert_eq!(FingerprintKey::generate(&entropy).wrap(&ring, &entropy), stored);

    let before = WrappedKey { bytes: unhex(WRAPPED_BEFORE_SEALS), kek_id: "kek_a".to_owned() };
    assert!(FingerprintKey::unwrap(&ring, &before).is_err());
    assert_eq!(FingerprintKey::unwrap_unsealed(&ring, &before).unwrap().fingerprint(&value("sk_live_ä")), FINGERPRINT);

    // The columns name = "payments", version = -2, spec = NULL and seen = the bytes 00 ff.
    let row = unhex(ROW);
    assert_eq!(hex(&key.row_key().seal("routes", &row)), SEAL);

    assert_eq!(*key.signing_keys().of("key_0192f0c1").into_text(), SIGNING_KEY);
    assert!(model::token::well_formed(SIGNING_KEY, model::token::SIGNING_KEY));
    assert_ne!(*key.signing_keys().of("key_0192f0c2").into_text(), SIGNING_KEY);
}

#[test]
fn a_token_and_its_digest() {
    let entropy = Counting::default();
    let first = token::issue(model::token::CLIENT_KEY, &entropy);
    let second = token::issue(model::token::ADMIN_TOKEN, &entropy);
    assert_eq!(first.as_str(), "krk_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3yjyXs");
    assert_eq!(hex(&token::digest(&first)), "a121b51f78aea09fca295056bd01b6a676be6a799c79f9f6de0328a0307f477e");
    assert!(model::token::well_formed(&first, model::token::CLIENT_KEY));
    assert!(model::token::well_formed(&second, model::token::ADMIN_TOKEN));
    assert_ne!(first[4..], second[4..]);
}
