//! What was changed in an export is found, and named by its number.

use envelope::FingerprintKey;

use super::*;
use crate::ambient::SystemEntropy;

fn record(sequence: u64) -> String {
    format!("{{\"action\":\"x\",\"sequence\":{sequence}}}")
}

fn line(sequence: u64) -> String {
    let leaf: String = store::leaf_hash(record(sequence).as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{{\"leaf_hash\":\"{leaf}\",\"record\":{}}}\n", record(sequence))
}

fn tree(size: u64) -> Tree {
    let mut tree = Tree::default();
    (1..=size).for_each(|sequence| tree.push(store::leaf_hash(record(sequence).as_bytes())));
    tree
}

fn end(key: &envelope::AuditKey, size: u64) -> String {
    format!("{}\n", json!({"checkpoint": key.sign(size, &tree(size).root())}))
}

type Found = (u64, Option<&'static str>);

fn check(key: &envelope::AuditKey, earlier: &[Checkpoint], text: &str, piece: usize, promised: Option<u64>) -> Found {
    let (verifier, earlier) = (key.verifier().clone(), earlier.to_vec());
    let mut check =
        Check { rest: Vec::new(), sound: 0, tree: Tree::default(), fault: None, verifier, earlier, ended: false };
    text.as_bytes().chunks(piece).for_each(|piece| check.take(piece));
    check.end(promised)
}

#[test]
fn what_was_changed_is_found() {
    let [key, other] = [(); 2].map(|()| FingerprintKey::generate(&SystemEntropy).audit_key());
    let events = [line(1), line(2), line(3)].concat();
    let whole = events.clone() + &end(&key, 3);
    let table = [
        (whole.clone(), Some(3), (3, None)),
        (whole.clone(), None, (3, None)),
        (end(&key, 0), Some(0), (0, None)),
        (whole.clone(), Some(4), (3, Some("is missing"))),
        (whole.clone(), Some(2), (3, Some("is one more than was promised"))),
        (events.clone(), None, (3, Some("is missing, or the checkpoint is"))),
        ([line(1), line(3)].concat(), None, (1, Some("is missing"))),
        ([line(1), line(1), line(2)].concat(), None, (1, Some("stands out of its order"))),
        (whole.replacen("\"x\"", "\"y\"", 1), None, (0, Some("does not match its hash"))),
        (line(1) + "{}\n" + &line(2), None, (1, Some("is not written as an event is"))),
        (events.trim_end().to_owned(), None, (2, Some("is cut off"))),
        (line(1) + &line(2) + &end(&key, 3), None, (2, Some("is missing: the checkpoint is of more"))),
        (events.clone() + &end(&key, 2), None, (3, Some("is a checkpoint of other events"))),
        (events.clone() + &end(&other, 3), None, (3, Some("is a checkpoint by another key"))),
        (whole.clone() + &line(4), None, (3, Some("stands behind the checkpoint"))),
        (events + "{\"checkpoint\":7}\n", None, (3, Some("is not a checkpoint"))),
    ];
    for (text, promised, expected) in table {
        for piece in [1, 7, 4096] {
            assert_eq!(check(&key, &[], &text, piece, promised), expected, "{text}");
        }
    }
}

#[test]
fn an_audit_that_was_rewritten_or_cut_does_not_fit_an_earlier_checkpoint() {
    let key = FingerprintKey::generate(&SystemEntropy).audit_key();
    let earlier = |size, root| Checkpoint { origin: "x".to_owned(), size, root };
    let whole = [line(1), line(2), line(3)].concat() + &end(&key, 3);
    assert_eq!(check(&key, &[earlier(2, tree(2).root())], &whole, 100, None), (3, None));
    let rewritten = check(&key, &[earlier(2, [7; 32])], &whole, 100, None);
    assert_eq!(rewritten, (2, Some("or one before it is not what an earlier checkpoint was made of")));
    let cut = check(&key, &[earlier(9, [7; 32])], &whole, 100, None);
    assert_eq!(cut, (3, Some("is missing: an earlier checkpoint is of more")));
}
