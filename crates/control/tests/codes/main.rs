//! The list of codes names what the sources give out, with the statuses under which they do, and nothing else.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use control::{CODES, Code};
use scan::{Place, scan};

/// Where codes of this listener stand, seen from the folder of all crates.
const SOURCES: &[&str] = &[
    "control/src",
    "api/src/read.rs",
    "model/src/rotation/plan",
    "model/src/route/validate",
    "model/src/secret",
    "model/src/snapshot/bound.rs",
    "model/src/upstream.rs",
];

/// The list itself, which is no place where codes are given out.
const LIST: &str = "control/src/codes.rs";

/// Files that hand a code on before it meets its status, and the statuses that these codes get.
const HANDED_ON: &[(&str, &[u16])] = &[
    ("api/src/read.rs", &[422]),
    // What a dry run tells beside its answer.
    ("control/src/endpoints/rotations/impact/findings.rs", &[200]),
    ("control/src/endpoints/routes/rules.rs", &[422]),
    // What a repetition is told in a 200.
    ("control/src/endpoints/routes/test.rs", &[200]),
    ("control/src/endpoints/secrets/reach.rs", &[409]),
    ("control/src/endpoints/secrets/rules.rs", &[201]),
    ("control/src/refusal.rs", &[422]),
    ("control/src/waiting.rs", &[503]),
    ("model/src/secret/retention.rs", &[409]),
    ("model/src/secret/rules.rs", &[422]),
    // When a route is saved, and when it is tested.
    ("model/src/snapshot/bound.rs", &[409, 422]),
    ("model/src/upstream.rs", &[422]),
];

/// Words of the form of a code that are none.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("control/src/answer.rs", "no-store"),
    ("control/src/answer.rs", "x-request-id"),
    ("control/src/endpoints/audit/export.rs", "keyroll-audit-size"),
    // A test of a route tells in a 200 what the gateway would have answered.
    ("control/src/endpoints/routes/exchange.rs", "request-invalid"),
    ("control/src/endpoints/routes/mod.rs", "replace-secret"),
    ("control/src/endpoints/routes/replace_secret.rs", "replace-secret"),
    ("control/src/endpoints/routes/roll_back.rs", "roll-back"),
    ("control/src/endpoints/routes/test.rs", "route-test"),
    ("control/src/endpoints/secrets/compare.rs", "no-match"),
    ("control/src/idempotency.rs", "idempotency-key"),
    ("control/src/idempotency.rs", "idempotency-replayed"),
    ("control/src/waiting.rs", "no-store"),
    ("model/src/route/validate/mod.rs", "ip6-localhost"),
    ("model/src/route/validate/mod.rs", "ip6-loopback"),
];

/// By code: the statuses, each with the first file that gives it.
type Given = BTreeMap<String, BTreeMap<u16, String>>;

#[test]
fn the_list_names_every_code_of_the_sources_with_its_statuses() {
    let mut wrong = Vec::new();
    let given = given(&mut wrong);
    wrong.extend(differences(&given, CODES));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_difference_is_told_with_its_file() {
    let given = |list: &[(&str, u16)]| {
        let mut given = Given::new();
        for (code, status) in list {
            given.entry((*code).to_owned()).or_default().insert(*status, "a.rs".to_owned());
        }
        given
    };
    let list = [Code { code: "a-b", statuses: &[404, 422], meaning: "" }];
    assert_eq!(differences(&given(&[("a-b", 404), ("a-b", 422)]), &list), [""; 0]);
    let table = [
        (&[("a-b", 404), ("a-b", 422), ("c-d", 409)][..], "a.rs: c-d (409) is not in control/src/codes.rs"),
        (&[("a-b", 404), ("a-b", 422), ("a-b", 409)], "a.rs: control/src/codes.rs has a-b under [404, 422], not 409"),
        (&[("a-b", 404)], "control/src/codes.rs: nothing gives a-b under 422"),
    ];
    for (found, expected) in table {
        assert_eq!(differences(&given(found), &list), [expected]);
    }
}

#[test]
fn the_list_is_in_order_and_says_what_to_do() {
    assert!(CODES.is_sorted_by(|one, next| one.code < next.code), "by name, each once");
    for entry in CODES {
        assert!(scan::is_code(entry.code) || entry.code == "internal", "{}", entry.code);
        assert!(!entry.statuses.is_empty() && entry.statuses.is_sorted_by(|one, next| one < next), "{}", entry.code);
        let meaning = entry.meaning;
        assert!(meaning.ends_with('.') && !meaning.contains(['|', '\n']), "{}: {meaning}", entry.code);
        assert!(!meaning.trim_end_matches('.').contains(". "), "{}: one sentence: {meaning}", entry.code);
    }
}

/// Where the sources and the list part.
fn differences(given: &Given, list: &[Code]) -> Vec<String> {
    let mut found = Vec::new();
    for (code, statuses) in given {
        let listed = list.iter().find(|entry| entry.code == code);
        for (status, file) in statuses {
            match listed {
                None => found.push(format!("{file}: {code} ({status}) is not in {LIST}")),
                Some(entry) if entry.statuses.contains(status) => {}
                Some(entry) => {
                    found.push(format!("{file}: {LIST} has {code} under {:?}, not {status}", entry.statuses))
                }
            }
        }
    }
    for entry in list {
        let statuses = given.get(entry.code);
        let unused = |status: &&u16| statuses.is_none_or(|statuses| !statuses.contains_key(status));
        let unused = entry.statuses.iter().filter(unused);
        found.extend(unused.map(|status| format!("{LIST}: nothing gives {} under {status}", entry.code)));
    }
    found
}

/// What the sources give out. What cannot be told goes into `wrong`.
fn given(wrong: &mut Vec<String>) -> Given {
    let mut given = Given::new();
    let mut others: BTreeSet<(&str, &str)> = OTHER_WORDS.iter().copied().collect();
    let mut hands_on: BTreeSet<&str> = HANDED_ON.iter().map(|(file, _)| *file).collect();
    for (file, text) in files() {
        for (code, place) in scan(&text) {
            let statuses = match place {
                Place::Under(status) => vec![status],
                Place::Alone => {
                    if let Some(other) = OTHER_WORDS.iter().find(|other| **other == (file.as_str(), code.as_str())) {
                        others.remove(other);
                        continue;
                    }
                    let Some((known, statuses)) = HANDED_ON.iter().find(|(known, _)| *known == file) else {
                        wrong.push(format!(
                            "{file}: {code} stands without a status: add the file to HANDED_ON with the statuses that \
                             its codes get, or the word to OTHER_WORDS where it is no code"
                        ));
                        continue;
                    };
                    hands_on.remove(known);
                    statuses.to_vec()
                }
            };
            let known = given.entry(code).or_default();
            for status in statuses {
                known.entry(status).or_insert_with(|| file.clone());
            }
        }
    }
    wrong.extend(others.iter().map(|(file, word)| format!("OTHER_WORDS: {word} is no longer in {file}")));
    wrong.extend(hands_on.iter().map(|file| format!("HANDED_ON: {file} hands no code on any longer")));
    given
}

/// All sources with their paths from the folder of all crates.
fn files() -> Vec<(String, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    let mut left: Vec<PathBuf> = SOURCES.iter().map(|source| crates.join(source)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(crates).unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".rs") && !name.ends_with("/tests.rs") && name != LIST {
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    files.sort();
    files
}
