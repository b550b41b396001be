//! Checkpoints: signed by one key, read by whoever has its public half, and by nobody else's.

mod common;

use common::Scrambled;
use envelope::{FingerprintKey, NoteError, Verifier};

#[test]
fn what_was_signed_is_read_and_nothing_else() {
    let entropy = Scrambled::default();
    let (key, other) = (FingerprintKey::generate(&entropy).audit_key(), FingerprintKey::generate(&entropy).audit_key());
    let note = key.sign(1042, &[7; 32]);
    let verifier = Verifier::parse(&key.verifier().to_string()).unwrap();
    let read = verifier.open(&note).unwrap();
    assert_eq!((read.size, read.root), (1042, [7; 32]));
    assert!(note.starts_with(&format!("{}\n1042\n", read.origin)), "{note}");
    // Beside it another signature may stand.
    let twice = format!("{note}— somebody.example AAAAAAAA\n");
    assert_eq!(verifier.open(&twice).unwrap(), read);

    assert_eq!(other.verifier().open(&note), Err(NoteError::Unsigned));
    assert_eq!(verifier.open(&note.replace("1042", "1043")), Err(NoteError::Forged));
    assert_eq!(verifier.open(&note.replace("BwcH", "BwcI")), Err(NoteError::Forged));
    for broken in ["", "a\n\n", &note[..note.len() - 40], &note.replace("— ", "- ")] {
        assert!(verifier.open(broken).is_err(), "{broken}");
    }
    for broken in ["", "a+b", "a+00000000+AQ==", &key.verifier().to_string().replace('+', "-")] {
        assert_eq!(Verifier::parse(broken), Err(NoteError::Key), "{broken}");
    }
    assert!(format!("{key:?}").starts_with("AuditKey(\"keyroll/"));
}

#[test]
fn the_example_of_the_standard_is_read() {
    // From the documentation of golang.org/x/mod/sumdb/note.
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert!(Verifier::parse(key).is_ok());
    let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    // It is signed, and no checkpoint.
    assert_eq!(Verifier::parse(key).unwrap().open(note), Err(NoteError::Form));
    assert_eq!(Verifier::parse(key).unwrap().open(&note.replace("your", "my")), Err(NoteError::Forged));
}
