//! The KEK file on disk: who may read it, and that one is never replaced or half there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "functions that only tests call")]

mod common;

use std::error::Error;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use common::{Facts, KEY_A, Scrambled, value};
use envelope::kek_file::{AddError, LoadError, add, create, load};
use envelope::{KekTextError, Keyring, Place, generate, open, seal};
use model::time::Timestamp;

fn moment() -> Timestamp {
    Timestamp::from_millis(1_795_443_120_000)
}

fn write(path: &Path, text: &str, mode: u32) {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_made_file_loads_and_keeps_opening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kek");
    create(&path, &Scrambled::default(), moment()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["kek"], "nothing else is left behind");

    let facts = Facts::new("sec_1", "a", None, None);
    let sealed = seal(&load(&path).unwrap(), &value("v"), &facts.binding(), &Scrambled::default());
    assert_eq!(open(&load(&path).unwrap(), &sealed, &facts.binding()).unwrap().expose(), "v");
}

#[test]
fn a_file_that_is_there_is_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kek");
    let entropy = Scrambled::default();
    create(&path, &entropy, moment()).unwrap();
    let before = fs::read_to_string(&path).unwrap();
    let error = create(&path, &entropy, moment()).unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::AlreadyExists);
    assert_eq!(error.to_string(), format!("cannot make the KEK file {}", path.display()));
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left behind");

    let nowhere = directory.path().join("no/such/kek");
    assert_eq!(create(&nowhere, &entropy, moment()).unwrap_err().source.kind(), ErrorKind::NotFound);
}

#[test]
fn a_file_that_others_may_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (mode, fine) in [
        (0o600, true),
        (0o400, true),
        (0o700, true),
        (0o640, false),
        (0o604, false),
        (0o620, false),
        (0o602, false),
        (0o610, false),
        (0o601, false),
        (0o644, false),
    ] {
        let path = directory.path().join(format!("kek-{mode:o}"));
        write(&path, KEY_A, mode);
        match load(&path) {
            Ok(keyring) => assert!(fine && keyring.current().as_str() == "kek_a", "{mode:o}"),
            Err(error) => {
                assert!(!fine && matches!(error, LoadError::Exposed { mode: found, .. } if found == mode), "{mode:o}");
                let shown = error.to_string();
                assert!(shown.contains(&format!("mode {mode:04o}")), "{shown}");
                assert!(shown.ends_with(&format!("chmod 600 {}", path.display())), "{shown}");
            }
        }
    }
}

#[test]
fn what_cannot_be_read_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kek");
    assert!(matches!(load(&path), Err(LoadError::Read { source, .. }) if source.kind() == ErrorKind::NotFound));
    write(&path, "kek_a c2hvcnQ=\n", 0o600);
    let error = load(&path).unwrap_err();
    assert!(matches!(error, LoadError::Text { source: KekTextError::Key { line: 1 }, .. }));
    assert_eq!(error.to_string(), format!("the KEK file {} is not in order", path.display()));
    assert!(error.source().unwrap().to_string().starts_with("line 1: the key is not the base64"));
    assert!(!format!("{error:?}").contains("c2hvcnQ"));
}

#[test]
fn a_generated_text_can_be_put_before_another() {
    let entropy = Scrambled::default();
    let old = generate(&entropy, moment());
    let new = generate(&entropy, moment());
    assert!(old.contains(&format!("# Made {}.\n", moment())));
    let (first, second) = (Keyring::parse(&old).unwrap(), Keyring::parse(&new).unwrap());
    let both = Keyring::parse(&format!("{}{}", *new, *old)).unwrap();
    assert_eq!(both.ids().collect::<Vec<_>>(), [second.current(), first.current()]);

    let facts = Facts::new("sec_1", "a", None, None);
    let sealed = seal(&first, &value("v"), &facts.binding(), &entropy);
    assert_eq!(open(&both, &sealed, &facts.binding()).unwrap().expose(), "v");
    assert!(open(&second, &sealed, &facts.binding()).is_err());
}

#[test]
fn a_key_is_added_and_what_was_sealed_still_opens() {
    let directory = tempfile::tempdir().unwrap();
    let (path, link) = (directory.path().join("kek"), directory.path().join("link"));
    let entropy = Scrambled::default();
    create(&path, &entropy, moment()).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let first = load(&path).unwrap();
    let facts = Facts::new("sec_1", "a", None, None);
    let sealed = seal(&first, &value("v"), &facts.binding(), &entropy);

    let second = add(&link, Place::Current, &entropy, moment()).unwrap();
    let third = add(&path, Place::Standby, &entropy, moment()).unwrap();
    let keyring = load(&path).unwrap();
    let ids: Vec<String> = keyring.ids().map(ToString::to_string).collect();
    assert_eq!(ids, [second.to_string(), first.current().to_string(), third.to_string()]);
    assert_eq!(keyring.current(), &second);
    assert!(keyring.made().all(|(_, at)| at == Some(moment())));
    assert_eq!(open(&keyring, &sealed, &facts.binding()).unwrap().expose(), "v");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "the link still is one");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing else is left behind");
}

#[test]
fn a_key_is_added_to_nothing_else_than_a_kek_file_that_is_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kek");
    let entropy = Scrambled::default();
    let adding = || add(&path, Place::Current, &entropy, moment());
    assert!(matches!(adding(), Err(AddError::Load(LoadError::Read { .. }))), "there is none");
    for (text, mode) in [("no key\n", 0o600), (KEY_A, 0o640)] {
        write(&path, text, mode);
        assert!(matches!(adding(), Err(AddError::Load(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left behind");
        fs::remove_file(&path).unwrap();
    }
    write(&path, KEY_A, 0o600);
    let aside = directory.path().join("kek.new");
    write(&aside, "", 0o600);
    assert!(matches!(adding(), Err(AddError::Busy { .. })));
    assert!(aside.exists(), "what another process writes to stays");
    fs::remove_file(&aside).unwrap();
    adding().unwrap();
}
