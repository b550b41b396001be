//! Two verifiers, written apart, agree on every export that somebody has tampered with.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use testkit::TestNode;

use crate::house::{KEYROLL, secret};

struct Verdict {
    ours: i32,
    second: i32,
    said: String,
}

/// Both verifiers on an export, offline.
fn verify(folder: &Path, export: &[u8], checkpoint: Option<&str>) -> Verdict {
    std::fs::write(folder.join("export"), export).unwrap();
    let mut ours = Command::new(KEYROLL);
    ours.args(["audit", "verify", "--export", "export", "--public-key", "key"]).current_dir(folder).env_clear();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/verify_audit.py");
    let mut second = Command::new("python3");
    second.arg(script).args(["export", "key"]).current_dir(folder);
    if let Some(note) = checkpoint {
        std::fs::write(folder.join("earlier"), note).unwrap();
        ours.args(["--checkpoint", "earlier"]);
        second.arg("earlier");
    }
    let (ours, second) = (ours.output().unwrap(), second.output().unwrap());
    let said = format!("{}{}", String::from_utf8_lossy(&ours.stderr), String::from_utf8_lossy(&second.stderr));
    Verdict { ours: ours.status.code().unwrap(), second: second.status.code().unwrap(), said }
}

#[test]
fn both_verifiers_find_what_was_done_to_an_export() {
    let node = TestNode::start(KEYROLL);
    let folder = tempfile::tempdir().unwrap();
    secret(&node, "one", "sk_value_of_one_0001");
    let checkpoint = || node.api("GET", "/v1/audit/checkpoint", None).expect(200).json();
    let early = checkpoint();
    let early_note = early["note"].as_str().unwrap();
    std::fs::write(folder.path().join("key"), early["public_key"].as_str().unwrap()).unwrap();
    for number in 0..7 {
        secret(&node, &format!("more_{number}"), &format!("sk_value_of_more_{number}"));
    }
    let export = node.api("GET", "/v1/audit/export", None).expect(200).text();
    let lines: Vec<&str> = export.lines().collect();
    let (events, end) = lines.split_at(lines.len() - 1);
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let with = |events: &[&str]| joined(&[events, end].concat());
    assert_eq!(export, with(events));
    let without = |number: usize| with(&[&events[..number], &events[number + 1..]].concat());
    let swapped = with(&[&events[..2], &[events[3], events[2]], &events[4..]].concat());
    let edited = export.replacen("token:bootstrap", "token:somebody", 1);
    assert_ne!(edited, export);
    let later = format!("{}\n", json!({"checkpoint": checkpoint()["note"].as_str().unwrap()}));
    let earlier = format!("{}\n", json!({"checkpoint": early_note}));

    for (what, text, note, code) in [
        ("as it is", export.clone(), None, 0),
        ("and fits what was before", export.clone(), Some(early_note.to_owned()), 0),
        ("the first removed", without(0), None, 2),
        ("one removed", without(3), None, 2),
        ("the last removed", without(events.len() - 1), None, 2),
        ("two exchanged", swapped, None, 2),
        ("one edited", edited, None, 2),
        ("one put in", with(&[&events[..2], &[events[1]], &events[2..]].concat()), None, 2),
        ("no checkpoint", joined(events), None, 2),
        ("the checkpoint of less", joined(events) + &earlier, None, 2),
        ("cut in the middle of a line", export[..export.len() / 2].to_owned(), None, 2),
        ("something behind the end", format!("{export}{}\n", events[0]), None, 2),
        ("two ends", format!("{export}{later}"), None, 2),
        ("nothing at all", String::new(), None, 2),
        // Cut, and signed anew by whoever has the keys: only a checkpoint from before tells.
        (
            "an older state",
            joined(&events[..usize::try_from(early["size"].as_u64().unwrap()).unwrap()]) + &earlier,
            None,
            0,
        ),
        (
            "an older state against a later checkpoint",
            joined(&events[..usize::try_from(early["size"].as_u64().unwrap()).unwrap()]) + &earlier,
            Some(checkpoint()["note"].as_str().unwrap().to_owned()),
            2,
        ),
    ] {
        let verdict = verify(folder.path(), text.as_bytes(), note.as_deref());
        assert_eq!((verdict.ours, verdict.second), (code, code), "{what}: {}", verdict.said);
    }

    // By the key of another database, nothing is right.
    let other = TestNode::start(KEYROLL);
    let foreign = other.api("GET", "/v1/audit/checkpoint", None).expect(200).json();
    std::fs::write(folder.path().join("key"), foreign["public_key"].as_str().unwrap()).unwrap();
    let verdict = verify(folder.path(), export.as_bytes(), None);
    assert_eq!((verdict.ours, verdict.second), (2, 2), "{}", verdict.said);
}
